"""Makes fields in an account: what is wanted, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class NewField:
    """A field that an object should have."""

    object: str  # "contacts", "Lead"
    name: str
    type: str  # as in ``inspection.Field``: "text", "number", "bool", "datetime", "date", "choice"
    label: str
    length: int = 255  # characters, of a text
    options: tuple[str, ...] = ()  # of a choice
    is_unique: bool = False  # no two records hold the same value, and records can be looked up by it
    purpose: str = ""
    rule: str = ""  # the line of the map that wants it

    def __str__(self) -> str:
        return f"{self.object}.{self.name}"


@dataclass(frozen=True, slots=True)
class Made:
    """What became of one field; ``refusal`` is blank where it is there and may be used now."""

    field: NewField
    refusal: str = ""


class Maker(Protocol):
    """Makes fields in one account, in the fewest calls. What is there already is left as it is."""

    def make(self, fields: Sequence[NewField]) -> Iterator[Made]:
        """Make fields; each gets one answer. Raises ``ConnectorError`` when the account cannot be asked."""

    def steps(self, field: NewField) -> Sequence[str]:
        """Return what a person does in the vendor's pages to make a field."""
