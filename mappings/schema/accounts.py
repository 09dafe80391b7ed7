"""accounts.yaml"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mappings.schema.words import Names, Strict, Text

Likely = Annotated[float, Field(ge=0.5, lt=1)]
Has = Literal["customer", "open_deal", "owner"]
TieBreaker = Literal["customer", "open_deals", "parent", "same_country", "likeliest", "oldest"]


class AccountMatchMap(Strict):
    """How a lead is matched to an account that its domain does not name."""

    same: Likely = Field(0.99, description="How likely it must be before the lead belongs to that account.")
    review: Likely = Field(0.8, description="How likely it must be before a person is asked.")
    only: list[Has] = Field(
        default_factory=list, description="Only accounts that have all of these: customer, open_deal, owner."
    )
    tie_breakers: list[TieBreaker] = Field(
        default=["customer", "open_deals", "same_country", "likeliest", "oldest"],
        description="Which of several that are sure it is: the first in which they differ.",
    )
    fallback: Literal["domain", "none"] = Field(
        "domain", description="While a person is asked: an account of the lead's own domain, or none yet."
    )


class AccountsFile(Strict):
    """Which domains stand for a company."""

    shared_domains: Names = Field(
        default_factory=list,
        description="Domains of many companies or of none, beside free mail: a provider, a school, a host.",
    )
    aliases: dict[Text, Text] = Field(
        default_factory=dict, description="Domain: the one that stands for the same company."
    )
    match: AccountMatchMap | None = Field(
        None, description="Match leads to accounts by several fields, too; left out: by domain alone."
    )
