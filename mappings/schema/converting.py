"""The options of converters that take some: ``convert: [{split: {on: ",", part: 1}}, trim]``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from mappings.schema.words import Strict

Mark = Annotated[str, Field(min_length=1, max_length=20)]


def _is_part(number: int) -> int:
    if number == 0:
        raise ValueError("parts are counted from 1, from the end from -1")
    return number


class SplitOptions(Strict):
    """One part of a text."""

    on: Mark = Field(description="What stands between the parts.")
    part: Annotated[int, AfterValidator(_is_part)] = Field(
        description="Which part: 1 is the first, -1 the last. Where there is none the field stays blank."
    )


class MultiSelectOptions(Strict):
    """Several values in one field."""

    on: Mark | None = Field(None, description='What stands between the values; left out: ";" or ",".')
    to: Mark = Field(";", description="What is put between them; both CRMs want ;.")


class DateOptions(Strict):
    """How a sender writes dates."""

    order: Literal["day_first", "month_first", "year_first"] | None = Field(
        None, description="Which number of 03/04/2026 is the day; left out, such a date is refused."
    )
    zone: str = Field("UTC", description="Time zone of times that say none, by its IANA name: Europe/Berlin.")
    form: str | None = Field(
        None, description="The one form that is read: DD.MM.YYYY HH:mm; left out, the usual ones."
    )


class StateOptions(Strict):
    """What of a state is kept."""

    to: Literal["code", "name"] = Field("code", description="Its code (CA) or its name (California).")


class ExpressionOptions(Strict):
    """An expression over the value; the text alone means the same."""

    text: Annotated[str, Field(min_length=1)] = Field(
        description="What is made of ``value``, the name of what came so far: value > 50 ? 'big' : 'small'."
    )

    @model_validator(mode="before")
    @classmethod
    def _said(cls, given: Any) -> Any:
        return {"text": given} if isinstance(given, str) else given


OPTIONS: Mapping[str, type[Strict]] = {
    "split": SplitOptions,
    "multi_select": MultiSelectOptions,
    "date": DateOptions,
    "day": DateOptions,
    "state": StateOptions,
    "expression": ExpressionOptions,
}
"""Converter -> what may be said of it."""

NEEDED = frozenset({"split", "expression"})
"""Converters that mean nothing without their options."""


def _is_step(value: Any) -> Any:
    if isinstance(value, str) and value:
        return value
    if isinstance(value, dict) and len(value) == 1:
        return value
    raise ValueError(
        'a converter\'s name is expected here, or one name with its options: {split: {on: ",", part: 1}}'
    )


def _listed(value: Any) -> Any:
    """Let a single step stand where a list is expected."""
    return [value] if isinstance(value, str | dict) else value


Step = Annotated[
    Any,
    AfterValidator(_is_step),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {name: model.model_json_schema() for name, model in OPTIONS.items()}
                    | {"expression": {"type": "string"}},
                    "additionalProperties": False,
                    "minProperties": 1,
                    "maxProperties": 1,
                },
            ]
        }
    ),
]
"""A converter's name, or the name with its options."""

Steps = Annotated[list[Step], BeforeValidator(_listed)]
