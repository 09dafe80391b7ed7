"""What settings of all files are made of: names, texts, durations, lists, conditions."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from mappings.values.durations import duration


class Strict(BaseModel):
    """No unknown settings, and nothing is guessed: ``12`` is not text, ``"12"`` is no number."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _with_unit(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(
            f"a duration is expected here, not {value}", f"Say the unit: {value}d, {value}h or {value}m."
        )
    return value


def _is_duration(text: str) -> str:
    duration(text)
    return text


def _is_scalar(value: Any) -> Any:
    if isinstance(value, list | dict):
        raise ValueError("one value is expected here, not a list or a mapping")
    return value


def _listed(value: Any) -> Any:
    """Let a single name stand where a list is expected."""
    return [value] if isinstance(value, str) else value


NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
FIELD_NAME = r"^[a-z][a-z0-9_]{0,39}$"
REGION = r"^[A-Z]{2}$"
LONGEST_NAME = 64  # characters: what the store's columns for names hold
Duration = Annotated[
    str,
    BeforeValidator(_with_unit),
    AfterValidator(_is_duration),
    WithJsonSchema({"type": "string", "pattern": r"^\s*\d{1,6}\s*[smhd]\s*$"}),
]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, pattern=NAME)]
Label = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
"""A name that we do not choose, or that stands in no address: an object of a vendor, a pool."""
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Names = Annotated[list[Text], BeforeValidator(_listed, json_schema_input_type=str | list[str])]
Scalar = Annotated[
    Any, AfterValidator(_is_scalar), WithJsonSchema({"type": ["string", "number", "boolean", "null"]})
]


def _condition(value: Any) -> Any:
    """Let an expression stand for a condition that is nothing else."""
    return {"expression": value} if isinstance(value, str) else value


Condition = Annotated[
    dict[str, Any],
    BeforeValidator(_condition),
    WithJsonSchema(
        {
            "type": ["object", "string"],
            "description": "Field names with a value, a list of values, or operators such as at_least; "
            "several must all hold. Combine with all:, any: and not:. A text is an expression.",
        }
    ),
]
