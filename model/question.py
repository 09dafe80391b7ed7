"""What a person is asked about a record that may be a deal that is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from model.event import RecordRef


@dataclass(frozen=True, slots=True)
class Question:
    """A record, or two of one connection, and the deals that it may be."""

    id: int
    connection: str
    object: str
    records: tuple[str, ...]
    deals: tuple[str, ...]
    state: str
    since: datetime

    @property
    def ref(self) -> RecordRef | None:
        """The record that is asked about; ``None`` of two of one deal, which people unite in the CRM."""
        return RecordRef(self.connection, self.object, self.records[0]) if len(self.records) == 1 else None

    @property
    def what(self) -> str:
        """What it is about, in a phrase."""
        return f"{self.connection}: {self.object} {' and '.join(self.records)}"
