"""Sends a list of letters again, a chunk at a time: new leads go first, and a crash costs nothing.

A person asks for it (``begin``); the steps (``sync/orders.py``) hand in a replay event for each letter, and
only while few others wait for the decider. What lies on the shelf when it is asked for is meant, not what
comes later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Row

from model.event import JsonValue
from model.times import from_text, to_text
from sync import inbox, orders
from sync.orders import DONE, Chunk, Orders
from sync.replays import letters, replay
from sync.replays.letters import SHELVES, Asked
from sync.tables import replays, to_json

log = structlog.get_logger("leadrelay.replay")

CHUNK = 200  # letters of one transaction
MOST = 1_000_000  # letters of one order
KEPT = timedelta(days=7)  # how long it is remembered that a list was sent again

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
class Progress(orders.Progress):
    """How far an order has come."""

    shelf: str
    asked: Asked


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
    own = {
        "space": space,
        "shelf": order.shelf,
        "asked": _row(order.asked),
        "overrides": dict(sorted(order.overrides.items())),
        "by": order.by,
    }
    orders.note(connection, replays, own, upto, total, now)
    return total


def recent(snapshot: Connection, space: str, shelves: Sequence[str], limit: int = 5) -> list[Progress]:
    """Read the last orders for some shelves, newest first."""
    statement = sa.select(replays).where(_R.space == space, _R.shelf.in_(shelves))
    return [
        Progress.of(row, shelf=row.shelf, asked=_asked(row.asked))
        for row in snapshot.execute(statement.order_by(_R.id.desc()).limit(limit))
    ]


@dataclass(slots=True)
class Replays(Orders):
    """Hands in the letters of each order, the oldest first."""

    table = replays

    def _next(self, snapshot: Connection, now: datetime) -> Chunk | None:
        order = next(iter(self._running(snapshot)), None)
        if order is None:
            return None
        shelf, asked = SHELVES[order.shelf], _asked(order.asked)
        ids = letters.numbers(
            snapshot, self.space, shelf, asked, after=order.after, upto=order.upto, limit=CHUNK
        )
        events = replay.of_shelf(
            snapshot, self.space, shelf, ids, by=order.by, now=now, overrides=order.overrides
        )
        return Chunk(order, now, ids, events, is_last=len(ids) < CHUNK)

    def _hand_in(self, connection: Connection, chunk: Chunk) -> int:
        return sum(not receipt.duplicate for receipt in inbox.insert_new(connection, chunk.events))

    def _tell(self, order: Row[Any]) -> None:
        log.info("replay.done", shelf=order.shelf, letters=order.total, by=order.by)


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
