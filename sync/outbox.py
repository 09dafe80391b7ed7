"""The outbox: what must become true on each connection, and the leases of who is at it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from model.decision import EntityKind
from model.event import EventKind, EventState
from sync.database import insert_on
from sync.doubt import Doubt
from sync.statements import execute_many
from sync.tables import account_links, inbox_events, leads, links, outbox_changes

LEAD, ACCOUNT, ASSOCIATION = EntityKind.LEAD, EntityKind.ACCOUNT, EntityKind.ASSOCIATION


@dataclass(frozen=True, slots=True)
class Raise:
    """What a connection holds must be brought up to a lead or an account once more."""

    connection: str
    object: str
    entity_id: str  # the account's where ``kind`` is ACCOUNT, else the lead's
    needs: tuple[str, ...] = ()
    kind: EntityKind = LEAD


def raise_wanted(connection: Connection, space: str, raises: Sequence[Raise], now: datetime) -> None:
    """Add one to ``wanted`` of each row, making those that are missing.

    A row that waits out a server's answer keeps its ``due_at``: new wishes do not make a
    busy server less busy.
    """
    if not raises:
        return
    rows = [
        {
            "space": space,
            "connection": item.connection,
            "object": item.object,
            "entity_kind": str(item.kind),
            "entity_id": item.entity_id,
            "wanted": 1,
            "done": 0,
            "dead": 0,
            "needs": list(item.needs),
            "attempts": 0,
            "due_at": now,
            "raised_at": now,
        }
        for item in sorted(dict.fromkeys(raises), key=_locking_order)
    ]
    execute_many(connection, _raising(connection.dialect.name), rows)


@cache
def _raising(dialect: str) -> sa.Insert:
    c = outbox_changes.c
    insert = insert_on(dialect, outbox_changes)
    rests = sa.or_(c.wanted <= c.done, c.wanted <= c.dead)
    statement: sa.Insert = insert.on_conflict_do_update(
        index_elements=["space", "connection", "object", "entity_kind", "entity_id"],
        set_={
            "wanted": c.wanted + 1,
            "needs": insert.excluded.needs,
            "due_at": sa.case((rests, insert.excluded.due_at), else_=c.due_at),
            "raised_at": sa.case((rests, insert.excluded.raised_at), else_=c.raised_at),
        },
    )
    return statement


def _locking_order(item: Raise) -> tuple[str, str, str, str]:
    return item.connection, item.object, item.entity_id, item.kind


def lock(connection: Connection, ids: Sequence[int]) -> None:
    """Lock rows of one connection in the order of all transactions, so that none waits in a circle.

    That order is: outbox rows by object, entity and kind, then links by owner and connection.
    """
    connection.execute(LOCKED, {"ids": ids}).all()


@dataclass(frozen=True, slots=True)
class DueRow:
    """A due row as read; ``in_flight`` holds values whose fate is unknown."""

    id: int
    object: str
    entity_id: str
    wanted: int
    attempts: int
    in_flight: Doubt | None
    raised_at: datetime
    done: int = 0
    kind: EntityKind = LEAD


# Statements that every delivery executes are built once: building costs more than executing.
_ROWS = outbox_changes.c
LOCKED = (
    sa.select(_ROWS.id)
    .where(_ROWS.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(_ROWS.object, _ROWS.entity_id, _ROWS.entity_kind)
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

_OF_KIND = _ROWS.entity_kind == sa.bindparam("of_kind")
_HAS_PERSON = (
    sa.exists()
    .where(links.c.lead_id == _ROWS.entity_id, links.c.connection == _ROWS.connection)
    .correlate(outbox_changes)
)
_ITS_ACCOUNT = sa.select(leads.c.account_id).where(leads.c.id == _ROWS.entity_id).correlate(outbox_changes)
_HAS_COMPANY = (
    sa.exists()
    .where(
        account_links.c.account_id.in_(_ITS_ACCOUNT),
        account_links.c.connection == _ROWS.connection,
    )
    .correlate(outbox_changes)
)


def due(
    snapshot: Connection,
    space: str,
    connection: str,
    now: datetime,
    limit: int,
    needs: Iterable[str],
    kind: EntityKind = LEAD,
) -> list[DueRow]:
    """Read the next due rows of one kind on a connection whose needed links exist.

    A lead whose record was just read there, and not merged yet, waits for the decider. An
    association waits for the records of both.
    """
    values = {"of_space": space, "of_connection": connection, "of_kind": str(kind)}
    rows = snapshot.execute(_due(kind, tuple(needs)), values | {"now": now, "limit": limit})
    return [DueRow(**row._mapping, kind=kind) for row in rows]


def next_kind(
    snapshot: Connection, space: str, connection: str, now: datetime, needs: Iterable[str]
) -> EntityKind | None:
    """Return of which kind the row is that has been due for longest; ``None`` when none is.

    Of those raised at the same moment people come first.
    """
    values = {"of_space": space, "of_connection": connection, "now": now, "limit": 1}
    first: list[tuple[datetime, int, EntityKind]] = []
    for place, kind in enumerate(EntityKind):
        statement = _first_due(kind, tuple(needs))
        found = snapshot.execute(statement, values | {"of_kind": str(kind)}).scalar_one_or_none()
        if found is not None:
            first.append((found, place, kind))
    return min(first)[2] if first else None


@cache
def _first_due(kind: EntityKind, needs: tuple[str, ...]) -> sa.Select[Any]:
    return _due(kind, needs).with_only_columns(_ROWS.due_at)


@cache
def _due(kind: EntityKind, needs: tuple[str, ...]) -> sa.Select[Any]:
    c = outbox_changes.c
    statement = (
        sa.select(c.id, c.object, c.entity_id, c.wanted, c.attempts, c.in_flight, c.raised_at, c.done)
        .where(IS_DUE, _OF_KIND)
        .order_by(c.due_at, c.id)
        .limit(sa.bindparam("limit", type_=sa.Integer))
    )
    if kind is ASSOCIATION:
        return statement.where(_HAS_PERSON, _HAS_COMPANY)
    if kind is ACCOUNT:
        return statement
    e = inbox_events.c
    unmerged = sa.exists().where(
        e.lead_id == c.entity_id,
        e.state == str(EventState.WAITING),
        e.kind.in_((str(EventKind.FOUND), str(EventKind.GONE))),
        e.source == sa.bindparam("of_connection"),
    )
    statement = statement.where(~unmerged)
    for need in needs:
        linked = sa.exists().where(links.c.lead_id == c.entity_id, links.c.connection == need)
        statement = statement.where(sa.or_(sa.not_(_names(need)), linked))
    return statement


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
    lead_id: str  # the account's where ``kind`` is ACCOUNT
    error: str
    at: datetime | None = field(default=None)
    kind: EntityKind = LEAD


def dead_letters(snapshot: Connection, space: str, limit: int = 100) -> list[DeadLetter]:
    """Read changes that were given up, oldest first."""
    c = outbox_changes.c
    statement = (
        sa.select(c.id, c.connection, c.object, c.entity_id, c.error, c.settled_at, c.entity_kind)
        .where(c.space == space, sa.text("dead > done"), c.wanted <= c.dead)
        .order_by(c.id)
        .limit(limit)
    )
    return [letter_of(row) for row in snapshot.execute(statement)]


def letter_of(row: Row[*tuple[Any, ...]]) -> DeadLetter:
    """Read a row of id, connection, object, entity, error, time and kind of entity."""
    letter = dict(row._mapping)
    kind = EntityKind(letter.pop("entity_kind"))
    return DeadLetter(lead_id=letter.pop("entity_id"), at=letter.pop("settled_at"), kind=kind, **letter)


def give_up_orphans(connection: Connection, space: str, now: datetime) -> int:
    """Give up rows whose needed record could not be made, and say so; return how many."""
    statements = (
        _orphans(space, now),
        _lonely(space, now, _OF_LEAD, _IS_GIVEN_UP, _CAUSE),
        _lonely(space, now, _OF_ITS_ACCOUNT, _IS_GIVEN_UP, _CAUSE),
        _lonely(space, now, _OF_ITS_ACCOUNT, _IS_ANOTHERS, sa.literal(ANOTHERS)),
    )
    return sum(connection.execute(statement).rowcount for statement in statements)


_NEEDED = outbox_changes.alias("needed")
_IS_GIVEN_UP = sa.and_(_NEEDED.c.dead > _NEEDED.c.done, _NEEDED.c.wanted <= _NEEDED.c.dead)
_WAITS = sa.and_(sa.text("wanted > done AND wanted > dead"), _ROWS.lease_token.is_(None))
# Found and settled, and nothing of it waits to be decided: it was not linked, as another account has it.
_IS_ANOTHERS = sa.and_(
    _NEEDED.c.done > 0,
    _NEEDED.c.wanted <= _NEEDED.c.done,
    ~sa.exists()
    .where(
        inbox_events.c.space == _NEEDED.c.space,
        inbox_events.c.source == _NEEDED.c.connection,
        inbox_events.c.kind == str(EventKind.FOUND),
        inbox_events.c.state == str(EventState.WAITING),
    )
    .correlate(_NEEDED),
)
ANOTHERS = "the company's record is another account's; a review says which"
_CAUSE = _NEEDED.c.connection + ": " + sa.func.coalesce(_NEEDED.c.error, "")


def _orphans(space: str, now: datetime) -> sa.Update:
    """People who wait for a record on another connection."""
    c, needed = _ROWS, _NEEDED.c
    cause = sa.select(_CAUSE).where(
        needed.space == c.space,
        needed.entity_kind == c.entity_kind,
        needed.entity_id == c.entity_id,
        _IS_GIVEN_UP,
        sa.cast(c.needs, sa.Text).contains('"' + needed.connection + '"'),
        ~sa.exists().where(links.c.lead_id == c.entity_id, links.c.connection == needed.connection),
    )
    return _giving_up(space, now, cause).where(sa.cast(c.needs, sa.Text) != "[]")


_OF_LEAD = sa.and_(
    _NEEDED.c.entity_kind == str(LEAD),
    _NEEDED.c.entity_id == _ROWS.entity_id,
    ~_HAS_PERSON,
)
_OF_ITS_ACCOUNT = sa.and_(
    _NEEDED.c.entity_kind == str(ACCOUNT),
    _NEEDED.c.entity_id.in_(_ITS_ACCOUNT),
    ~_HAS_COMPANY,
)


def _lonely(
    space: str,
    now: datetime,
    missing: sa.ColumnElement[bool],
    how: sa.ColumnElement[bool],
    why: sa.ColumnElement[str],
) -> sa.Update:
    """Associations whose person, or whose company, could not be written on the same connection."""
    cause = sa.select(why).where(
        _NEEDED.c.space == _ROWS.space, _NEEDED.c.connection == _ROWS.connection, how, missing
    )
    return _giving_up(space, now, cause).where(_ROWS.entity_kind == str(ASSOCIATION))


def _giving_up(space: str, now: datetime, cause: sa.Select[Any]) -> sa.Update:
    why = cause.limit(1).correlate(outbox_changes).scalar_subquery()
    return (
        sa.update(outbox_changes)
        .where(_ROWS.space == space, _WAITS, why.is_not(None))
        .values(
            dead=_ROWS.wanted,
            error=sa.literal("needs a record that could not be written: ") + why,
            settled_at=now,
        )
    )
