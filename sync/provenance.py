"""Provenance of fields in a row: [source, time, event, when it was confirmed, by people] and its fields.

Most fields come with one post, so what they have in common is kept once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from model.lead import Provenance
from model.times import from_text, to_text


def provenance_from(stored: Mapping[str, Sequence[Any]] | Sequence[Any]) -> dict[str, Provenance]:
    """Read what a row keeps; rows of older versions have an origin for each field, as an object."""
    if isinstance(stored, Mapping):
        return {name: _origin(*origin) for name, origin in stored.items()}
    return {name: origin for row, names in stored for origin in (_origin(*row),) for name in names}


def provenance_row(provenance: Mapping[str, Provenance]) -> list[Any]:
    """Return what a row keeps: [origin, [field, ...]], ..."""
    fields: dict[Provenance, list[str]] = {}
    for name, origin in provenance.items():
        fields.setdefault(origin, []).append(name)
    return [[_row(origin), names] for origin, names in fields.items()]


def _row(origin: Provenance) -> list[Any]:
    row = [origin.source, to_text(origin.at), origin.event]
    confirmed_at = to_text(origin.confirmed_at) if origin.confirmed_at else None
    if origin.by_people:
        return [*row, confirmed_at, True]
    return [*row, confirmed_at] if confirmed_at else row


@lru_cache(maxsize=10_000)
def _origin(
    source: str, at: str, event: int, confirmed_at: str | None = None, by_people: bool = False
) -> Provenance:
    """Return what an event's fields all have in common."""
    confirmed = from_text(confirmed_at) if confirmed_at else None
    return Provenance(source, from_text(at), event, confirmed, by_people)
