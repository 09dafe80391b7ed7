"""Orders that a person gave and a job carries out, a chunk at a time; what replays and mends share.

An order is a row of a table of its own. Each step hands in the events of one chunk and moves the row in the
same transaction, where it is still as it was read: a crash costs nothing, and any process may go on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, ClassVar, Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from model.errors import Conflict
from model.event import Event
from model.times import Clock
from sync import inbox
from sync.database import Store, insert_for

RUNNING, DONE = "running", "done"


@dataclass(frozen=True, slots=True)
class Chunk:
    """The next part of an order: the numbers of what is in it, ascending, and the events it becomes."""

    order: Row[Any]
    at: datetime
    numbers: Sequence[int]
    events: Sequence[Event]
    is_last: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an order has come."""

    id: int
    by: str
    total: int
    handed_in: int
    state: str
    asked_at: datetime
    moved_at: datetime

    @classmethod
    def of(cls, row: Row[Any], **own: Any) -> Self:
        """Read a row; ``own`` is what only orders of this sort have."""
        return cls(**{one.name: getattr(row, one.name) for one in fields(Progress)}, **own)

    @property
    def is_running(self) -> bool:
        """Say whether there is more to hand in."""
        return self.state == RUNNING

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)


@dataclass(slots=True)
class Orders(ABC):
    """Moves the orders of a space on; any process may, as each step moves a row from where it was read."""

    store: Store
    clock: Clock
    space: str = "main"
    is_wanted: Callable[[], bool] = lambda: True  # false while the process stops

    table: ClassVar[sa.Table]

    def run(self) -> None:
        """Hand in chunks until nothing is left, or what waits for the decider is to go first."""
        while self.is_wanted() and self.step():
            pass

    def step(self) -> bool:
        """Hand in the next chunk of the oldest order that may go on; ``False`` where there is none."""
        now = self.clock.now()
        with self.store.snapshot() as snapshot:
            chunk = None if inbox.is_busy(snapshot, self.space) else self._next(snapshot, now)
        if chunk is None:
            return False
        try:
            self.store.write(lambda connection: self._move(connection, chunk))
        except Conflict:  # another process hands in, too
            return False
        if chunk.events:
            self.store.signals.announce("inbox")
        if chunk.is_last:
            self._tell(chunk.order)
        return True

    def _move(self, connection: Connection, chunk: Chunk) -> None:
        """Hand in a chunk and move its order on, where it is still as it was read."""
        order, c = chunk.order, self.table.c
        handed_in = self._hand_in(connection, chunk)
        here = sa.update(self.table).where(c.id == order.id, c.after == order.after, c.state == RUNNING)
        moved = here.values(
            after=chunk.numbers[-1] if chunk.numbers else order.after,
            handed_in=c.handed_in + handed_in,
            state=DONE if chunk.is_last else RUNNING,
            moved_at=chunk.at,
        )
        if not connection.execute(moved).rowcount:
            raise Conflict("somebody else has handed it in")

    def _running(self, snapshot: Connection) -> Sequence[Row[Any]]:
        """Return the orders that are not done, the oldest first."""
        c = self.table.c
        # The state as a literal: verbatim the partial index's own condition.
        running = sa.select(self.table).where(c.space == self.space, sa.text("state = 'running'"))
        return snapshot.execute(running.order_by(c.id)).all()

    @abstractmethod
    def _next(self, snapshot: Connection, now: datetime) -> Chunk | None:
        """Return the next chunk of the oldest order that may go on; ``None`` where there is none."""

    @abstractmethod
    def _hand_in(self, connection: Connection, chunk: Chunk) -> int:
        """Insert the events of a chunk; return how many of it count as handed in."""

    @abstractmethod
    def _tell(self, order: Row[Any]) -> None:
        """Log that an order is handed in whole."""


def note(
    connection: Connection, table: sa.Table, own: Mapping[str, Any], upto: int, total: int, now: datetime
) -> bool:
    """Note an order for ``total`` things up to a number; ``False`` where the same is being carried out."""
    row = {
        **own,
        "upto": upto,
        "after": 0,
        "total": total,
        "handed_in": 0,
        "state": RUNNING,
        "asked_at": now,
        "moved_at": now,
    }
    return connection.execute(insert_for(connection, table).on_conflict_do_nothing(), [row]).rowcount > 0
