"""accounts.yaml"""

from __future__ import annotations

from pydantic import Field

from mappings.schema.words import Names, Strict, Text


class AccountsFile(Strict):
    """Which domains stand for a company."""

    shared_domains: Names = Field(
        default_factory=list,
        description="Domains of many companies or of none, beside free mail: a provider, a school, a host.",
    )
    aliases: dict[Text, Text] = Field(
        default_factory=dict, description="Domain: the one that stands for the same company."
    )
