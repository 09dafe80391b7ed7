"""What may become of a sending, beside what a connector says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from model.change import Outcome, Record
from model.event import JsonValue, RecordRef


@dataclass(frozen=True, slots=True)
class Moved:
    """Outcome of a read before a write: somebody changed the record; the decider merges first."""

    key: str
    record: Record


@dataclass(frozen=True, slots=True)
class Written:
    """Outcome of an update, or of a read that found nothing missing: what is agreed, what is ours."""

    key: str
    ref: RecordRef
    fields: Mapping[str, JsonValue]
    written: Mapping[str, JsonValue]
    is_read: bool
    modified_at: datetime | None = None  # the vendor's stamp of what is agreed, where it is told
    is_news: bool = False  # the record holds more than that: it is to be read


@dataclass(frozen=True, slots=True)
class Refused:
    """Outcome of a call that nobody may make before a person acts: it waits, and no change pays for it."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Released:
    """Outcome of a series of calls that took too long: the row is free, and looked at before it is sent."""

    key: str


Ended = Outcome | Moved | Written | Refused | Released
"""What becomes of a sending."""
