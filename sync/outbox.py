"""The outbox: what must become true on each connection, and the leases of who is at it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from model.cause import IN_REVIEW, NEEDS_RECORD, NO_CAUSE, Cause
from model.decision import EntityKind
from model.event import EventKind, EventState, JsonValue
from model.priority import Priority
from sync.database import insert_on
from sync.doubt import Doubt, both
from sync.statements import execute_many
from sync.tables import (
    account_links,
    cursors,
    deal_links,
    deal_parties,
    inbox_events,
    leads,
    links,
    outbox_changes,
)

GIVEN_UP = sa.text("dead > done AND wanted <= dead")  # verbatim the partial index's own condition
LEAD, ACCOUNT, ASSOCIATION = EntityKind.LEAD, EntityKind.ACCOUNT, EntityKind.ASSOCIATION
DEAL, PARTIES = EntityKind.DEAL, EntityKind.PARTIES
PARKED = datetime(9999, 12, 31, tzinfo=UTC)
"""``due_at`` of what was gathered while observing, until a release lets it out (``sync/releases.py``)."""


@dataclass(frozen=True, slots=True)
class Raise:
    """What a connection holds must be brought up to a lead or an account once more."""

    connection: str
    object: str
    entity_id: str  # the account's where ``kind`` is ACCOUNT, else the lead's
    needs: tuple[str, ...] = ()
    priority: Priority = Priority.PEOPLE
    kind: EntityKind = LEAD
    is_parked: bool = False  # not due before a release lets it out
    is_answer: bool = False  # wanted because of what a CRM said: a row that is parked stays so


def raise_wanted(connection: Connection, space: str, raises: Sequence[Raise], now: datetime) -> None:
    """Add one to ``wanted`` of each row, making those that are missing; due at once unless it is parked.

    A row that waits out a server's answer keeps its ``due_at``: new wishes do not make a
    busy server less busy. One that is parked does not wait for its release any more, unless this
    wish does, too, or comes from a CRM: else the release of one CRM would empty that of the other past
    its brake. Of several wishes for a row the first priority counts, and what is due at once.
    """
    wishes = _once_each(raises)
    for is_answer, some in groupby(wishes, key=lambda item: item.is_answer):
        rows = [_row(space, item, now) for item in some]
        execute_many(connection, _raising(connection.dialect.name, is_answer), rows)


def _row(space: str, item: Raise, now: datetime) -> dict[str, Any]:
    return {
        "space": space,
        "connection": item.connection,
        "object": item.object,
        "entity_kind": str(item.kind),
        "entity_id": item.entity_id,
        "wanted": 1,
        "done": 0,
        "dead": 0,
        "needs": list(item.needs),
        "priority": int(item.priority),
        "attempts": 0,
        "due_at": PARKED if item.is_parked else now,
        "raised_at": now,
    }


@cache
def _raising(dialect: str, is_answer: bool) -> sa.Insert:
    c = outbox_changes.c
    insert = insert_on(dialect, outbox_changes)
    begins = sa.or_(c.wanted <= c.done, c.wanted <= c.dead)  # its wait, that is
    if not is_answer:
        begins = sa.or_(begins, c.due_at == PARKED)
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
    last_first = sorted(
        raises, key=lambda item: (item.is_parked, item.is_answer, item.priority), reverse=True
    )
    wishes = {(item.connection, item.object, item.entity_id, item.kind): item for item in last_first}
    return [wishes[row] for row in sorted(wishes)]


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
    priority: int = Priority.PEOPLE
    release: int | None = None  # the go-live that let it out of what had been gathered
    kind: EntityKind = LEAD


DUE_COLUMNS = (  # as in ``DueRow``
    "id", "object", "entity_id", "wanted", "attempts", "in_flight", "raised_at", "done", "priority",
    "release",
)  # fmt: skip

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

_HAS_PERSON = (
    sa.exists()
    .where(links.c.lead_id == _ROWS.entity_id, links.c.connection == _ROWS.connection)
    .correlate(outbox_changes)
)
# Compared by =, not IN: for that SQLite would go through all rows of the connection, for each row.
_ITS_ACCOUNT = sa.select(leads.c.account_id).where(leads.c.id == _ROWS.entity_id).correlate(outbox_changes)
_HAS_COMPANY = (
    sa.exists()
    .where(
        account_links.c.account_id == _ITS_ACCOUNT.scalar_subquery(),
        account_links.c.connection == _ROWS.connection,
    )
    .correlate(outbox_changes)
)


_HAS_DEAL = (
    sa.exists()
    .where(deal_links.c.deal_id == _ROWS.entity_id, deal_links.c.connection == _ROWS.connection)
    .correlate(outbox_changes)
)
# Those that were there before are known: what is not linked by then is not there.
_DEALS_ARE_KNOWN = (
    sa.exists()
    .where(
        cursors.c.space == _ROWS.space,
        cursors.c.connection == _ROWS.connection,
        cursors.c.job == "deals",
        cursors.c.finished_at.is_not(None),
    )
    .correlate(outbox_changes)
)
_OF_PARTY = outbox_changes.alias("of_party")
# Somebody who takes part is just being written there: who comes with them need not be written twice.
_PARTY_COMES = (
    sa.exists()
    .where(
        deal_parties.c.deal_id == _ROWS.entity_id,
        _OF_PARTY.c.entity_id == sa.func.coalesce(deal_parties.c.lead_id, deal_parties.c.account_id),
        _OF_PARTY.c.connection == _ROWS.connection,
        _OF_PARTY.c.entity_kind.in_((str(LEAD), str(ACCOUNT))),
        _OF_PARTY.c.wanted > _OF_PARTY.c.done,
        _OF_PARTY.c.wanted > _OF_PARTY.c.dead,
        _OF_PARTY.c.done == 0,
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
    *,
    kind: EntityKind = LEAD,
    last_first: bool = False,
    last: Priority = Priority.BACKFILL,
) -> list[DueRow]:
    """Read the next due rows of one kind on a connection whose needed links exist, by priority, then by age.

    A lead whose record was just read there, and not merged yet, waits for the decider. An
    association waits for the records of both; who takes part in a deal for the deal, and for those on
    their way there; a new deal until those that were there before are known. ``last_first`` begins with
    the last priority, so that it is never left out for good. Those behind the priority ``last`` are left
    where they are.
    """
    values = {"of_space": space, "of_connection": connection, "now": now, "limit": limit}
    rows = snapshot.execute(_due(kind, tuple(needs), last_first, last), values)
    return [DueRow(**row._mapping, kind=kind) for row in rows]


def next_kind(
    snapshot: Connection,
    space: str,
    connection: str,
    now: datetime,
    needs: Iterable[str],
    *,
    last_first: bool = False,
    last: Priority = Priority.BACKFILL,
) -> EntityKind | None:
    """Return of which kind the row is that goes first; ``None`` when none is due."""
    values = {"of_space": space, "of_connection": connection, "now": now, "limit": 1}
    first: list[tuple[int, datetime, int, EntityKind]] = []
    for place, kind in enumerate(EntityKind):
        row = snapshot.execute(_first_due(kind, tuple(needs), last_first, last), values).first()
        if row is not None:
            first.append((-row.priority if last_first else row.priority, row.due_at, place, kind))
    return min(first)[3] if first else None


@cache
def _first_due(kind: EntityKind, needs: tuple[str, ...], last_first: bool, last: Priority) -> sa.Select[Any]:
    rows, ordered = _in_order(kind, needs, last_first, last)
    return ordered.with_only_columns(rows.c.priority, rows.c.due_at)


@cache
def _due(kind: EntityKind, needs: tuple[str, ...], last_first: bool, last: Priority) -> sa.Select[Any]:
    rows, ordered = _in_order(kind, needs, last_first, last)
    return ordered.with_only_columns(*(rows.c[name] for name in DUE_COLUMNS))


def _in_order(
    kind: EntityKind, needs: tuple[str, ...], last_first: bool, last: Priority
) -> tuple[sa.Subquery, sa.Select[Any]]:
    """Put the due rows of each priority together, each read by the index, whatever else is due."""
    each = [sa.select(_due_of(kind, one, needs).subquery()) for one in Priority if one <= last]
    rows = sa.union_all(*each).subquery()
    order = rows.c.priority.desc() if last_first else rows.c.priority
    return rows, (
        sa.select(rows)
        .order_by(order, rows.c.due_at, rows.c.id)
        .limit(sa.bindparam("limit", type_=sa.Integer))
    )


def _due_of(kind: EntityKind, priority: Priority, needs: tuple[str, ...]) -> sa.Select[Any]:
    c = outbox_changes.c
    return (
        sa.select(*(c[name] for name in DUE_COLUMNS), c.due_at)
        .where(
            IS_DUE,
            c.entity_kind == sa.literal_column(f"'{kind}'"),
            c.priority == sa.literal_column(str(int(priority))),
            *_may_go(kind, needs),
        )
        .order_by(c.due_at, c.id)
        .limit(sa.bindparam("limit", type_=sa.Integer))
    )


def _may_go(kind: EntityKind, needs: tuple[str, ...]) -> tuple[sa.ColumnElement[bool], ...]:
    """Build the conditions that what a row of this kind waits for is there."""
    if kind is ASSOCIATION:
        return _HAS_PERSON, _HAS_COMPANY
    if kind is PARTIES:
        return _HAS_DEAL, ~_PARTY_COMES
    if kind is DEAL:
        return (sa.or_(_HAS_DEAL, _DEALS_ARE_KNOWN),)
    if kind is ACCOUNT:
        return ()
    e = inbox_events.c
    unmerged = sa.exists().where(
        e.lead_id == outbox_changes.c.entity_id,
        e.state == str(EventState.WAITING),
        e.kind.in_((str(EventKind.FOUND), str(EventKind.GONE))),
        e.source == sa.bindparam("of_connection"),
    )
    return ~unmerged, *(is_met(need) for need in needs)


def is_met(need: str) -> sa.ColumnElement[bool]:
    """Build the condition that a row does not need a connection's link, or that there is one."""
    linked = sa.exists().where(links.c.lead_id == outbox_changes.c.entity_id, links.c.connection == need)
    return sa.or_(sa.not_(_names(need)), linked)


def _names(need: str) -> sa.ColumnElement[bool]:
    return sa.cast(outbox_changes.c.needs, sa.Text).contains(f'"{need}"', autoescape=True)


def wanted_as(
    snapshot: Connection, space: str, connection: str, object_name: str, lead_ids: Collection[str]
) -> set[str]:
    """Return which of these leads have a row under this object of a connection."""
    c = outbox_changes.c
    statement = sa.select(c.entity_id).where(
        c.space == space,
        c.connection == connection,
        c.object == object_name,
        c.entity_kind == str(LEAD),
        c.entity_id.in_(list(lead_ids)),
    )
    return set(snapshot.execute(statement).scalars())


def count_wanted(snapshot: Connection, space: str, connection: str, kind: EntityKind) -> int:
    """Return how many rows of a kind are to be written on a connection, whenever that may be."""
    c = outbox_changes.c
    statement = (
        sa.select(sa.func.count())
        .select_from(outbox_changes)
        .where(
            c.space == space,
            c.connection == connection,
            sa.text("wanted > done AND wanted > dead"),  # verbatim the partial index's own condition
            c.entity_kind == str(kind),
        )
    )
    return int(snapshot.execute(statement).scalar_one())


def in_flight(
    snapshot: Connection, space: str, connections: Collection[str], entity_ids: Collection[str]
) -> dict[tuple[str, str], Doubt]:
    """Return the values on their way, or of a lost answer, by connection and lead or account."""
    c = outbox_changes.c
    statement = sa.select(c.connection, c.entity_id, c.in_flight).where(
        c.entity_id.in_(sorted(entity_ids)),
        c.space == space,
        c.connection.in_(sorted(connections)),
        c.entity_kind.in_((str(LEAD), str(ACCOUNT), str(DEAL))),
        c.in_flight.is_not(None),
    )
    return {(row.connection, row.entity_id): row.in_flight for row in snapshot.execute(statement)}


def under_way(snapshot: Connection, space: str, lead_ids: Collection[str], now: datetime) -> set[str]:
    """Return those of these leads to whom a call is under way on any connection."""
    c = outbox_changes.c
    statement = sa.select(c.entity_id).where(
        c.entity_id.in_(sorted(lead_ids)),
        c.space == space,
        c.entity_kind != str(ACCOUNT),
        c.lease_until > now,
    )
    return set(snapshot.execute(statement).scalars())


def lock_where(connection: Connection, which: sa.ColumnElement[bool]) -> None:
    """Lock rows, be they of several connections, in the order of all transactions."""
    order = (_ROWS.connection, _ROWS.object, _ROWS.entity_id, _ROWS.entity_kind)
    connection.execute(sa.select(_ROWS.id).where(which).order_by(*order).with_for_update()).all()


def lock_of(connection: Connection, lead_ids: Collection[str], raises: Sequence[Raise]) -> None:
    """Lock the rows of these leads and those that are raised, on all connections.

    For a transaction that removes some of them before it raises others.
    """
    lock_where(connection, _ROWS.entity_id.in_(sorted({*lead_ids, *(item.entity_id for item in raises)})))


def inherit(connection: Connection, space: str, lead_id: str, into: str, now: datetime) -> bool:
    """Let what may have reached the records of a lead be in doubt for the one that takes it in.

    That one is read before it is written next. ``False`` where a call to it is under way, whose answer
    would end the doubt.
    """
    c = outbox_changes.c
    mine = sa.and_(c.space == space, c.entity_kind == str(LEAD))
    doubtful = sa.select(c.connection, c.object, c.in_flight).where(
        mine, c.entity_id == lead_id, c.in_flight.is_not(None)
    )
    for name, object_type, sent in connection.execute(doubtful.order_by(c.connection, c.object)).all():
        raise_wanted(connection, space, [Raise(name, object_type, into, is_answer=True)], now)
        its = sa.and_(mine, c.entity_id == into, c.connection == name, c.object == object_type)
        row = connection.execute(sa.select(c.id, c.in_flight, c.lease_until).where(its)).one()
        if row.lease_until is not None and row.lease_until > now:
            return False
        joined = both(row.in_flight, sent)
        connection.execute(sa.update(outbox_changes).where(c.id == row.id).values(in_flight=joined))
    return True


def drop(connection: Connection, lead_id: str, now: datetime) -> bool:
    """Remove what is wanted for a lead; return whether all is gone: what is under way stays."""
    whose = outbox_changes.c.entity_id == lead_id
    until = outbox_changes.c.lease_until
    connection.execute(sa.delete(outbox_changes).where(whose, sa.or_(until.is_(None), until <= now)))
    return connection.execute(sa.select(outbox_changes.c.id).where(whose)).first() is None


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
    cause: Cause = NO_CAUSE  # of a dead one
    letter: Mapping[str, JsonValue] | None = None  # of a dead one: what a person wants to know (``letter``)
    doubtful: bool = False
    attempts: int | None = None  # set: as many as before, for this one was nobody's fault


def held(connection: Connection, ids: Sequence[int], token: str) -> set[int]:
    """Return which of these rows are still under our lease, locked until the transaction ends."""
    return set(connection.execute(HELD, {"ids": ids, "token": token}).scalars())


def renew(connection: Connection, ids: Sequence[int], token: str, until: datetime) -> bool:
    """Extend a lease by which calls are still made; ``False`` where none of its rows is ours any more."""
    lock(connection, ids)
    return connection.execute(RENEW, {"ids": ids, "token": token, "until": until}).rowcount > 0


RENEW = (
    sa.update(outbox_changes)
    .where(_ROWS.id.in_(sa.bindparam("ids", expanding=True)), _ROWS.lease_token == sa.bindparam("token"))
    .values(lease_until=sa.bindparam("until"))
)


def letter(attempts: int, sent: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return what is kept of a dead letter beside its error: how often it was tried, and what was sent."""
    return {"attempts": attempts, "sent": dict(sent)}


def settle(connection: Connection, settled: Sequence[Settled], now: datetime) -> None:
    """Record outcomes of rows the caller holds."""
    groups: dict[tuple[str, ...], list[tuple[dict[str, Any], dict[str, Any]]]] = {}
    for item in settled:
        values: dict[str, Any] = {"lease_token": None, "lease_until": None, "error": item.error}
        if not item.doubtful:
            values["in_flight"] = None
        if item.done is not None:
            values |= {"done": item.done, "attempts": 0, "settled_at": now, "cause": "", "letter": None}
        elif item.dead is not None:
            values |= {"dead": item.dead, "attempts": 0, "settled_at": now}
            values |= {"cause": str(item.cause), "letter": item.letter}
        elif item.due_at is not None:
            values |= {"due_at": item.due_at}
        if item.attempts is not None:
            values["attempts"] = item.attempts
        shape = tuple(values)
        groups.setdefault(shape, []).append(({"row": item.id}, values))
    for names, rows in groups.items():
        execute_many(
            connection,
            _settling(names),
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
    cause: Cause = NO_CAUSE


def settle_unsent(connection: Connection, unsent: Sequence[Unsent], now: datetime) -> None:
    """Settle rows that need no call, where they are still as read: done, or given up with the reason."""
    settled: dict[str, Any] = {"attempts": 0, "in_flight": None, "settled_at": now}
    statement = sa.update(outbox_changes).where(IS_AS_READ)
    done = [_read(item.row, now) for item in unsent if item.why_not is None]
    if done:
        values = settled | {"done": sa.bindparam("read_wanted"), "error": None, "cause": "", "letter": None}
        connection.execute(statement.values(values), done)
    dead = [
        _read(item.row, now) | {"why": item.why_not, "named": str(item.cause)}
        for item in unsent
        if item.why_not is not None
    ]
    if dead:
        values = settled | {
            "dead": sa.bindparam("read_wanted"),
            "error": sa.bindparam("why"),
            "cause": sa.bindparam("named"),
            "letter": None,
        }
        connection.execute(statement.values(values), dead)


def release_leases(connection: Connection, space: str, mark: str = "") -> int:
    """Free the leases of a process that is dead, by its mark.

    Without one every lease: only for a process that knows it is the only one (the SQLite file's lock).
    """
    c = outbox_changes.c
    statement = sa.update(outbox_changes).where(c.space == space, c.lease_token.startswith(mark))
    return connection.execute(statement.values(lease_token=None, lease_until=None)).rowcount


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A change that was given up, with the CRM's words."""

    id: int
    connection: str
    object: str
    lead_id: str  # the account's where ``kind`` is ACCOUNT
    error: str
    at: datetime | None = None
    kind: EntityKind = LEAD
    cause: str = ""  # ``model.cause``


def dead_letters(snapshot: Connection, space: str, limit: int = 100) -> list[DeadLetter]:
    """Read changes that were given up, oldest first."""
    c = outbox_changes.c
    statement = (
        sa.select(c.id, c.connection, c.object, c.entity_id, c.error, c.settled_at, c.entity_kind, c.cause)
        .where(c.space == space, GIVEN_UP)
        .order_by(c.id)
        .limit(limit)
    )
    return [letter_of(row) for row in snapshot.execute(statement)]


def letter_of(row: Row[*tuple[Any, ...]]) -> DeadLetter:
    """Read a row of id, connection, object, entity, error, time, kind of entity and cause."""
    letter = dict(row._mapping)
    kind = EntityKind(letter.pop("entity_kind"))
    return DeadLetter(lead_id=letter.pop("entity_id"), at=letter.pop("settled_at"), kind=kind, **letter)


def give_up_orphans(connection: Connection, space: str, now: datetime) -> int:
    """Give up rows whose needed record could not be made, and say so; return how many."""
    given_up = 0
    for which, why, cause in _orphans_of(space):
        lock_where(connection, which)
        error = sa.literal("needs a record that could not be written: ") + why
        values = {
            "dead": _ROWS.wanted,
            "error": error,
            "settled_at": now,
            "cause": str(cause),
            "letter": None,
        }
        given_up += connection.execute(sa.update(outbox_changes).where(which).values(values)).rowcount
    return given_up


def has_orphans(snapshot: Connection, space: str) -> bool:
    """Say whether there is any, without holding up who writes: every row that waits is looked at."""
    looks = (sa.select(_ROWS.id).where(which).limit(1) for which, _, _ in _orphans_of(space))
    return any(snapshot.execute(look).first() is not None for look in looks)


Which = tuple[sa.ColumnElement[bool], Any]  # rows, and why they can never be sent
Orphans = tuple[sa.ColumnElement[bool], Any, Cause]


def _orphans_of(space: str) -> Iterator[Orphans]:
    """Yield which rows can never be sent, why, and that in a word."""
    yield *_orphans(space, _IS_GIVEN_UP, _WHY), NEEDS_RECORD
    yield *_orphans(space, _IS_ANOTHER_LEADS, _NEEDED.c.connection + ": " + UNLINKED), IN_REVIEW
    yield *_lonely(space, _OF_LEAD, _IS_GIVEN_UP, _WHY), NEEDS_RECORD
    yield *_lonely(space, _OF_ITS_ACCOUNT, _IS_GIVEN_UP, _WHY), NEEDS_RECORD
    yield *_lonely(space, _OF_ITS_ACCOUNT, _IS_ANOTHERS, sa.literal(ANOTHERS)), IN_REVIEW
    yield *_lonely(space, _OF_DEAL, _IS_GIVEN_UP, _WHY, PARTIES), NEEDS_RECORD
    yield *_lonely(space, _OF_DEAL, _IS_ANOTHERS, sa.literal(ANOTHER_DEALS), PARTIES), IN_REVIEW


_NEEDED = outbox_changes.alias("needed")
_IS_GIVEN_UP = sa.and_(_NEEDED.c.dead > _NEEDED.c.done, _NEEDED.c.wanted <= _NEEDED.c.dead)
_IS_SETTLED = sa.and_(_NEEDED.c.done > 0, _NEEDED.c.wanted <= _NEEDED.c.done)
_WAITS = sa.and_(sa.text("wanted > done AND wanted > dead"), _ROWS.lease_token.is_(None))
# Found and settled, and nothing of it waits to be decided: it was not linked, as another account has it.
_IS_ANOTHERS = sa.and_(
    _IS_SETTLED,
    ~sa.exists()
    .where(
        inbox_events.c.space == _NEEDED.c.space,
        inbox_events.c.source == _NEEDED.c.connection,
        inbox_events.c.kind == str(EventKind.FOUND),
        inbox_events.c.state == str(EventState.WAITING),
    )
    .correlate(_NEEDED),
)
_OTHER = outbox_changes.alias("other")
# The same of a person: nothing of them waits to be decided, nor are they looked up under another object.
_IS_ANOTHER_LEADS = sa.and_(
    _IS_SETTLED,
    ~sa.exists()
    .where(
        inbox_events.c.lead_id == _NEEDED.c.entity_id,
        inbox_events.c.source == _NEEDED.c.connection,
        inbox_events.c.kind.in_((str(EventKind.FOUND), str(EventKind.GONE))),
        inbox_events.c.state == str(EventState.WAITING),
    )
    .correlate(_NEEDED),
    ~sa.exists()
    .where(
        _OTHER.c.entity_id == _NEEDED.c.entity_id,
        _OTHER.c.entity_kind == _NEEDED.c.entity_kind,
        _OTHER.c.connection == _NEEDED.c.connection,
        _OTHER.c.wanted > _OTHER.c.done,
        _OTHER.c.wanted > _OTHER.c.dead,
    )
    .correlate(_NEEDED),
)
UNLINKED = "the person was found there and not linked; a review says whose record it is"
ANOTHER_DEALS = "the deal's record is another deal's; a review says which"
ANOTHERS = "the company's record is another account's; a review says which"
_WHY = _NEEDED.c.connection + ": " + sa.func.coalesce(_NEEDED.c.error, "")


def _orphans(space: str, how: sa.ColumnElement[bool], why: sa.ColumnElement[str]) -> Which:
    """People who wait for a record on another connection."""
    c, needed = _ROWS, _NEEDED.c
    cause = sa.select(why).where(
        needed.space == c.space,
        needed.entity_kind == c.entity_kind,
        needed.entity_id == c.entity_id,
        sa.cast(c.needs, sa.Text).contains('"' + needed.connection + '"'),
        ~sa.exists().where(links.c.lead_id == needed.entity_id, links.c.connection == needed.connection),
        how,
    )
    return _given_up_for(space, cause, sa.cast(c.needs, sa.Text) != "[]")


_OF_LEAD = sa.and_(
    _NEEDED.c.entity_kind == str(LEAD),
    _NEEDED.c.entity_id == _ROWS.entity_id,
    ~_HAS_PERSON,
)
_OF_ITS_ACCOUNT = sa.and_(
    _NEEDED.c.entity_kind == str(ACCOUNT),
    _NEEDED.c.entity_id == _ITS_ACCOUNT.scalar_subquery(),
    ~_HAS_COMPANY,
)


_OF_DEAL = sa.and_(
    _NEEDED.c.entity_kind == str(DEAL),
    _NEEDED.c.entity_id == _ROWS.entity_id,
    ~_HAS_DEAL,
)


def _lonely(
    space: str,
    missing: sa.ColumnElement[bool],
    how: sa.ColumnElement[bool],
    why: sa.ColumnElement[str],
    kind: EntityKind = ASSOCIATION,
) -> Which:
    """Associations of which a record could not be written on the same connection."""
    cause = sa.select(why).where(
        _NEEDED.c.space == _ROWS.space, _NEEDED.c.connection == _ROWS.connection, how, missing
    )
    return _given_up_for(space, cause, _ROWS.entity_kind == str(kind))


def _given_up_for(space: str, cause: sa.Select[Any], more: sa.ColumnElement[bool]) -> Which:
    why = cause.limit(1).correlate(outbox_changes).scalar_subquery()
    return sa.and_(_ROWS.space == space, _WAITS, more, why.is_not(None)), why
