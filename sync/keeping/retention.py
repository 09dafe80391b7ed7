"""Removes what is no longer needed once its term has passed: bodies, never the lines that are counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from model.event import EventKind, EventState, JsonValue
from model.times import to_text
from sync import audit
from sync.database import Store
from sync.edges.effects import SENT, UNKNOWN, WITHHELD
from sync.tables import audit as audit_lines
from sync.tables import (
    audit_details,
    conflicts,
    deletions,
    engagements,
    holds,
    inbox_events,
    outbox_effects,
    proposals,
    reviews,
)

log = structlog.get_logger("leadrelay.retention")

CHUNK = 500  # rows in one transaction: some milliseconds, for senders wait behind it
REMOVED = "removed_at"  # the first key of an emptied payload, and all of it but for what a replay names
UNSETTLED = ("waiting", "dead", "review", "quarantined")

Act = Callable[[Connection, Sequence[int], datetime], int]
"""Removes these rows, or what they say; returns how many."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of what is kept: which rows, how old they are, and how one goes."""

    name: str  # as in retention.yaml
    key: sa.Column[int]
    at: sa.ColumnElement[datetime]
    where: sa.ColumnElement[bool]
    act: Act

    def old(self, space: str, before: datetime) -> sa.Select[Any]:
        """Build the query of the rows whose term has passed, in order."""
        statement = sa.select(self.key).where(self.where, self.at < before)
        if self.key.table is inbox_events:
            statement = statement.where(inbox_events.c.space == space)
        elif self.key.table is audit_details:
            statement = statement.join(audit_lines, audit_lines.c.id == self.key)
            statement = statement.where(audit_lines.c.space == space)
        else:
            statement = statement.where(self.key.table.c.space == space)
        return statement.order_by(self.key)

    def needed(self, connection: Connection, space: str) -> frozenset[int]:
        """Return the rows that are kept in spite of their term; they can be too many for one statement."""
        return needed_by_replays(connection, space) if self.key.table is inbox_events else frozenset()


@dataclass(frozen=True, slots=True)
class Due:
    """What a run would remove of one kind."""

    kind: str
    keep: timedelta | None  # ``None``: for ever
    rows: int = 0
    oldest: datetime | None = None


def preview(snapshot: Connection, space: str, keep: Mapping[str, timedelta], now: datetime) -> list[Due]:
    """Count what a run would remove now; nothing is changed."""
    found = []
    for kind in KINDS:
        term = keep.get(kind.name)
        if term is None:
            found.append(Due(kind.name, None))
            continue
        found.append(_due(snapshot, kind, space, term, now))
    return merged(found)


def _due(snapshot: Connection, kind: Kind, space: str, term: timedelta, now: datetime) -> Due:
    """Count what is old, less what is needed, and find the oldest of the rest."""
    old, needed = kind.old(space, now - term).order_by(None), kind.needed(snapshot, space)
    rows = snapshot.execute(sa.select(sa.func.count()).select_from(old.subquery())).scalar_one()
    for some in _pieces(sorted(needed)):
        among = old.where(kind.key.in_(some)).subquery()
        rows -= snapshot.execute(sa.select(sa.func.count()).select_from(among)).scalar_one()
    first = old.add_columns(kind.at.label("moment")).order_by(kind.at).limit(len(needed) + 1)
    moments = (moment for row, moment in snapshot.execute(first) if row not in needed)
    return Due(kind.name, term, int(rows), next(moments, None))


def _pieces(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[at : at + CHUNK] for at in range(0, len(ids), CHUNK))


def merged(found: Sequence[Due]) -> list[Due]:
    """Add up what is of one name."""
    by_name: dict[str, Due] = {}
    for due in found:
        known = by_name.get(due.kind)
        oldest = min((at for at in (known and known.oldest, due.oldest) if at), default=None)
        by_name[due.kind] = Due(due.kind, due.keep, due.rows + (known.rows if known else 0), oldest)
    return list(by_name.values())


def run(
    store: Store,
    space: str,
    keep: Mapping[str, timedelta],
    now: datetime,
    *,
    pause: Callable[[], object] = lambda: None,
) -> dict[str, int]:
    """Remove what is due, a few rows at a time; return how many of each kind. Repeating it is safe.

    ``pause`` runs between two transactions; a true answer ends the run.
    """
    removed: dict[str, int] = {}
    for kind in KINDS:
        term = keep.get(kind.name)
        if term is None:
            continue
        before, count = now - term, 0
        for ids in _chunks(store, kind, space, before):
            count += store.write(partial(_remove, kind=kind, space=space, before=before, ids=ids, now=now))
            if pause():
                break
        if count:
            removed[kind.name] = removed.get(kind.name, 0) + count
            log.info("retention.removed", kind=kind.name, rows=count, before=to_text(before))
            store.write(partial(_note, space=space, kind=kind.name, rows=count, before=before, now=now))
    return removed


def _chunks(store: Store, kind: Kind, space: str, before: datetime) -> Iterator[list[int]]:
    last = -1
    while True:
        with store.snapshot() as snapshot:
            needed = kind.needed(snapshot, space)
            old = kind.old(space, before).where(kind.key > last).limit(CHUNK)
            ids = list(snapshot.execute(old).scalars())
        if not ids:
            return
        if going := [row for row in ids if row not in needed]:
            yield going
        last = ids[-1]


def _remove(
    connection: Connection, kind: Kind, space: str, before: datetime, ids: Sequence[int], now: datetime
) -> int:
    """Remove these rows where they are still as they were when they were read."""
    needed = kind.needed(connection, space)
    old = kind.old(space, before).where(kind.key.in_(ids))
    still = [row for row in connection.execute(old).scalars() if row not in needed]
    return kind.act(connection, still, now) if still else 0


def _note(connection: Connection, space: str, kind: str, rows: int, before: datetime, now: datetime) -> None:
    details: dict[str, JsonValue] = {"kind": kind, "rows": rows, "before": to_text(before)}
    audit.record(connection, space, [audit.Entry(now, "retention", "removed", details)])


def needed_by_replays(connection: Connection, space: str) -> frozenset[int]:
    """Return the events that a replay will yet be decided from: one that waits, or was set aside again."""
    e = inbox_events.c
    rows = connection.execute(
        sa.select(e.payload).where(e.space == space, e.state.in_(UNSETTLED), e.kind == str(EventKind.REPLAY))
    ).scalars()
    named = {payload.get(name) for payload in rows for name in ("event", "came_in")}
    return frozenset(row for row in named if isinstance(row, int))


# How one goes.


def _empty(connection: Connection, ids: Sequence[int], now: datetime) -> int:
    """Take the payload out; the event stays, for it is counted, and its id keeps a repeat from coming in."""
    e = inbox_events.c
    statement = (
        sa.update(inbox_events).where(e.id.in_(ids)).values(payload={REMOVED: to_text(now)}, error=None)
    )
    return connection.execute(statement).rowcount


def _empty_replays(connection: Connection, ids: Sequence[int], now: datetime) -> int:
    """Take out what a person corrected; which post it was about stays, for the counts by day."""
    e = inbox_events.c
    rows = connection.execute(sa.select(e.id, e.payload).where(e.id.in_(ids))).all()
    for row in rows:
        left = {name: row.payload[name] for name in ("event", "came_in") if name in row.payload}
        payload = {REMOVED: to_text(now), **left}
        connection.execute(sa.update(inbox_events).where(e.id == row.id).values(payload=payload))
    return len(rows)


def _delete(table: sa.Table) -> Act:
    key = table.primary_key.columns[0]

    def act(connection: Connection, ids: Sequence[int], _now: datetime) -> int:
        return connection.execute(sa.delete(table).where(key.in_(ids))).rowcount

    return act


def _empty_effects(connection: Connection, ids: Sequence[int], now: datetime) -> int:
    """Take out why and in which words; the line stays, for its key keeps a task from being made twice."""
    c = outbox_effects.c
    rows = connection.execute(sa.select(c.id, c.payload).where(c.id.in_(ids))).all()
    for row in rows:
        left = {name: row.payload[name] for name in ("rule",) if name in row.payload}
        values = {"payload": {REMOVED: to_text(now), **left}, "in_flight": None}
        connection.execute(sa.update(outbox_effects).where(c.id == row.id).values(values))
    return len(rows)


def _empty_titles(connection: Connection, ids: Sequence[int], _now: datetime) -> int:
    """Take out what a call, a mail, a task was about; that it took place stays."""
    statement = sa.update(engagements).where(engagements.c.id.in_(ids)).values(title="")
    return connection.execute(statement).rowcount


_e = inbox_events.c


def _says_something(payload: sa.Column[Any]) -> sa.ColumnElement[bool]:
    return sa.type_coerce(payload, sa.Text).not_like(f'{{"{REMOVED}":%')


SAYS_SOMETHING = _says_something(_e.payload)
_settled = _e.state.in_((str(EventState.NEW), str(EventState.MERGED), str(EventState.REPLAYED)))
TOLD = tuple(  # of records; each names its lead or record in columns of its own, too
    str(kind)
    for kind in (
        EventKind.FOUND,
        EventKind.GONE,
        EventKind.DELIVERED,
        EventKind.CHANGED,
        EventKind.ENGAGEMENT,
        EventKind.ENRICHED,
        EventKind.HINT,
        EventKind.CHOICE,
        EventKind.ANSWER,
    )
)
# SQLite gives the highest id again once its row is gone, and the audit names events by id.
_is_not_last = _e.id < sa.select(sa.func.max(inbox_events.alias("last").c.id)).scalar_subquery()


def _posts(name: str, ended: sa.ColumnElement[bool]) -> Kind:
    where = sa.and_(_e.kind == str(EventKind.INTAKE), ended, SAYS_SOMETHING)
    return Kind(name, _e.id, _e.received_at, where, _empty)


KINDS: Sequence[Kind] = (
    _posts("posts", _settled),
    Kind(
        "posts",
        _e.id,
        _e.received_at,
        sa.and_(
            _e.kind == str(EventKind.REPLAY),
            sa.or_(_settled, _e.state.in_((str(EventState.DONE), str(EventState.SPAM)))),
            SAYS_SOMETHING,
        ),
        _empty_replays,
    ),
    _posts("spam", _e.state == str(EventState.SPAM)),
    _posts("quarantine", _e.state == str(EventState.QUARANTINED)),
    Kind(
        "crm_events",
        _e.id,
        _e.received_at,
        sa.and_(_e.kind.in_(TOLD), _e.state == str(EventState.DONE), SAYS_SOMETHING),
        _empty,
    ),
    Kind(
        "crm_events",
        _e.id,
        _e.received_at,
        sa.and_(_e.kind == str(EventKind.ROSTER), _e.state == str(EventState.DONE), _is_not_last),
        _delete(inbox_events),
    ),
    Kind(
        "crm_events",
        _e.id,
        _e.received_at,
        sa.and_(_e.kind == str(EventKind.TIMER), _e.state == str(EventState.DONE), _is_not_last),
        _delete(inbox_events),
    ),
    Kind("reviews", reviews.c.id, reviews.c.created_at, reviews.c.state != "open", _delete(reviews)),
    Kind(
        "reviews",
        proposals.c.id,
        proposals.c.settled_at,
        proposals.c.state.in_(("done", "over")),
        _delete(proposals),
    ),
    Kind("reviews", deletions.c.id, deletions.c.at, deletions.c.state != "held", _delete(deletions)),
    Kind("conflicts", conflicts.c.id, conflicts.c.at, sa.true(), _delete(conflicts)),
    Kind("conflicts", holds.c.id, holds.c.settled_at, holds.c.state == "settled", _delete(holds)),
    Kind(
        "messages",
        outbox_effects.c.id,
        outbox_effects.c.settled_at,
        sa.and_(
            outbox_effects.c.state.in_((SENT, WITHHELD, UNKNOWN)), _says_something(outbox_effects.c.payload)
        ),
        _empty_effects,
    ),
    Kind("activities", engagements.c.id, engagements.c.at, engagements.c.title != "", _empty_titles),
    Kind("audit_details", audit_details.c.audit_id, audit_lines.c.at, sa.true(), _delete(audit_details)),
)
"""In the order in which they are told."""
