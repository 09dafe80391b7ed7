"""The outbox: what must become true on each connection, and the leases of who is at it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.event import EventKind, EventState
from model.priority import Priority
from sync.database import insert_on
from sync.doubt import Doubt
from sync.statements import execute_many
from sync.tables import inbox_events, links, outbox_changes

LEAD = "lead"  # entity_kind
PARKED = datetime(9999, 12, 31, tzinfo=UTC)
"""``due_at`` of what was gathered while observing, until a release lets it out (``sync/releases.py``)."""


@dataclass(frozen=True, slots=True)
class Raise:
    """What a connection holds must be brought up to a lead once more."""

    connection: str
    object: str
    lead_id: str
    needs: tuple[str, ...] = ()
    priority: Priority = Priority.PEOPLE


def raise_wanted(
    connection: Connection,
    space: str,
    raises: Sequence[Raise],
    now: datetime,
    *,
    due_at: datetime | None = None,
) -> None:
    """Add one to ``wanted`` of each row, making those that are missing; due at once unless told otherwise.

    A row that waits out a server's answer keeps its ``due_at``: new wishes do not make a
    busy server less busy. One that is parked does not wait for its release any more. Of several wishes
    for a row the first priority counts.
    """
    if not raises:
        return
    rows = [
        {
            "space": space,
            "connection": item.connection,
            "object": item.object,
            "entity_kind": LEAD,
            "entity_id": item.lead_id,
            "wanted": 1,
            "done": 0,
            "dead": 0,
            "needs": list(item.needs),
            "priority": int(item.priority),
            "attempts": 0,
            "due_at": due_at or now,
            "raised_at": now,
        }
        for item in _once_each(raises)
    ]
    execute_many(connection, _raising(connection.dialect.name), rows)


@cache
def _raising(dialect: str) -> sa.Insert:
    c = outbox_changes.c
    insert = insert_on(dialect, outbox_changes)
    begins = sa.or_(c.wanted <= c.done, c.wanted <= c.dead, c.due_at == PARKED)  # its wait, that is
    goes_first = sa.or_(begins, insert.excluded.priority < c.priority)
    statement: sa.Insert = insert.on_conflict_do_update(
        index_elements=["space", "connection", "object", "entity_kind", "entity_id"],
        set_={
            "wanted": c.wanted + 1,
            "needs": insert.excluded.needs,
            "priority": sa.case((goes_first, insert.excluded.priority), else_=c.priority),
            "due_at": sa.case((begins, insert.excluded.due_at), else_=c.due_at),
            "raised_at": sa.case((begins, insert.excluded.raised_at), else_=c.raised_at),
        },
    )
    return statement


def _once_each(raises: Sequence[Raise]) -> list[Raise]:
    """Return one wish for each row, the one that goes first, in the order of locking."""
    by_priority = sorted(raises, key=lambda item: item.priority, reverse=True)
    wishes = {(item.connection, item.object, item.lead_id): item for item in by_priority}
    return [wishes[row] for row in sorted(wishes)]


def lock(connection: Connection, ids: Sequence[int]) -> None:
    """Lock rows of one connection in the order of all transactions, so that none waits in a circle.

    That order is: outbox rows by object and lead, then links by lead and connection.
    """
    connection.execute(LOCKED, {"ids": ids}).all()


@dataclass(frozen=True, slots=True)
class DueRow:
    """A due row as read; ``in_flight`` holds values whose fate is unknown."""

    id: int
    object: str
    lead_id: str
    wanted: int
    attempts: int
    in_flight: Doubt | None
    raised_at: datetime
    done: int = 0
    priority: int = Priority.PEOPLE
    release: int | None = None  # the go-live that let it out of what had been gathered


DUE_COLUMNS = (  # as in ``DueRow``
    "id", "object", "entity_id", "wanted", "attempts", "in_flight", "raised_at", "done", "priority",
    "release",
)  # fmt: skip

# Statements that every delivery executes are built once: building costs more than executing.
_ROWS = outbox_changes.c
LOCKED = (
    sa.select(_ROWS.id)
    .where(_ROWS.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(_ROWS.object, _ROWS.entity_id)
    .with_for_update()
)
HELD = LOCKED.where(_ROWS.lease_token == sa.bindparam("token"))
IS_FREE = sa.or_(_ROWS.lease_until.is_(None), _ROWS.lease_until <= sa.bindparam("now"))
IS_DUE = sa.and_(
    _ROWS.space == sa.bindparam("of_space"),
    _ROWS.connection == sa.bindparam("of_connection"),
    sa.text("wanted > done AND wanted > dead"),  # verbatim the partial index's own condition
    _ROWS.due_at <= sa.bindparam("now"),
    IS_FREE,
)


def due(
    snapshot: Connection,
    space: str,
    connection: str,
    now: datetime,
    limit: int,
    needs: Iterable[str],
    *,
    last_first: bool = False,
) -> list[DueRow]:
    """Read the next due rows of a connection whose needed links exist, by priority, then by age.

    A lead whose record was just read there, and not merged yet, waits for the decider.
    ``last_first`` begins with the last priority, so that it is never left out for good.
    """
    values = {"of_space": space, "of_connection": connection, "now": now, "limit": limit}
    return [DueRow(*row) for row in snapshot.execute(_due(tuple(needs), last_first), values)]


@cache
def _due(needs: tuple[str, ...], last_first: bool) -> sa.Select[Any]:
    """Put the due rows of each priority together, each read by the index, whatever else is due."""
    each = [sa.select(_due_of(one, needs).subquery()) for one in Priority]
    rows = sa.union_all(*each).subquery()
    order = rows.c.priority.desc() if last_first else rows.c.priority
    return (
        sa.select(*(rows.c[name] for name in DUE_COLUMNS))
        .order_by(order, rows.c.due_at, rows.c.id)
        .limit(sa.bindparam("limit", type_=sa.Integer))
    )


def _due_of(priority: Priority, needs: tuple[str, ...]) -> sa.Select[Any]:
    c = outbox_changes.c
    e = inbox_events.c
    unmerged = sa.exists().where(
        e.lead_id == c.entity_id,
        e.state == str(EventState.WAITING),
        e.kind.in_((str(EventKind.FOUND), str(EventKind.GONE))),
        e.source == sa.bindparam("of_connection"),
    )
    return (
        sa.select(*(c[name] for name in DUE_COLUMNS), c.due_at)
        .where(
            IS_DUE,
            c.priority == sa.literal_column(str(int(priority))),
            ~unmerged,
            *(is_met(need) for need in needs),
        )
        .order_by(c.due_at, c.id)
        .limit(sa.bindparam("limit", type_=sa.Integer))
    )


def is_met(need: str) -> sa.ColumnElement[bool]:
    """Build the condition that a row does not need a connection's link, or that there is one."""
    linked = sa.exists().where(links.c.lead_id == outbox_changes.c.entity_id, links.c.connection == need)
    return sa.or_(sa.not_(_names(need)), linked)


def _names(need: str) -> sa.ColumnElement[bool]:
    return sa.cast(outbox_changes.c.needs, sa.Text).contains(f'"{need}"', autoescape=True)


def has_due(snapshot: Connection, space: str, connection: str, now: datetime) -> bool:
    """Say whether anything could be claimed now (needs aside)."""
    values = {"of_space": space, "of_connection": connection, "now": now}
    return snapshot.execute(sa.select(_ROWS.id).where(IS_DUE).limit(1), values).first() is not None


@dataclass(frozen=True, slots=True)
class Claim:
    """A row to lease, with the exact values about to be sent."""

    row: DueRow
    in_flight: Doubt


def lease(
    connection: Connection, claims: Sequence[Claim], token: str, now: datetime, until: datetime
) -> set[int]:
    """Lease rows that are still free and as they were read; return the ids that are ours now."""
    if not claims:
        return set()
    mine = {"token": token, "until": until}
    rows = [_read(claim.row, now) | mine | {"values": dict(claim.in_flight)} for claim in claims]
    if execute_many(connection, LEASE, rows) == len(claims):
        return {claim.row.id for claim in claims}
    ours = sa.select(_ROWS.id).where(_ROWS.lease_token == token)
    return set(connection.execute(ours).scalars())


IS_AS_READ = sa.and_(  # nobody has claimed, delivered or given up the row since it was read
    _ROWS.id == sa.bindparam("row"),
    _ROWS.done == sa.bindparam("read_done"),
    _ROWS.dead < sa.bindparam("read_wanted"),
    _ROWS.attempts == sa.bindparam("read_attempts"),
    IS_FREE,
)
LEASE = (
    sa.update(outbox_changes)
    .where(IS_AS_READ)
    .values(
        lease_token=sa.bindparam("token"),
        lease_until=sa.bindparam("until"),
        attempts=_ROWS.attempts + 1,
        in_flight=sa.bindparam("values"),
    )
)


def _read(row: DueRow, now: datetime) -> dict[str, Any]:
    return {
        "now": now,
        "row": row.id,
        "read_done": row.done,
        "read_wanted": row.wanted,
        "read_attempts": row.attempts,
    }


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a leased row.

    ``done`` or ``dead`` is the ``wanted`` that was read for it; neither: it is due again
    at ``due_at``, and ``doubtful`` says that its values may have arrived.
    """

    id: int
    done: int | None = None
    dead: int | None = None
    due_at: datetime | None = None
    error: str | None = None
    doubtful: bool = False
    attempts: int | None = None  # set: as many as before, for this one was nobody's fault


def held(connection: Connection, ids: Sequence[int], token: str) -> set[int]:
    """Return which of these rows are still under our lease, locked until the transaction ends."""
    return set(connection.execute(HELD, {"ids": ids, "token": token}).scalars())


def renew(connection: Connection, ids: Sequence[int], token: str, until: datetime) -> bool:
    """Extend a lease by which calls are still made; ``False`` where none of its rows is ours any more."""
    return connection.execute(RENEW, {"ids": ids, "token": token, "until": until}).rowcount > 0


RENEW = (
    sa.update(outbox_changes)
    .where(_ROWS.id.in_(sa.bindparam("ids", expanding=True)), _ROWS.lease_token == sa.bindparam("token"))
    .values(lease_until=sa.bindparam("until"))
)


def settle(connection: Connection, settled: Sequence[Settled], now: datetime) -> None:
    """Record outcomes of rows the caller holds."""
    groups: dict[tuple[bool, ...], list[tuple[dict[str, Any], dict[str, Any]]]] = {}
    for item in settled:
        values: dict[str, Any] = {"lease_token": None, "lease_until": None, "error": item.error}
        if not item.doubtful:
            values["in_flight"] = None
        if item.done is not None:
            values |= {"done": item.done, "attempts": 0, "settled_at": now}
        elif item.dead is not None:
            values |= {"dead": item.dead, "attempts": 0, "settled_at": now}
        elif item.due_at is not None:
            values |= {"due_at": item.due_at}
        if item.attempts is not None:
            values["attempts"] = item.attempts
        shape = tuple(name in values for name in ("in_flight", "done", "dead", "due_at", "attempts"))
        groups.setdefault(shape, []).append(({"row": item.id}, values))
    for rows in groups.values():
        execute_many(
            connection,
            _settling(tuple(rows[0][1])),
            [key | {f"new_{name}": value for name, value in values.items()} for key, values in rows],
        )


@cache
def _settling(names: tuple[str, ...]) -> sa.Update:
    statement = sa.update(outbox_changes).where(outbox_changes.c.id == sa.bindparam("row"))
    return statement.values({name: sa.bindparam(f"new_{name}") for name in names})


def raise_again(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """Make rows that the caller has settled due once more, where nobody has raised them meanwhile."""
    execute_many(connection, AGAIN, [{"row": row, "now": now} for row in ids])


AGAIN = (
    sa.update(outbox_changes)
    .where(outbox_changes.c.id == sa.bindparam("row"), outbox_changes.c.wanted <= outbox_changes.c.done)
    .values(wanted=outbox_changes.c.wanted + 1, due_at=sa.bindparam("now"), raised_at=sa.bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class Unsent:
    """A due row that needs no call: nothing is missing, or ``why_not`` says why it can never be sent."""

    row: DueRow
    why_not: str | None = None


def settle_unsent(connection: Connection, unsent: Sequence[Unsent], now: datetime) -> None:
    """Settle rows that need no call, where they are still as read: done, or given up with the reason."""
    settled: dict[str, Any] = {"attempts": 0, "in_flight": None, "settled_at": now}
    statement = sa.update(outbox_changes).where(IS_AS_READ)
    done = [_read(item.row, now) for item in unsent if item.why_not is None]
    if done:
        values = settled | {"done": sa.bindparam("read_wanted"), "error": None}
        connection.execute(statement.values(values), done)
    dead = [_read(item.row, now) | {"why": item.why_not} for item in unsent if item.why_not is not None]
    if dead:
        values = settled | {"dead": sa.bindparam("read_wanted"), "error": sa.bindparam("why")}
        connection.execute(statement.values(values), dead)


def release_leases(connection: Connection, space: str) -> int:
    """Free every lease: only for a process that knows it is the only one (the SQLite file's lock)."""
    c = outbox_changes.c
    statement = sa.update(outbox_changes).where(c.space == space, c.lease_token.is_not(None))
    return connection.execute(statement.values(lease_token=None, lease_until=None)).rowcount


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A change that was given up, with the CRM's words."""

    id: int
    connection: str
    object: str
    lead_id: str
    error: str
    at: datetime | None = field(default=None)


def dead_letters(snapshot: Connection, space: str, limit: int = 100) -> list[DeadLetter]:
    """Read changes that were given up, oldest first."""
    c = outbox_changes.c
    statement = (
        sa.select(c.id, c.connection, c.object, c.entity_id, c.error, c.settled_at)
        .where(c.space == space, sa.text("dead > done"), c.wanted <= c.dead)
        .order_by(c.id)
        .limit(limit)
    )
    return [DeadLetter(*row) for row in snapshot.execute(statement)]


def give_up_orphans(connection: Connection, space: str, now: datetime) -> int:
    """Give up rows whose needed record could not be made, and say so; return how many."""
    c = outbox_changes.c
    needed = outbox_changes.alias("needed")
    cause = (
        sa.select(needed.c.connection + ": " + sa.func.coalesce(needed.c.error, ""))
        .where(
            needed.c.space == c.space,
            needed.c.entity_kind == c.entity_kind,
            needed.c.entity_id == c.entity_id,
            needed.c.dead > needed.c.done,
            needed.c.wanted <= needed.c.dead,
            sa.cast(c.needs, sa.Text).contains('"' + needed.c.connection + '"'),
            ~sa.exists().where(links.c.lead_id == c.entity_id, links.c.connection == needed.c.connection),
        )
        .limit(1)
        .scalar_subquery()
    )
    statement = (
        sa.update(outbox_changes)
        .where(
            c.space == space,
            sa.text("wanted > done AND wanted > dead"),
            sa.cast(c.needs, sa.Text) != "[]",
            c.lease_token.is_(None),
            cause.is_not(None),
        )
        .values(
            dead=c.wanted,
            error=sa.literal("needs a record that could not be written: ") + cause,
            settled_at=now,
        )
    )
    return connection.execute(statement).rowcount
