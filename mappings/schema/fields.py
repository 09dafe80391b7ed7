"""fields.yaml"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mappings.schema.privacy import PersonalClass
from mappings.schema.words import FIELD_NAME, Names, Strict


class ExtraField(Strict):
    """A lead field of your own."""

    type: Literal["text", "integer", "number", "boolean", "date"] = Field(
        "text", description="What it holds."
    )
    options: Names = Field(
        default_factory=list,
        description="text: the values there are; anything else that is posted is left blank, and said.",
    )
    description: str = Field("", description="What it means, for people.")
    personal: PersonalClass | Literal["none"] | None = Field(
        None, description="The class of personal data, for privacy.yaml; none: it tells of no person."
    )


class FieldsFile(Strict):
    """Lead fields beyond the built-in ones."""

    fields: dict[Annotated[str, Field(pattern=FIELD_NAME)], ExtraField] = Field(
        default_factory=dict, description="Name: type and meaning."
    )
