"""Where every lead stands: the counts that `status`, readiness and metrics show."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.event import EventKind
from model.times import to_text
from sync import cursors, followed, releases, revisits, timers
from sync.asking import books as asked
from sync.asking.books import ProviderCount
from sync.edges import effect_books
from sync.edges.effect_books import EffectCount
from sync.followed import Followed
from sync.outbox import GIVEN_UP, PARKED, WAITS
from sync.releases import Release
from sync.revisits import Revisit
from sync.tables import inbox_events, leads, outbox_changes, source_days
from sync.timers import TimerCount

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

    def add(self, end: str, count: int) -> None:
        """Count events of one end."""
        setattr(self, end, getattr(self, end) + count)

    @property
    def gap(self) -> int:
        """How many were received of which nobody can say where they ended; 0 unless something is wrong."""
        return self.received - sum(getattr(self, end) for end in ENDS)


ENDS = ("delivered", "merged", "review", "quarantined", "spam", "dead", "in_flight")


@dataclass(slots=True)
class ConnectionCount:
    """The outbox of one connection."""

    due: int = 0
    waiting: int = 0  # due later: the server asked for it, or a backoff runs
    backlog: int = 0  # gathered while observing or matching, until a release lets it out
    dead: int = 0
    done: int = 0
    oldest_due: datetime | None = None


@dataclass(slots=True)
class MirrorCount:
    """How far the records of one object of a connection are mirrored."""

    seen: int = 0
    total: int | None = None  # as the CRM counts them; None: not told yet
    skipped: int = 0  # could not be read
    is_walking: bool = True  # it is being read, be it for the first time or again
    is_whole: bool = False  # it was read to its end at least once
    moved_at: str = ""  # when the last page came, or failed
    finished_at: str = ""
    problem: str | None = None  # why the last page could not be read
    fields: list[str] = field(default_factory=list)  # what was asked for


@dataclass(slots=True)
class Status:
    """The whole picture."""

    sources: dict[str, SourceCount] = field(default_factory=dict)
    connections: dict[str, ConnectionCount] = field(default_factory=dict)
    effects: dict[str, EffectCount] = field(default_factory=dict)  # of connections and channels
    blocked: int = 0  # tasks and messages that gates of consent keep back
    mirror: dict[str, dict[str, MirrorCount]] = field(default_factory=dict)  # connection -> object
    following: dict[str, Followed] = field(default_factory=dict)  # connection -> how its changes are read
    leads: int = 0
    leads_by_stage: dict[str, int] = field(default_factory=dict)
    releases: dict[str, Release] = field(default_factory=dict)  # how far going live has come
    timers: TimerCount = field(default_factory=TimerCount)
    revisit: Revisit | None = None  # leads that the version in force is about are looked at again
    providers: dict[str, ProviderCount] = field(default_factory=dict)  # who was asked what is not known

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        data = asdict(self)
        for count in data["connections"].values():
            count["oldest_due"] = count["oldest_due"] and count["oldest_due"].isoformat()
        data["following"] = {name: one.as_dict() for name, one in self.following.items()}
        data["revisit"] = self.revisit.as_dict() if self.revisit else None
        data["timers"] = self.timers.as_dict()
        data["releases"] = {name: one.as_dict() for name, one in self.releases.items()}
        return data


# Expressions, as SQLite would rather go through a whole unique index that has them in order and look up row
# after row: with a million it takes many times as long as reading the rows as they lie, or a partial index.
SOURCE: sa.Label[str] = sa.literal_column("source || ''").label("of_source")
CONNECTION: sa.Label[str] = sa.literal_column("connection || ''").label("of_connection")


def read(snapshot: Connection, space: str, writing: Collection[str], now: datetime) -> Status:
    """Count everything once. ``writing`` names the connections a person must be in to count as delivered."""
    status = totals(snapshot, space, now)
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
    return status


def totals(snapshot: Connection, space: str, now: datetime) -> Status:
    """Count leads and changes, by indexes alone; ``sources`` stays empty."""
    by_stage = _by_stage(snapshot, space)
    connections = _connections(snapshot, space, now)
    mirror = mirrored(snapshot, space)
    return Status(
        connections=connections,
        effects=effect_books.counts(snapshot, space),
        blocked=effect_books.blocked(snapshot, space),
        mirror=mirror,
        following=followed.read(snapshot, space),
        leads=sum(by_stage.values()),
        leads_by_stage=by_stage,
        releases=releases.load(snapshot, space),
        timers=timers.count(snapshot, space, now),
        revisit=revisits.progress(snapshot, space),
        providers=asked.read(snapshot, space, now),
    )


def mirrored(snapshot: Connection, space: str) -> dict[str, dict[str, MirrorCount]]:
    """Return how far each mirror is: connection -> object -> count."""
    found: dict[str, dict[str, MirrorCount]] = {}
    for one in cursors.load(snapshot, space):
        if one.job == cursors.BACKFILL:
            found.setdefault(one.connection, {})[one.object] = MirrorCount(
                seen=one.seen,
                total=one.total,
                skipped=one.skipped,
                is_walking=one.is_walking,
                is_whole=one.finished_at is not None,
                moved_at=to_text(one.moved_at),
                finished_at=to_text(one.finished_at) if one.finished_at else "",
                problem=one.problem,
                fields=list(one.fields),
            )
    return found


def _by_stage(snapshot: Connection, space: str) -> dict[str, int]:
    """Count the leads of each stage: all by one index, less the test leads by another; no row is read."""
    by_stage = sa.select(leads.c.stage, sa.func.count()).where(leads.c.space == space).group_by(leads.c.stage)
    counts = {stage or "": int(count) for stage, count in snapshot.execute(by_stage)}
    for stage, count in snapshot.execute(by_stage.where(sa.text("is_test"))):
        counts[stage or ""] -= int(count)
    return {stage: count for stage, count in counts.items() if count}


def _count_events(snapshot: Connection, space: str, writing: Collection[str], status: Status) -> None:
    """Say of each sender's event where it ended; one whose person is still on the way is in flight."""
    e = inbox_events.c
    end = ending(space, writing)
    statement = (
        sa.select(SOURCE, end, sa.func.count())
        .where(
            e.space == space,
            e.kind.in_(SENDERS),
            e.source.in_(list(status.sources)),  # a replay of what a CRM said is nobody's post
            IS_COUNTED,
        )
        .group_by("of_source", "end")
    )
    for source, name, count in snapshot.execute(statement):
        status.sources.setdefault(source, SourceCount()).add(name, count)


IS_COUNTED = sa.and_(
    inbox_events.c.state.not_in(("replayed", "done")),
    sa.or_(  # a replay that waits is counted with its event
        inbox_events.c.kind == str(EventKind.INTAKE), inbox_events.c.state != "waiting"
    ),
)


def ending(space: str, writing: Collection[str]) -> sa.Label[str]:
    """Build the expression that says where an event of the inbox ended: a name of ``SourceCount``.

    Whose person is not settled is read first, as a set: it is small, and the events are many.
    """
    e, o = inbox_events.c, outbox_changes.c
    found = inbox_events.alias("found")  # records read in a CRM for the same lead

    def wanted_by(condition: sa.TextClause) -> sa.ColumnElement[bool]:
        unsettled = sa.select(o.entity_id).where(
            o.space == space,
            o.entity_kind == "lead",
            CONNECTION.in_(list(writing)),
            condition,
        )
        return e.lead_id.in_(unsettled)

    def found_in(state: str) -> sa.ColumnElement[bool]:
        kinds = (str(EventKind.FOUND), str(EventKind.GONE), str(EventKind.REPLAY))
        of_leads = sa.select(found.c.lead_id).where(
            found.c.space == space,
            found.c.state == state,
            found.c.kind.in_(kinds),
            found.c.lead_id.is_not(None),
        )
        return e.lead_id.in_(of_leads)

    on_the_way = wanted_by(WAITS)
    given_up = wanted_by(GIVEN_UP)
    return sa.case(
        (e.state == "waiting", "in_flight"),
        (e.state.not_in(("new", "merged")), e.state),
        (sa.or_(on_the_way, found_in("waiting")), "in_flight"),
        (found_in("review"), "review"),
        (sa.or_(given_up, found_in("dead")), "dead"),
        (e.state == "new", "delivered"),
        else_="merged",
    ).label("end")


@dataclass(frozen=True, slots=True)
class Queues:
    """How long the queues are: cheap enough for a scrape."""

    events: dict[str, int]  # waiting, dead, quarantined, review
    connections: dict[str, ConnectionCount]
    effects: dict[str, EffectCount] = field(default_factory=dict)  # without those that were sent
    timers: TimerCount = field(default_factory=TimerCount)


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
        timers.totals(snapshot, space, now),
    )


def _unsettled(snapshot: Connection, space: str, now: datetime) -> dict[str, ConnectionCount]:
    """Count what is due, waits or was given up; the indexes leave out what is done, so it is not read."""
    found: dict[str, ConnectionCount] = {}
    for connection, due, later, parked, oldest in snapshot.execute(PENDING, {"of_space": space, "now": now}):
        found[connection] = ConnectionCount(
            due=due, waiting=later - parked, backlog=parked, oldest_due=oldest
        )
    for connection, dead in snapshot.execute(DEAD_LETTERS, {"of_space": space}):
        found.setdefault(connection, ConnectionCount()).dead = dead
    return found


_o = outbox_changes.c
_is_due = _o.due_at <= sa.bindparam("now", type_=_o.due_at.type)
# Conditions word for word as ``ix_outbox_changes_due`` and ``ix_outbox_changes_letters`` say them.
PENDING = (
    sa.select(
        CONNECTION,
        sa.func.count().filter(_is_due),
        sa.func.count().filter(sa.not_(_is_due)),
        sa.func.count().filter(_o.due_at == PARKED),
        sa.func.min(_o.raised_at).filter(_is_due),
    )
    .where(_o.space == sa.bindparam("of_space"), WAITS)
    .group_by(CONNECTION)
)
DEAD_LETTERS = (
    sa.select(CONNECTION, sa.func.count())
    .where(_o.space == sa.bindparam("of_space"), GIVEN_UP)
    .group_by(CONNECTION)
)


def _connections(snapshot: Connection, space: str, now: datetime) -> dict[str, ConnectionCount]:
    """Count every change, by an index alone: done is what is neither due nor waits nor was given up."""
    found = _unsettled(snapshot, space, now)
    c = outbox_changes.c
    totals = sa.select(c.connection, sa.func.count()).where(c.space == space).group_by(c.connection)
    for connection, total in snapshot.execute(totals):
        counted = found.setdefault(connection, ConnectionCount())
        counted.done = total - counted.due - counted.waiting - counted.backlog - counted.dead
    return found
