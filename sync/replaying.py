"""Sends a list of letters again, a chunk at a time: new leads go first, and a crash costs nothing.

A person asks for it (``begin``); the steps hand in a replay event for each letter and move the row of
``replays`` in the same transaction, and only while few others wait for the decider. What lies on the shelf
when it is asked for is meant, not what comes later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Row

from model.errors import Conflict
from model.event import Event, JsonValue
from model.times import Clock, from_text, to_text
from sync import inbox, letters, replay
from sync.database import Store, insert_for
from sync.letters import SHELVES, Asked
from sync.tables import replays, to_json

log = structlog.get_logger("leadrelay.replay")

CHUNK = 200  # letters of one transaction
MOST = 1_000_000  # letters of one order
KEPT = timedelta(days=7)  # how long it is remembered that a list was sent again
RUNNING, DONE = "running", "done"

_R = replays.c


@dataclass(frozen=True, slots=True)
class Order:
    """What a person wants sent again: the letters of a shelf that a filter lets through, the oldest first."""

    shelf: str
    asked: Asked
    by: str
    limit: int = MOST
    overrides: Mapping[str, JsonValue] = field(default_factory=dict)  # what is corrected of each event

    def as_json(self) -> str:
        """Write it for the daemon's local API."""
        return to_json(
            {
                "shelf": self.shelf,
                "asked": _row(self.asked),
                "by": self.by,
                "limit": self.limit,
                "overrides": dict(self.overrides),
            }
        )

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Order:
        """Read what a command handed in; ``KeyError``, ``TypeError`` or ``ValueError`` for anything else."""
        if row["shelf"] not in SHELVES:
            raise ValueError(f"there is no shelf {row['shelf']}")
        if not isinstance(row["by"], str) or not isinstance(row["limit"], int) or row["limit"] < 1:
            raise ValueError("by is a text and limit a whole number above 0")
        return cls(row["shelf"], _asked(row["asked"]), row["by"], row["limit"], dict(row["overrides"]))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an order has come."""

    id: int
    shelf: str
    asked: Asked
    by: str
    total: int
    handed_in: int
    state: str
    asked_at: datetime
    moved_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)


def begin(connection: Connection, space: str, order: Order, now: datetime) -> int:
    """Note an order and return how many letters it is for; none where nothing fits.

    While the same list is being sent again, a second order for it is none.
    """
    shelf = SHELVES[order.shelf]
    total, upto = letters.first(connection, space, shelf, order.asked, min(order.limit, MOST))
    if not total:
        return 0
    connection.execute(
        sa.delete(replays).where(_R.space == space, _R.state == DONE, _R.moved_at < now - KEPT)
    )
    row = {
        "space": space,
        "shelf": order.shelf,
        "asked": _row(order.asked),
        "overrides": dict(sorted(order.overrides.items())),
        "by": order.by,
        "upto": upto,
        "after": 0,
        "total": total,
        "handed_in": 0,
        "state": RUNNING,
        "asked_at": now,
        "moved_at": now,
    }
    connection.execute(insert_for(connection, replays).on_conflict_do_nothing(), [row])
    return total


def recent(snapshot: Connection, space: str, shelves: Sequence[str], limit: int = 5) -> list[Progress]:
    """Read the last orders for some shelves, newest first."""
    statement = sa.select(replays).where(_R.space == space, _R.shelf.in_(shelves))
    return [_progress(row) for row in snapshot.execute(statement.order_by(_R.id.desc()).limit(limit))]


def _progress(row: Row[Any]) -> Progress:
    return Progress(
        row.id,
        row.shelf,
        _asked(row.asked),
        row.by,
        row.total,
        row.handed_in,
        row.state,
        row.asked_at,
        row.moved_at,
    )


@dataclass(slots=True)
class Replays:
    """Moves the orders of a space on; any process may, as each step moves a row from where it was read."""

    store: Store
    clock: Clock
    space: str = "main"
    is_wanted: Callable[[], bool] = lambda: True  # false while the process stops

    def run(self) -> None:
        """Hand in chunks until nothing is left, or so many events wait that those go first."""
        while self.is_wanted() and self.step():
            pass

    def step(self) -> bool:
        """Hand in the next chunk of the oldest order; ``False`` where there is none, or others go first."""
        now = self.clock.now()
        with self.store.snapshot() as snapshot:
            row = snapshot.execute(NEXT, {"of_space": self.space}).first()
            if row is None or inbox.is_busy(snapshot, self.space):
                return False
            shelf = SHELVES[row.shelf]
            ids = letters.numbers(
                snapshot,
                self.space,
                shelf,
                _asked(row.asked),
                after=row.after,
                upto=row.upto,
                limit=CHUNK,
            )
            events = replay.of_shelf(
                snapshot, self.space, shelf, ids, by=row.by, now=now, overrides=row.overrides
            )
        is_done = len(ids) < CHUNK
        try:
            self.store.write(lambda connection: _move(connection, row, ids, events, now, is_done=is_done))
        except Conflict:  # another process hands in, too
            return False
        if events:
            self.store.signals.announce("inbox")
        if is_done:
            log.info("replay.done", shelf=row.shelf, letters=row.total, by=row.by)
        return True


def _move(
    connection: Connection,
    row: Row[Any],
    ids: Sequence[int],
    events: Sequence[Event],
    now: datetime,
    *,
    is_done: bool,
) -> None:
    """Hand in a chunk and move its order on, where it is still as it was read."""
    receipts = inbox.insert_new(connection, events)
    here = sa.update(replays).where(_R.id == row.id, _R.after == row.after, _R.state == RUNNING)
    moved = here.values(
        after=ids[-1] if ids else row.after,
        handed_in=_R.handed_in + sum(not receipt.duplicate for receipt in receipts),
        state=DONE if is_done else RUNNING,
        moved_at=now,
    )
    if not connection.execute(moved).rowcount:
        raise Conflict("somebody else has handed it in")


NEXT = (
    sa.select(replays)
    .where(_R.space == sa.bindparam("of_space"), sa.text("state = 'running'"))
    .order_by(_R.id)
    .limit(1)
)


def _row(asked: Asked) -> dict[str, JsonValue]:
    """Return a filter as it is kept: the same filter gives the same text."""
    return {
        name: to_text(value) if isinstance(value, datetime) else value
        for name, value in asdict(asked).items()
        if value
    }


def _asked(row: Mapping[str, Any]) -> Asked:
    """Read a filter. Raises ``TypeError`` or ``ValueError`` for anything else."""
    if not isinstance(row, Mapping) or not all(isinstance(value, str) for value in row.values()):
        raise ValueError("a filter is of texts")
    since, until = (from_text(row[name]) if name in row else None for name in ("since", "until"))
    texts = {name: value for name, value in row.items() if name not in ("since", "until")}
    return Asked(**texts, since=since, until=until)
