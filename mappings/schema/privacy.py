"""privacy.yaml"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from mappings.schema.words import Label, Names, Strict, Text

PersonalClass = Literal["email", "phone", "name", "address", "free_text", "ip", "identifier", "web"]
Level = Literal["plain", "partly", "hidden"]
Where = Literal["messages", "pages", "exports"]


class MaskRuleMap(Strict):
    """How much of personal data is shown; of all rules that fit the strictest counts."""

    regions: Names = Field(
        default_factory=list,
        description="Regions of this file or of consent.yaml, or elsewhere; left out: everywhere. Whose "
        "country is not known is in all of them.",
    )
    channels: Annotated[
        list[Where], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
    ] = Field(
        default_factory=list,
        description="messages: Slack, Teams, mail. pages: the pages. exports: the read API, --masked output. "
        "Left out: all. Nothing personal goes into logs, whatever is set.",
    )
    show: dict[PersonalClass, Level] = Field(
        min_length=1,
        description="Class: plain, partly (a***@acme.com) or hidden. What is not named is plain.",
    )


class PrivacyFile(Strict):
    """How much of personal data is shown, by region and place."""

    rules: list[MaskRuleMap] = Field(min_length=1, description="All that fit count, the strictest first.")
    regions: dict[Label, list[Text]] = Field(
        default_factory=dict, description="Name: its countries, in two letters."
    )
    fields: dict[Text, PersonalClass | Literal["none"]] = Field(
        default_factory=dict,
        description="Built-in lead field: its class, where that is not the usual one.",
    )
