"""Mends differences the ordinary ways, a chunk at a time: each is an event for the decider.

What must be read is asked for by a hint, as a webhook would; what must be written by a replay that raises the
outbox. Nothing is written to a record, a lead or a link from here.

The brake: an order says how many it may mend, and is refused where more fit. Unless a person says more,
that is a tenth of what was looked at, and a hundred at least: where more is wrong, the cause is elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Row

from model.errors import LeadRelayError
from model.event import Event, EventKind, RecordRef
from model.hint import DIFFERS, Hint
from model.priority import Priority
from model.times import to_text
from sync import audit, fetches, inbox, orders
from sync.orders import Chunk, Orders
from sync.outbox import PARKED, WAITS
from sync.reconciling import books, finds
from sync.reconciling.finds import Filter, Kept
from sync.reconciling.kinds import Mend
from sync.reconciling.runs import Run
from sync.tables import mends, outbox_changes

log = structlog.get_logger("leadrelay.reconcile")

CHUNK = 100  # differences of one transaction
AHEAD = 1_000  # records of a connection that may wait for a read or a write before more are handed in
LEAST_BRAKE = 100
SHARE = 0.1


class Braked(LeadRelayError):
    """More would be mended than was agreed to."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a person wants mended of a run."""

    run: int
    wanted: Filter
    by: str
    at_most: int | None = None  # ``None``: as ``brake_of`` says

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Order:
        """Read what a command handed in; ``KeyError``, ``TypeError`` or ``ValueError`` for anything else."""
        run, by, at_most = row["run"], row["by"], row["at_most"]
        if not isinstance(run, int) or not isinstance(by, str):
            raise ValueError("run is a number and by a text")
        if at_most is not None and (not isinstance(at_most, int) or at_most < 1):
            raise ValueError("at_most is a whole number above 0")
        given = row["wanted"]
        kind, object_type, field = (str(given.get(name, "")) for name in ("kind", "object", "field"))
        ids = [int(one) for one in given.get("ids", ())]
        return cls(run, Filter(kind, object_type, field, ids=ids), by, at_most)

    def as_row(self) -> dict[str, Any]:
        """Write it for the daemon's local API."""
        return {"run": self.run, "wanted": self.wanted.as_row(), "by": self.by, "at_most": self.at_most}


@dataclass(frozen=True, slots=True)
class Progress(orders.Progress):
    """How far an order has come."""

    run: int
    connection: str
    asked: Mapping[str, Any]


def brake_of(run: Run) -> int:
    """Return how many differences of a run are mended without a person saying more."""
    return max(LEAST_BRAKE, round(run.looked * SHARE))


def begin(connection: Connection, space: str, order: Order, now: datetime) -> int:
    """Note an order and return how many differences it is for; none where nothing fits.

    Raises ``LeadRelayError`` where there is no such run or a newer one, and ``Braked``.
    """
    run = books.one(connection, space, order.run)
    if run is None:
        raise LeadRelayError(f"There is no run {order.run}")
    [newest] = books.recent(connection, space, run.connection)
    if newest.id != run.id:
        raise LeadRelayError(
            f"Run {order.run} is not the last one of {run.connection}: look at run {newest.id}"
        )
    wanted = _mendable(order.wanted)
    total, upto = finds.total(connection, space, run.id, wanted)
    at_most = brake_of(run) if order.at_most is None else order.at_most
    if total > at_most:
        raise Braked(
            f"{total:,} differences would be mended, and at most {at_most:,} are: where so many are wrong, "
            f"look for the cause first. To mend them all the same, say that {total} are meant "
            f"(--at-most {total})"
        )
    if not total:
        return 0
    own = {
        "space": space,
        "run": run.id,
        "connection": run.connection,
        "asked": order.wanted.as_row(),
        "by": order.by,
        "at_most": at_most,
    }
    if orders.note(connection, mends, own, upto, total, now):
        details = {"connection": run.connection, "run": run.id, "differences": total, **order.wanted.as_row()}
        audit.record(connection, space, [audit.Entry(now, order.by, "mend", details)])
    return total


def _mendable(wanted: Filter) -> Filter:
    return Filter(wanted.kind, wanted.object, wanted.field, mendable=True, ids=wanted.ids)


def recent(snapshot: Connection, space: str, run: int, limit: int = 5) -> list[Progress]:
    """Return the last orders for a run, newest first."""
    statement = sa.select(mends).where(_M.space == space, _M.run == run)
    found = snapshot.execute(statement.order_by(_M.id.desc()).limit(limit))
    return [Progress.of(row, run=row.run, connection=row.connection, asked=row.asked) for row in found]


@dataclass(slots=True)
class Mends(Orders):
    """Hands in the differences of each order; while many of a connection wait, another's order goes on."""

    table = mends

    def _next(self, snapshot: Connection, now: datetime) -> Chunk | None:
        running = self._running(snapshot)
        order = next((one for one in running if self._may_go_on(snapshot, one.connection)), None)
        if order is None:
            return None
        wanted = _mendable(Filter(**order.asked))
        some = finds.rows(
            snapshot, self.space, order.run, wanted, after=order.after, upto=order.upto, limit=CHUNK
        )
        events = [event_of(kept, order, self.space, now) for kept in some]
        return Chunk(order, now, [kept.id for kept in some], events, is_last=len(some) < CHUNK)

    def _may_go_on(self, snapshot: Connection, name: str) -> bool:
        waiting = fetches.counts(snapshot, self.space).get(name, 0)
        values = {"of_space": self.space, "of_connection": name}
        return waiting + int(snapshot.execute(BEHIND, values).scalar_one()) < AHEAD

    def _hand_in(self, connection: Connection, chunk: Chunk) -> int:
        inbox.insert_new(connection, chunk.events)
        finds.note_mended(connection, chunk.numbers, chunk.order.by, chunk.at)
        return len(chunk.numbers)

    def _tell(self, order: Row[Any]) -> None:
        about = {"connection": order.connection, "run": order.run, "by": order.by}
        log.info("mend.done", differences=order.total, **about)


def event_of(kept: Kept, order: Row[Any] | Progress, space: str, now: datetime) -> Event:
    """Return the event that mends a difference; of one difference always the same."""
    one = kept.difference
    name = order.connection
    identity = f"mend-{kept.id}-{to_text(kept.found_at)}"  # SQLite may give a removed row's number again
    if one.mend is Mend.WRITE:
        change = {
            "connection": name,
            "object": one.object,
            "lead_id": one.entity_id,
            "kind": str(one.entity_kind),
        }
        payload: dict[str, Any] = {"by": order.by, "mend": order.run, "change": change}
        return Event(name, identity, EventKind.REPLAY, payload, now, now, space)
    void = one.remote if one.mend is Mend.RESET else None
    hint = Hint(one.object, one.record_id, DIFFERS, void)
    record = RecordRef(name, one.object, one.record_id)
    return Event(name, identity, EventKind.HINT, hint.as_payload(), now, now, space, record)


_M, _O = mends.c, outbox_changes.c
BEHIND = sa.select(sa.func.count()).where(
    _O.space == sa.bindparam("of_space"),
    _O.connection == sa.bindparam("of_connection"),
    WAITS,
    _O.priority == int(Priority.RECONCILE),
    _O.due_at < PARKED,
)
