"""How well the changes of each CRM are followed: what was read to the end, what failed, what waits."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from model.times import to_text
from sync import cursors, fetches
from sync.cursors import ARCHIVED, BACKFILL, POLL, UNOWNED, Cursor

LATE_AFTER = timedelta(
    minutes=30
)  # that changes were not read to the end, beside the usual time between looks


@dataclass(slots=True)
class ObjectFollowed:
    """How far the changes of one object have been read."""

    begun_at: datetime | None = None  # when they were first looked at; None: not yet
    read_at: datetime | None = None  # when they were last read to the end
    problem: str | None = None  # why the last look failed
    bin_read_at: datetime | None = None  # when the recycle bin was last looked through to its end
    bin_problem: str | None = None
    unowned_since: datetime | None = None  # who is new is left out, as the CRM's owners cannot be read

    def late_by(self, now: datetime) -> timedelta | None:
        """Return for how long they have not been read to the end; ``None`` before the first look."""
        since = self.read_at or self.begun_at
        return now - since if since else None


@dataclass(slots=True)
class Followed:
    """How well one connection is followed."""

    objects: dict[str, ObjectFollowed] = field(default_factory=dict)
    to_read: int = 0  # records that wait to be read by id
    to_read_since: datetime | None = None  # the oldest of them

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "objects": {name: _plain(asdict(one)) for name, one in self.objects.items()},
            "to_read": self.to_read,
            "to_read_since": self.to_read_since and to_text(self.to_read_since),
        }


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: to_text(value) if isinstance(value, datetime) else value for name, value in values.items()}


def read(snapshot: Connection, space: str) -> dict[str, Followed]:
    """Return how each connection is followed; an object that is mirrored alone was not looked at yet."""
    found: dict[str, Followed] = {}
    for cursor in sorted(cursors.load(snapshot, space), key=lambda each: (each.connection, each.object)):
        if cursor.job in (BACKFILL, POLL, ARCHIVED, UNOWNED):
            objects = found.setdefault(cursor.connection, Followed()).objects
            _note(objects.setdefault(cursor.object, ObjectFollowed()), cursor)
    for name, waiting in fetches.waiting(snapshot, space).items():
        one = found.setdefault(name, Followed())
        one.to_read, one.to_read_since = waiting.records, waiting.since
    return found


def _note(one: ObjectFollowed, cursor: Cursor) -> None:
    if cursor.job == POLL:
        one.begun_at, one.read_at, one.problem = cursor.begun_at, cursor.finished_at, cursor.problem
    elif cursor.job == ARCHIVED:
        one.bin_read_at, one.bin_problem = cursor.finished_at, cursor.problem
    elif cursor.job == UNOWNED:
        one.unowned_since = cursor.begun_at
