"""What we last wrote into a record, in a row: the differences from its shadow alone.

Nearly always we wrote what the record holds, so the row of a link is half as large as with both in full.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from model.event import JsonValue


def written_from(
    stored: Mapping[str, JsonValue] | Sequence[Any], shadow: Mapping[str, JsonValue]
) -> Mapping[str, JsonValue]:
    """Read what a row keeps; rows of older versions have all of it, as an object."""
    if isinstance(stored, Mapping):
        return stored
    others, never = stored
    if not never:
        return {**shadow, **others}
    return {name: value for name, value in shadow.items() if name not in never} | others


def written_row(written: Mapping[str, JsonValue], shadow: Mapping[str, JsonValue]) -> list[Any]:
    """Return what a row keeps: [vendor field -> value where it is not the shadow's, fields never written]."""
    others = {
        name: value for name, value in written.items() if name not in shadow or not _is(value, shadow[name])
    }
    return [others, [name for name in shadow if name not in written]]


def _is(value: JsonValue, other: JsonValue) -> bool:
    return type(value) is type(other) and bool(value == other)  # 1, 1.0 and True are three values
