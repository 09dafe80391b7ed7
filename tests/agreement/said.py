"""What people did and said in a run, each with its number in the order of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Edit:
    """What a person typed, and what leadrelay knew of that field before."""

    at: int  # its number among all that people did and said
    connection: str
    object: str
    id: str
    field: str  # the lead's, the account's or the deal's
    value: str  # in our form
    typed: Any  # in the vendor's, as the record holds it
    reads: int  # how often it had read the field
    known: Sequence[Any]  # what it last knew the field to hold; before a merge, on each of the records


@dataclass(frozen=True, slots=True)
class Merge:
    """Two records that a person made one, and what the person let it hold."""

    at: int
    connection: str
    object: str
    survivor: str
    values: Mapping[str, Any]  # of the lead's fields


@dataclass(frozen=True, slots=True)
class Said:
    """What a form post said of a field."""

    at: int
    email: str
    field: str
    value: str
