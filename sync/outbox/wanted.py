"""What is wanted of each connection: raised, raised again, dropped."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.cause import GONE
from model.decision import EntityKind
from model.event import RecordRef
from model.lead import Link
from model.priority import Priority
from sync.database import insert_on
from sync.doubt import both
from sync.outbox.rows import IS_FREE, ROWS, lock_where
from sync.statements import execute_many
from sync.tables import outbox_changes
from sync.tables.outbox import WAITS

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
    kind: EntityKind = EntityKind.LEAD
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


def raise_again(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """Make rows that the caller has settled due once more, where nobody has raised them meanwhile."""
    execute_many(connection, AGAIN, [{"row": row, "now": now} for row in ids])


AGAIN = (
    sa.update(outbox_changes)
    .where(outbox_changes.c.id == sa.bindparam("row"), outbox_changes.c.wanted <= outbox_changes.c.done)
    .values(wanted=outbox_changes.c.wanted + 1, due_at=sa.bindparam("now"), raised_at=sa.bindparam("now"))
)


def plan_anew(
    connection: Connection,
    space: str,
    moved: Sequence[tuple[str, Link]],
    linked: Sequence[tuple[str, RecordRef]],
    now: datetime,
) -> None:
    """Let rows be planned once more that failed as long as it was not known which record is whose.

    ``moved`` holds links as they were, with whose they are: what failed because that record was gone need
    neither wait nor ask a person. ``linked`` holds records that became somebody's: what was given up of the
    same owner there was to make or to find that record. Both may be written now, or need no call.
    """
    gone = [(link.connection, link.object, owner_id) for owner_id, link in moved]
    keys = ("name", "thing", "whose")
    rows = [{"of_space": space, "now": now} | dict(zip(keys, one, strict=True)) for one in sorted(gone)]
    execute_many(connection, GONE_ANEW, rows)
    given_up = sorted({(ref.connection, owner_id) for owner_id, ref in linked})
    rows = [{"of_space": space, "now": now, "name": name, "whose": whose} for name, whose in given_up]
    execute_many(connection, GIVEN_UP_ANEW, rows)


_ANEW = (
    sa.update(outbox_changes)
    .where(
        ROWS.space == sa.bindparam("of_space"),
        ROWS.connection == sa.bindparam("name"),
        ROWS.entity_id == sa.bindparam("whose"),
        ROWS.wanted > ROWS.done,
        IS_FREE,
    )
    .values(
        wanted=sa.case((ROWS.wanted <= ROWS.dead, ROWS.wanted + 1), else_=ROWS.wanted),
        due_at=sa.bindparam("now"),
        raised_at=sa.bindparam("now"),
        attempts=0,
    )
)
GONE_ANEW = _ANEW.where(ROWS.object == sa.bindparam("thing"), ROWS.cause == str(GONE))
GIVEN_UP_ANEW = _ANEW.where(ROWS.wanted <= ROWS.dead)


def lock_of(connection: Connection, lead_ids: Collection[str], raises: Sequence[Raise]) -> None:
    """Lock the rows of these leads and those that are raised, on all connections.

    For a transaction that removes some of them before it raises others.
    """
    lock_where(connection, ROWS.entity_id.in_(sorted({*lead_ids, *(item.entity_id for item in raises)})))


def inherit(connection: Connection, space: str, lead_id: str, into: str, now: datetime) -> bool:
    """Let what may have reached the records of a lead be in doubt for the one that takes it in.

    That one is read before it is written next. ``False`` where a call to it is under way, whose answer
    would end the doubt.
    """
    c = outbox_changes.c
    mine = sa.and_(c.space == space, c.entity_kind == str(EntityKind.LEAD))
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


def wanted_as(
    snapshot: Connection, space: str, connection: str, object_name: str, lead_ids: Collection[str]
) -> set[str]:
    """Return which of these leads have a row under this object of a connection."""
    c = outbox_changes.c
    statement = sa.select(c.entity_id).where(
        c.space == space,
        c.connection == connection,
        c.object == object_name,
        c.entity_kind == str(EntityKind.LEAD),
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
            WAITS,
            c.entity_kind == str(kind),
        )
    )
    return int(snapshot.execute(statement).scalar_one())
