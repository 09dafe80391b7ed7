"""Timers of leads: loaded and saved with them, and handed in as events when they are due."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from handlers.queueing import KINDS, PLACE
from model.event import Event, EventKind
from model.lead import RULE, Lead
from model.timer import Timer
from model.times import to_text
from sync import inbox
from sync.database import insert_on
from sync.statements import execute_many
from sync.tables import inbox_events, timers

KEY = ("lead_id", "kind", "key")

_c = timers.c
_WAITS = sa.text("handed_in_at IS NULL")  # word for word as ``ix_timers_due`` says it
_WAITS_FOR_PLACE = sa.text("kind = 'place' AND handed_in_at IS NULL")  # and as ``ix_timers_place`` does


def load(snapshot: Connection, lead_ids: Iterable[str]) -> list[tuple[str, Timer]]:
    """Return the timers of these leads, each with whose it is."""
    rows = snapshot.execute(OF_LEADS, {"ids": sorted(set(lead_ids))})
    return [(row.lead_id, _timer(row)) for row in rows]


def save(connection: Connection, space: str, changed: Sequence[Lead], loaded: Mapping[str, Lead]) -> None:
    """Store what became of the timers of these leads; one that was moved waits once more."""
    gone, set_anew = [], []
    for lead in changed:
        before = known.timers if (known := loaded.get(lead.id)) is not None else {}
        if before == lead.timers:
            continue
        gone += [(lead.id, *name) for name in before.keys() - lead.timers.keys()]
        set_anew += [(lead.id, one) for name, one in lead.timers.items() if before.get(name) != one]
    execute_many(
        connection,
        DROP,
        [dict(zip(("of_lead", "of_kind", "of_key"), one, strict=True)) for one in sorted(gone)],
    )
    rows = [
        _row(space, lead_id, one) for lead_id, one in sorted(set_anew, key=lambda one: (one[0], one[1].name))
    ]
    execute_many(connection, _saving(connection.dialect.name), rows)


def drop_of(connection: Connection, lead_id: str) -> None:
    """Drop all timers of a lead that is no more."""
    connection.execute(sa.delete(timers).where(_c.lead_id == lead_id))


def ease(connection: Connection, space: str, places: Mapping[str, int], now: datetime) -> None:
    """Let so many leads that wait for a place of each of these people be looked at now, the longest first.

    ``places`` are by the key of the timers (``handlers.queueing.place_key``).
    """
    for key, most in sorted(places.items()):
        waiting = sa.select(_c.lead_id).where(_c.space == space, _c.key == key, _WAITS_FOR_PLACE)
        longest = waiting.where(_c.due_at > now).order_by(_c.since, _c.lead_id).limit(most)
        which = sa.and_(_c.kind == PLACE, _c.key == key, _c.lead_id.in_(longest))
        connection.execute(sa.update(timers).where(which).values(due_at=now))


def wake(connection: Connection, space: str, now: datetime) -> None:
    """Let every lead that waits for somebody be looked at now: there is one more who may take it."""
    waiting = sa.and_(_c.space == space, _c.kind.in_(sorted(KINDS)), _WAITS, _c.due_at > now)
    connection.execute(sa.update(timers).where(waiting).values(due_at=now))


def are_due(snapshot: Connection, space: str, now: datetime) -> bool:
    """Say whether a timer is due that was not handed in yet."""
    first = sa.select(_c.due_at).where(_c.space == space, _WAITS).order_by(_c.due_at).limit(1)
    due_at = snapshot.execute(first).scalar_one_or_none()
    return due_at is not None and due_at <= now


def hand_in(connection: Connection, space: str, now: datetime, limit: int) -> int:
    """Put the events of due timers into the inbox, at most ``limit``, the longest due first; say how many.

    Of those due at one moment, as leads that wait for a shift are, the longest set come first. An event's id
    follows from its timer and when that was due: whoever does it again adds nothing.
    """
    due = (
        sa.select(timers)
        .where(_c.space == space, _WAITS, _c.due_at <= now)
        .order_by(_c.due_at, _c.since, *(_c[name] for name in KEY))
        .limit(limit)
        .with_for_update(skip_locked=True)  # what a decision is just about comes with the next look
    )
    rows = connection.execute(due).all()
    if not rows:
        return 0
    marks = [
        {"of_lead": row.lead_id, "of_kind": row.kind, "of_key": row.key, "of_due": row.due_at, "now": now}
        for row in sorted(rows, key=lambda row: (row.lead_id, row.kind, row.key))
    ]
    execute_many(connection, HAND_IN, marks)
    inbox.insert_new(connection, [event_of(space, row.lead_id, _timer(row), now) for row in rows])
    return len(rows)


def event_of(space: str, lead_id: str, timer: Timer, now: datetime) -> Event:
    """Return the event of a timer that is due."""
    due_at = to_text(timer.due_at)
    text = "\x1f".join((lead_id, *timer.name, due_at))
    return Event(
        source=RULE,
        event_id=f"timer-{hashlib.sha256(text.encode()).hexdigest()[:32]}",
        kind=EventKind.TIMER,
        payload={"lead_id": lead_id, "kind": timer.kind, "key": timer.key, "due_at": due_at},
        occurred_at=timer.due_at,
        received_at=now,
        space=space,
    )


@dataclass(slots=True)
class TimerCount:
    """How many timers wait for their time, and how many are overdue: due, and not handed in yet."""

    waiting: int = 0
    overdue: int = 0
    set_aside: int = 0  # handed in, and a rule failed on the event: it waits for a person
    next_at: datetime | None = None
    by_kind: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self) | {"next_at": to_text(self.next_at) if self.next_at else None}


def totals(snapshot: Connection, space: str, now: datetime) -> TimerCount:
    """Count the timers that were not handed in yet by their index alone: cheap enough for a scrape."""
    asked = sa.select(sa.func.count(), sa.func.count().filter(_c.due_at <= now), sa.func.min(_c.due_at))
    waiting, overdue, first = snapshot.execute(asked.where(_c.space == space, _WAITS)).one()
    return TimerCount(waiting, overdue, next_at=first)


def count(snapshot: Connection, space: str, now: datetime) -> TimerCount:
    """Count the timers that were not handed in yet, by kind too; ``waiting`` holds the overdue ones, too."""
    is_due = _c.due_at <= now
    asked = (
        sa.select(_c.kind, sa.func.count(), sa.func.count().filter(is_due), sa.func.min(_c.due_at))
        .where(_c.space == space, _WAITS)
        .group_by(_c.kind)
        .order_by(_c.kind)
    )
    found = TimerCount(set_aside=_set_aside(snapshot, space))
    for kind, waiting, overdue, first in snapshot.execute(asked):
        found.waiting += waiting
        found.overdue += overdue
        found.by_kind[kind] = waiting
        found.next_at = first if found.next_at is None else min(found.next_at, first)
    return found


def _set_aside(snapshot: Connection, space: str) -> int:
    """Count the events of timers among the dead letters, by the index of these."""
    e = inbox_events.c
    dead = sa.select(sa.func.count()).where(e.space == space, sa.text("state = 'dead'"), e.source == RULE)
    return snapshot.execute(dead).scalar_one()


def _row(space: str, lead_id: str, timer: Timer) -> dict[str, Any]:
    return {
        "lead_id": lead_id,
        "kind": timer.kind,
        "key": timer.key,
        "space": space,
        "due_at": timer.due_at,
        "since": timer.since,
        "why": timer.why,
        "handed_in_at": None,
    }


def _timer(row: Row[Any]) -> Timer:
    return Timer(row.kind, row.key, row.due_at, row.since, row.why)


@cache
def _saving(dialect: str) -> sa.Insert:
    insert = insert_on(dialect, timers)
    new = {name: insert.excluded[name] for name in ("due_at", "since", "why", "handed_in_at")}
    statement: sa.Insert = insert.on_conflict_do_update(index_elements=list(KEY), set_=new)
    return statement


OF_LEADS = sa.select(timers).where(_c.lead_id.in_(sa.bindparam("ids", expanding=True)))
_IS_TIMER = sa.and_(
    _c.lead_id == sa.bindparam("of_lead"),
    _c.kind == sa.bindparam("of_kind"),
    _c.key == sa.bindparam("of_key"),
)
DROP = sa.delete(timers).where(_IS_TIMER)
HAND_IN = (
    sa.update(timers)
    .where(_IS_TIMER, _c.due_at == sa.bindparam("of_due"))
    .values(handed_in_at=sa.bindparam("now"))
)
