"""A pass: after each whole backfill, one walk through what was there before, a chunk of it a step.

What is found for a chunk is handed in as events, in one transaction with the cursor; the decider does the
rest. No call is made.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.engine import Connection

from mappings.playbook import CrmMap, Playbook
from model.errors import Conflict
from model.event import Event
from model.times import Clock
from sync import cursors, inbox
from sync.cursors import Cursor
from sync.database import Store
from sync.reading.backfill import Step
from sync.teammates import known_rosters

CHUNK = 500  # leads or deals a step looks at
LATER = 1.0  # seconds until it looks again


@dataclass(frozen=True, slots=True)
class Looked:
    """A chunk in the order of its ids, and what was found for those who are in it."""

    ids: Sequence[str]
    events: Sequence[Event]


@dataclass(slots=True)
class Pass(ABC):
    """Walks through what one connection is asked about, in the order of ids."""

    name: str
    store: Store
    clock: Clock
    playbook: Callable[[], Playbook]
    space: str = "main"

    def step(self) -> Step | None:
        """Hand in what is found for the next chunk; ``None``: nothing is left, or it is too early.

        Too early is it until the mirror has what is needed and the connection's owners are known.
        """
        playbook, now = self.playbook(), self.clock.now()
        with self.store.snapshot() as snapshot:
            cursor = self._place(snapshot, playbook, now)
            if cursor is None or self.name not in known_rosters(snapshot, self.space):
                return None
            if inbox.is_busy(snapshot, self.space):
                return Step("", wait=LATER)
            looked = self._look(snapshot, playbook.crms[self.name], cursor.after or "", now)
        after = replace(
            cursor,
            after=looked.ids[-1] if looked.ids else cursor.after,
            seen=cursor.seen + len(looked.events),
            moved_at=now,
            finished_at=max(now, cursor.begun_at) if len(looked.ids) < CHUNK else cursor.finished_at,
        )
        try:
            self.store.write(lambda connection: self._save(connection, cursor, after, looked.events))
        except Conflict:  # another process walks here
            return Step("", wait=LATER)
        if looked.events:
            self.store.signals.announce("inbox")
        if not after.is_walking:
            self._tell(after)
        return Step("", len(looked.events))

    def _save(self, connection: Connection, cursor: Cursor, after: Cursor, events: Sequence[Event]) -> None:
        if cursor.after is None and not cursor.seen:
            cursors.begin(connection, self.space, cursor, anew=True)
        cursors.move(connection, self.space, cursor, after)
        inbox.insert_new(connection, events)

    @abstractmethod
    def _place(self, snapshot: Connection, playbook: Playbook, now: datetime) -> Cursor | None:
        """Return where the walk stands; ``None`` at its end, and where it may not begin yet."""

    @abstractmethod
    def _look(self, snapshot: Connection, crm: CrmMap, above: str, now: datetime) -> Looked:
        """Look at the next ``CHUNK`` whose ids come after one."""

    @abstractmethod
    def _tell(self, ended: Cursor) -> None:
        """Log that the walk has come to its end."""


def place(stored: Sequence[Cursor], new: Cursor, filled_at: datetime) -> Cursor | None:
    """Return where a walk stands, ``None`` at its end; it begins anew once the mirror was filled anew."""
    known = next((one for one in stored if one.job == new.job), None)
    if known is None:
        return new
    if known.is_walking:
        return known
    return known.again(new.begun_at) if known.begun_at <= filled_at else None
