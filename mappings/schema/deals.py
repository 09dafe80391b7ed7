"""deals.yaml"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from mappings.schema.words import Name, Strict, Text


class DealStageMap(Strict):
    """One stage of deals."""

    name: Name = Field(description="The stage, as CRM maps name it.")
    outcome: Literal["open", "won", "lost"] = Field("open", description="How a deal in this stage stands.")
    lead_stage: str = Field(
        "", description="The lifecycle stage that it leads the people of the deal to; left out: none."
    )
    pipeline: str = Field("", description="The pipeline that it belongs to, where a CRM has several.")


def _is_currency(text: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", text):
        raise ValueError("a currency is three letters, such as EUR")
    return text


class DealsFile(Strict):
    """The stages of deals, whichever CRM they live in, and what they mean for the people in them."""

    currency: Annotated[
        str, AfterValidator(_is_currency), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"})
    ] = Field(description="What amounts are in where a CRM does not say: EUR.")
    time_zone: Text = Field(
        "UTC", description="Where a moment stands for a day: the time zone of the HubSpot account."
    )
    stages: list[DealStageMap] = Field(min_length=1, description="The stages, in their order.")
