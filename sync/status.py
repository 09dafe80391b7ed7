"""Where every lead stands: the counts that `status`, readiness and metrics show."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.event import EventKind
from sync import effect_books
from sync.effect_books import EffectCount
from sync.tables import inbox_events, leads, outbox_changes, source_days

SENDERS = (str(EventKind.INTAKE), str(EventKind.REPLAY))


@dataclass(slots=True)
class SourceCount:
    """Events of one source by where they ended; ``delivered`` + … + ``in_flight`` = ``received``."""

    received: int = 0
    duplicates: int = 0
    delivered: int = 0  # their person is in every writing CRM
    merged: int = 0  # belongs to a person who is in every writing CRM
    review: int = 0
    quarantined: int = 0
    spam: int = 0
    dead: int = 0  # our rules failed on it, or a CRM will not take its person
    in_flight: int = 0


@dataclass(slots=True)
class ConnectionCount:
    """The outbox of one connection."""

    due: int = 0
    waiting: int = 0  # due later: the server asked for it, or a backoff runs
    dead: int = 0
    done: int = 0
    oldest_due: datetime | None = None


@dataclass(slots=True)
class Status:
    """The whole picture."""

    sources: dict[str, SourceCount] = field(default_factory=dict)
    connections: dict[str, ConnectionCount] = field(default_factory=dict)
    effects: dict[str, EffectCount] = field(default_factory=dict)  # of connections and channels
    leads: int = 0
    leads_by_stage: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        data = asdict(self)
        for count in data["connections"].values():
            count["oldest_due"] = count["oldest_due"] and count["oldest_due"].isoformat()
        return data


def read(snapshot: Connection, space: str, writing: Collection[str], now: datetime) -> Status:
    """Count everything once. ``writing`` names the connections a person must be in to count as delivered."""
    status = Status()
    for row in snapshot.execute(
        sa.select(
            source_days.c.source,
            sa.func.sum(source_days.c.received),
            sa.func.sum(source_days.c.duplicates),
        )
        .where(source_days.c.space == space)
        .group_by(source_days.c.source)
    ):
        status.sources[row[0]] = SourceCount(received=int(row[1]), duplicates=int(row[2]))
    _count_events(snapshot, space, writing, status)
    status.connections = _connections(snapshot, space, now)
    status.effects = effect_books.counts(snapshot, space)
    for stage, count in snapshot.execute(
        sa.select(leads.c.stage, sa.func.count())
        .where(leads.c.space == space, leads.c.is_test.is_(sa.false()))
        .group_by(leads.c.stage)
    ):
        status.leads_by_stage[stage or ""] = count
        status.leads += count
    return status


def _count_events(snapshot: Connection, space: str, writing: Collection[str], status: Status) -> None:
    """Say of each sender's event where it ended; one whose person is still on the way is in flight."""
    e, o = inbox_events.c, outbox_changes.c
    on_the_way = sa.exists().where(
        o.space == space,
        o.entity_id == e.lead_id,
        o.connection.in_(list(writing)),
        sa.text("wanted > done AND wanted > dead"),
    )
    found = inbox_events.alias("found")  # records read in a CRM for the same lead

    def found_in(state: str) -> sa.ColumnElement[bool]:
        return sa.exists().where(
            found.c.space == space,
            found.c.state == state,
            found.c.kind.in_((str(EventKind.FOUND), str(EventKind.REPLAY))),
            found.c.lead_id == e.lead_id,
        )

    given_up = sa.exists().where(
        o.space == space,
        o.entity_id == e.lead_id,
        o.connection.in_(list(writing)),
        sa.text("dead > done AND wanted <= dead"),
    )
    end = sa.case(
        (e.state == "waiting", "in_flight"),
        (e.state.not_in(("new", "merged")), e.state),
        (sa.or_(on_the_way, found_in("waiting")), "in_flight"),
        (found_in("review"), "review"),
        (sa.or_(given_up, found_in("dead")), "dead"),
        (e.state == "new", "delivered"),
        else_="merged",
    ).label("end")
    statement = (
        sa.select(e.source, end, sa.func.count())
        .where(
            e.space == space,
            e.kind.in_(SENDERS),
            e.source.in_(list(status.sources)),  # a replay of what a CRM said is nobody's post
            e.state.not_in(("replayed", "done")),
            sa.or_(e.kind == str(EventKind.INTAKE), e.state != "waiting"),  # else counted with its event
        )
        .group_by(e.source, end)
    )
    for source, name, count in snapshot.execute(statement):
        counted = status.sources.setdefault(source, SourceCount())
        setattr(counted, name, getattr(counted, name) + count)


@dataclass(frozen=True, slots=True)
class Queues:
    """How long the queues are: cheap enough for a scrape."""

    events: dict[str, int]  # waiting, dead, quarantined, review
    connections: dict[str, ConnectionCount]
    effects: dict[str, EffectCount] = field(default_factory=dict)  # without those that were sent


def queues(snapshot: Connection, space: str, now: datetime) -> Queues:
    """Count what waits and what was set aside."""
    e = inbox_events.c
    states = ("waiting", "dead", "quarantined", "review")
    rows = snapshot.execute(
        sa.select(e.state, sa.func.count()).where(e.space == space, e.state.in_(states)).group_by(e.state)
    )
    counts = {row[0]: int(row[1]) for row in rows}
    return Queues(
        {state: counts.get(state, 0) for state in states},
        _unsettled(snapshot, space, now),
        effect_books.unsent(snapshot, space),
    )


def _unsettled(snapshot: Connection, space: str, now: datetime) -> dict[str, ConnectionCount]:
    """Count what is due, waits or was given up; the indexes leave out what is done, so it is not read."""
    found: dict[str, ConnectionCount] = {}
    for connection, due, waiting, oldest in snapshot.execute(PENDING, {"of_space": space, "now": now}):
        found[connection] = ConnectionCount(due=due, waiting=waiting, oldest_due=oldest)
    for connection, dead in snapshot.execute(GIVEN_UP, {"of_space": space}):
        found.setdefault(connection, ConnectionCount()).dead = dead
    return found


_o = outbox_changes.c
_is_due = _o.due_at <= sa.bindparam("now", type_=_o.due_at.type)
# Conditions word for word as ``ix_outbox_changes_due`` and ``ix_outbox_changes_dead`` say them. Grouped by an
# expression, as SQLite would rather read the whole unique index, which has the connections in order.
_connection: sa.Label[str] = sa.literal_column("connection || ''").label("of_connection")
PENDING = (
    sa.select(
        _connection,
        sa.func.count().filter(_is_due),
        sa.func.count().filter(sa.not_(_is_due)),
        sa.func.min(_o.raised_at).filter(_is_due),
    )
    .where(_o.space == sa.bindparam("of_space"), sa.text("wanted > done AND wanted > dead"))
    .group_by(_connection)
)
GIVEN_UP = (
    sa.select(_connection, sa.func.count())
    .where(_o.space == sa.bindparam("of_space"), sa.text("dead > done"), _o.wanted <= _o.dead)
    .group_by(_connection)
)


def _connections(snapshot: Connection, space: str, now: datetime) -> dict[str, ConnectionCount]:
    found: dict[str, ConnectionCount] = {}
    c = outbox_changes.c
    state = sa.case(
        (sa.and_(c.wanted > c.done, c.wanted > c.dead, c.due_at <= now), "due"),
        (sa.and_(c.wanted > c.done, c.wanted > c.dead), "waiting"),
        (sa.and_(c.dead > c.done, c.wanted <= c.dead), "dead"),
        else_="done",
    ).label("state")
    statement = (
        sa.select(c.connection, state, sa.func.count(), sa.func.min(c.raised_at))
        .where(c.space == space)
        .group_by(c.connection, state)
    )
    for connection, name, count, oldest in snapshot.execute(statement):
        counted = found.setdefault(connection, ConnectionCount())
        setattr(counted, name, count)
        if name == "due":
            counted.oldest_due = oldest
    return found
