"""icp.yaml"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mappings.schema.words import Condition, Strict, Text

Percent = Annotated[int, Field(ge=0, le=100)]


class IcpCriterionMap(Strict):
    """One thing that the customers we want have in common."""

    name: Text = Field(description="What it is, as people will read it.")
    when: Condition = Field(description="It is met while the lead, or the account for it, satisfies this.")
    weight: int | None = Field(
        None, ge=0, le=100, description="What it counts beside the others; left out of a required one: 0."
    )
    required: bool = Field(False, description="Who does not meet it is outside, whatever else is met.")


class IcpFile(Strict):
    """The ideal customer profile: criteria, and the tiers that follow from those that are met."""

    criteria: list[IcpCriterionMap] = Field(min_length=1, description="What customers we want are like.")
    tiers: dict[Text, Percent] = Field(
        min_length=1,
        description="Tier: from which share of the weights on, in percent: {A: 70, B: 40, C: 0}.",
    )
    outside: Text | None = Field(
        None, description="The tier of who lacks a required one, or all tiers; left out: none."
    )
