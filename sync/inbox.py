"""The inbox: every event durably and once, then taken in order by the one decider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from model.cause import NO_CAUSE, Cause
from model.event import IMPORT, Event, EventKind, EventState, JsonValue, RecordRef, StoredEvent
from sync.database import Shared, Store, insert_on
from sync.statements import execute_many
from sync.statements import insert_new as insert_new_rows
from sync.tables import body_hashes, inbox_events, source_days

KEY = ("space", "source", "event_id")
HASH_KEY = ("space", "source", "hash")
OF_KNOWN_LEADS = (  # their payload names the lead
    EventKind.FOUND,
    EventKind.GONE,
    EventKind.DELIVERED,
    EventKind.DEAL,
    EventKind.TIMER,
    EventKind.ENRICHED,
)

QUEUE = 100  # waiting events at which what is in no hurry lets them go first
BUSY_WAIT = 1.0  # seconds until it looks again


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a sender is told: the event's id (the first one's, for a repeat) and whether it was a repeat."""

    event_id: str
    duplicate: bool


def append(store: Store, events: Sequence[Event]) -> Sequence[Receipt]:
    """Store the events durably; for each say whether it was new. Returns after the commit.

    Senders deliver at least once; the unique key (space, source, event_id) makes it once,
    and for senders without ids a body seen within its window is a repeat of the first. On
    SQLite the one writer thread commits for all senders waiting, on PostgreSQL each session
    commits for itself. Raises ``StoreBusy``: nothing was taken.
    """
    receipts = store.write(Shared(_insert_all, events))
    store.signals.announce("inbox")
    return receipts


def _insert_all(connection: Connection, posts: Sequence[Sequence[Event]]) -> list[list[Receipt]]:
    """Insert what several senders brought at the same moment, as if it were one post."""
    receipts = iter(insert_new(connection, [event for events in posts for event in events]))
    return [list(islice(receipts, len(events))) for events in posts]


def insert_new(connection: Connection, events: Sequence[Event]) -> list[Receipt]:
    """Insert events inside a transaction of the caller (a poller's, a delivery's)."""
    if not events:
        return []
    statements = _statements(connection.dialect.name)
    holders = _take_hashes(connection, statements, events)
    firsts = [holders.get(_hash_key(event), event.event_id) for event in events]
    own = [event for event, first in zip(events, firsts, strict=True) if first == event.event_id]
    inserted = iter(insert_new_rows(connection, statements.insert, KEY, [row_of(event) for event in own]))
    receipts = [
        Receipt(first, duplicate=first != event.event_id or not next(inserted))
        for event, first in zip(events, firsts, strict=True)
    ]
    _count(connection, statements, events, receipts)
    return receipts


@dataclass(frozen=True, slots=True)
class _Statements:
    """What every post executes, built once: building costs more than executing."""

    insert: sa.Insert
    take_hash: sa.Insert
    count: sa.Insert


@cache
def _statements(dialect: str) -> _Statements:
    day = source_days.c
    count = insert_on(dialect, source_days)
    totals = {name: day[name] + count.excluded[name] for name in ("received", "duplicates")}
    return _Statements(
        insert=insert_on(dialect, inbox_events).on_conflict_do_nothing(index_elements=KEY),
        take_hash=insert_on(dialect, body_hashes).on_conflict_do_nothing(index_elements=HASH_KEY),
        count=count.on_conflict_do_update(index_elements=["space", "source", "day"], set_=totals),
    )


def _hash_key(event: Event) -> tuple[str, str, str | None]:
    return event.space, event.source, event.body_hash


def _take_hashes(
    connection: Connection, statements: _Statements, events: Sequence[Event]
) -> dict[tuple[str, str, str | None], str]:
    """Take the bodies' hashes for these events; return whose each is: the first event of its window."""
    asking: dict[tuple[str, str, str | None], Event] = {}
    for event in events:
        if event.body_hash:
            asking.setdefault(_hash_key(event), event)
    if not asking:
        return {}
    in_order = sorted(asking.items())  # as every other transaction locks them
    rows = [
        {
            "space": space,
            "source": source,
            "hash": hashed,
            "event_id": event.event_id,
            "expires_at": event.hash_expires_at,
        }
        for (space, source, hashed), event in in_order
    ]
    is_free = insert_new_rows(connection, statements.take_hash, HASH_KEY, rows)
    return {
        key: event.event_id if taken else _take_over(connection, key, event)
        for (key, event), taken in zip(in_order, is_free, strict=True)
    }


def _take_over(connection: Connection, key: tuple[str, str, str | None], event: Event) -> str:
    """Return whose a held hash is: this event's from now on, if the holder's window has passed."""
    space, source, hashed = key
    row = {"of_space": space, "of_source": source, "of_hash": hashed}
    mine = {"mine": event.event_id, "until": event.hash_expires_at, "at": event.received_at}
    if connection.execute(TAKE_OVER, row | mine).rowcount:
        return event.event_id
    holder: str | None = connection.execute(HOLDER, row).scalar_one_or_none()
    return holder or event.event_id  # nobody's: it was forgotten this very moment


_IS_HASH = sa.and_(
    *(body_hashes.c[name] == sa.bindparam(f"of_{name}") for name in ("space", "source", "hash"))
)
TAKE_OVER = (
    sa.update(body_hashes)
    .where(_IS_HASH, body_hashes.c.expires_at <= sa.bindparam("at"))
    .values(event_id=sa.bindparam("mine"), expires_at=sa.bindparam("until"))
)
HOLDER = sa.select(body_hashes.c.event_id).where(_IS_HASH)


def _count(
    connection: Connection, statements: _Statements, events: Sequence[Event], receipts: Sequence[Receipt]
) -> None:
    totals: dict[tuple[str, str, str], list[int]] = {}
    for event, receipt in zip(events, receipts, strict=True):
        if event.kind is not EventKind.INTAKE:
            continue
        day = event.received_at.date().isoformat()
        total = totals.setdefault((event.space, event.source, day), [0, 0])
        total[receipt.duplicate] += 1
    for (space, source, day), (received, duplicates) in sorted(totals.items()):
        row = {"space": space, "source": source, "day": day, "received": received, "duplicates": duplicates}
        execute_many(connection, statements.count, [row])


def known(connection: Connection, space: str, source: str, event_ids: Sequence[str]) -> set[str]:
    """Return which of these events of a source have come in before."""
    if not event_ids:
        return set()
    c = inbox_events.c
    statement = sa.select(c.event_id).where(
        c.space == space, c.source == source, c.event_id.in_(list(event_ids))
    )
    return set(connection.execute(statement).scalars())


def row_of(event: Event) -> dict[str, Any]:
    """Return the event as a waiting inbox row."""
    record = event.record
    told = event.payload.get(IMPORT)
    return {
        "space": event.space,
        "source": event.source,
        "event_id": event.event_id,
        "kind": str(event.kind),
        "payload": event.payload,
        "record_connection": record and record.connection,
        "record_object": record and record.object,
        "record_id": record and record.id,
        "occurred_at": min(event.occurred_at, event.received_at),
        "received_at": event.received_at,
        "state": str(EventState.WAITING),
        "attempts": 0,
        "lead_id": event.payload.get("lead_id") if event.kind in OF_KNOWN_LEADS else None,
        "batch": told.get("batch") if isinstance(told, dict) else None,
    }


@dataclass(frozen=True, slots=True)
class Taken:
    """A waiting row as read; ``decided_at`` and ``decided_seq`` are given by the decider, in memory."""

    id: int
    event: Event
    attempts: int
    state: EventState

    def stamped(self, at: datetime, seq: int) -> StoredEvent:
        """Return the event as the decider decides it."""
        return StoredEvent(self.id, self.event, self.attempts, at, seq)

    def replayed(self, by: Taken, aside: int, at: datetime, seq: int) -> StoredEvent:
        """Return this old event as a later one decides it anew, with what a person corrected.

        ``aside`` is the row that was set aside: this one, or a replay of it that ended no better.
        """
        overrides = by.event.payload.get("overrides") or {}
        return StoredEvent(by.id, self.event, by.attempts, at, seq, replays=aside, overrides=overrides)


def take(snapshot: Connection, space: str, limit: int, skip: Sequence[int] = ()) -> list[Taken]:
    """Read the next waiting events in order.

    Waiting rows are selected by state, never by "id after the last": on PostgreSQL ids
    commit out of order, and a row that commits late would be passed over for good.
    """
    statement = WAITING.where(inbox_events.c.id.not_in(skip)) if skip else WAITING
    return [_taken(row) for row in snapshot.execute(statement, {"of_space": space, "limit": limit})]


WAITING = (
    sa.select(inbox_events)
    .where(inbox_events.c.space == sa.bindparam("of_space"), inbox_events.c.state == "waiting")
    .order_by(inbox_events.c.id)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)


def has_waiting(snapshot: Connection, space: str, source: str, kind: EventKind) -> bool:
    """Say whether an event of this kind from a source waits for its decision."""
    e = inbox_events.c
    waits = sa.select(e.id).where(
        e.space == space, e.state == "waiting", e.source == source, e.kind == str(kind)
    )
    return snapshot.execute(waits.limit(1)).first() is not None


def is_busy(snapshot: Connection, space: str) -> bool:
    """Say whether what is in no hurry lets those who wait go first."""
    return more_wait_than(snapshot, space, QUEUE)


def more_wait_than(snapshot: Connection, space: str, number: int) -> bool:
    """Say whether so many events wait already that what is in no hurry would hold them up."""
    return snapshot.execute(QUEUED, {"of_space": space, "n": number}).first() is not None


QUEUED = (
    sa.select(inbox_events.c.id)
    .where(inbox_events.c.space == sa.bindparam("of_space"), inbox_events.c.state == "waiting")
    .order_by(inbox_events.c.id)
    .limit(1)
    .offset(sa.bindparam("n", type_=sa.Integer))
)


def load(snapshot: Connection, ids: Sequence[int]) -> dict[int, Taken]:
    """Read events by row id, whatever their state."""
    if not ids:
        return {}
    rows = snapshot.execute(sa.select(inbox_events).where(inbox_events.c.id.in_(ids)))
    return {row.id: _taken(row) for row in rows}


def _taken(row: Row[Any]) -> Taken:
    record = None
    if row.record_connection:
        record = RecordRef(row.record_connection, row.record_object, row.record_id)
    event = Event(
        source=row.source,
        event_id=row.event_id,
        kind=EventKind(row.kind),
        payload=row.payload,
        occurred_at=row.occurred_at,
        received_at=row.received_at,
        space=row.space,
        record=record,
    )
    return Taken(row.id, event, row.attempts, EventState(row.state))


@dataclass(frozen=True, slots=True)
class Mark:
    """How an event was settled."""

    id: int
    state: EventState
    decided_at: datetime
    decided_seq: int
    lead_id: str | None = None
    reasons: Sequence[Mapping[str, JsonValue]] = ()
    error: str | None = None
    cause: Cause = NO_CAUSE


def mark(connection: Connection, marks: Sequence[Mark]) -> int:
    """Settle waiting events; return how many really were waiting."""
    if not marks:
        return 0
    rows = [
        {
            "row": m.id,
            "new_state": str(m.state),
            "at": m.decided_at,
            "seq": m.decided_seq,
            "lead": m.lead_id,
            "why": list(m.reasons) or None,
            "failure": m.error,
            "named": str(m.cause),
        }
        for m in marks
    ]
    return execute_many(connection, MARK, rows)


MARK = (
    sa.update(inbox_events)
    .where(inbox_events.c.id == sa.bindparam("row"), inbox_events.c.state == "waiting")
    .values(
        state=sa.bindparam("new_state"),
        decided_at=sa.bindparam("at"),
        decided_seq=sa.bindparam("seq"),
        attempts=inbox_events.c.attempts + 1,
        # What fails has no lead by its result, but may have named one when it came in.
        lead_id=sa.func.coalesce(sa.bindparam("lead", type_=sa.String), inbox_events.c.lead_id),
        reasons=sa.bindparam("why"),
        error=sa.bindparam("failure"),
        cause=sa.bindparam("named"),
    )
)


def mark_replayed(connection: Connection, replayed: Mapping[int, str | None]) -> None:
    """Note that a later event took the place of these, and whose they are: who is erased takes them along.

    Of one that was a replay itself the post that came in is the lead's, too.
    """
    if not replayed:
        return
    e = inbox_events.c
    statement = sa.update(inbox_events).where(e.id.in_(sorted(replayed)))
    connection.execute(statement.values(state=str(EventState.REPLAYED)))
    replays = sa.select(e.id, e.payload).where(e.id.in_(sorted(replayed)), e.kind == str(EventKind.REPLAY))
    first = {row.payload.get("came_in"): replayed[row.id] for row in connection.execute(replays)}
    for row, lead_id in sorted({**{one: of for one, of in first.items() if one}, **replayed}.items()):
        if lead_id is not None:
            connection.execute(sa.update(inbox_events).where(e.id == row).values(lead_id=lead_id))


def forget_hashes(connection: Connection, now: datetime) -> int:
    """Drop body hashes whose window has passed; return how many."""
    return connection.execute(sa.delete(body_hashes).where(body_hashes.c.expires_at <= now)).rowcount
