"""Records that are to be read by id: a row for each while one is wanted.

A level like the outbox: a hundred wishes for a record are one read, and a wish that comes while it
is read is read once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.database import insert_on
from sync.statements import execute_many
from sync.tables import outbox_fetches


@dataclass(frozen=True, slots=True)
class Wish:
    """A record that somebody wants read."""

    connection: str
    object: str
    remote_id: str
    history: bool = False  # since when each field has held its value, too
    wait: float = 0.0  # seconds before
    is_mend: bool = False  # only to mend what a reconcile found: behind what somebody just told of

    @property
    def record(self) -> tuple[str, str, str]:
        """The row's key beside the space."""
        return self.connection, self.object, self.remote_id


@dataclass(frozen=True, slots=True)
class DueFetch:
    """A due row as read."""

    object: str
    remote_id: str
    wanted: int
    history: bool
    attempts: int
    raised_at: datetime
    is_mend: bool = False


def raise_wanted(connection: Connection, space: str, wishes: Sequence[Wish], now: datetime) -> None:
    """Want records read once more; one that waits out a server's answer goes on waiting."""
    histories = {wish.record: wish.history for wish in sorted(wishes, key=lambda wish: wish.history)}
    waits = {wish.record: wish.wait for wish in sorted(wishes, key=lambda wish: -wish.wait)}
    told = {wish.record for wish in wishes if not wish.is_mend}
    rows = [
        {
            "space": space,
            "connection": name,
            "object": object_type,
            "remote_id": remote_id,
            "history": history,
            "is_mend": (name, object_type, remote_id) not in told,
            "wanted": 1,
            "attempts": 0,
            "due_at": now + timedelta(seconds=waits[name, object_type, remote_id]),
            "raised_at": now,
        }
        for (name, object_type, remote_id), history in sorted(histories.items())
    ]
    execute_many(connection, _raising(connection.dialect.name), rows)


def due(
    snapshot: Connection,
    space: str,
    connection: str,
    now: datetime,
    limit: int,
    *,
    mends_first: bool = False,
) -> list[DueFetch]:
    """Read the next due rows of a connection; of one object, with or without history.

    What somebody told of goes before mends, and the oldest first; where there is room, mends fill it.
    ``mends_first`` begins with those, so that they are never left out for good.
    """
    rows: list[DueFetch] = []
    for is_mend in (mends_first, not mends_first):
        values = {"of_space": space, "of_connection": connection, "now": now, "of_mends": is_mend}
        if len(rows) < limit:
            found = snapshot.execute(DUE, values | {"limit": limit - len(rows)})
            rows += [DueFetch(**row._mapping) for row in found]
    return [row for row in rows if (row.object, row.history) == (rows[0].object, rows[0].history)]


def lease(
    connection: Connection,
    space: str,
    name: str,
    rows: Sequence[DueFetch],
    token: str,
    now: datetime,
    until: datetime,
) -> list[DueFetch]:
    """Lease rows that are still free; return those that are ours now."""
    return [
        row
        for row in _in_order(rows)
        if connection.execute(
            LEASE, _key(space, name, row) | {"now": now, "token": token, "until": until}
        ).rowcount
    ]


def settle(
    connection: Connection, space: str, name: str, rows: Sequence[DueFetch], token: str, now: datetime
) -> list[DueFetch]:
    """Remove rows that were read under our lease; one that was wanted again meanwhile is due once more.

    Returns those that were ours: what another has claimed meanwhile, it reads anew.
    """
    ours = []
    for row in _in_order(rows):
        key = _key(space, name, row) | {"token": token}
        is_over = connection.execute(REMOVE, key | {"read": row.wanted}).rowcount
        if is_over or connection.execute(AGAIN, key | {"now": now}).rowcount:
            ours.append(row)
    return ours


def put_off(
    connection: Connection,
    space: str,
    name: str,
    rows: Sequence[DueFetch],
    token: str,
    until: datetime,
    error: str,
) -> None:
    """Let rows that could not be read wait."""
    values = {"token": token, "until": until, "error": error}
    execute_many(connection, PUT_OFF, [_key(space, name, row) | values for row in _in_order(rows)])


@dataclass(frozen=True, slots=True)
class Waiting:
    """What of a connection waits to be read."""

    records: int
    since: datetime  # when the oldest of them was wanted


def waiting(snapshot: Connection, space: str) -> dict[str, Waiting]:
    """Return how many records of each connection wait to be read, and since when."""
    rows = snapshot.execute(WAITING, {"of_space": space})
    return {row.connection: Waiting(row.records, row.since) for row in rows}


def counts(snapshot: Connection, space: str) -> dict[str, int]:
    """Return how many records of each connection wait to be read."""
    return {name: one.records for name, one in waiting(snapshot, space).items()}


def release_leases(connection: Connection, space: str, mark: str = "") -> int:
    """Free the leases of a process that is dead, by its mark.

    Without one every lease: only for a process that knows it is the only one (the SQLite file's lock).
    """
    statement = sa.update(outbox_fetches).where(
        outbox_fetches.c.space == space, outbox_fetches.c.lease_token.startswith(mark)
    )
    return connection.execute(statement.values(lease_token=None, lease_until=None)).rowcount


def forget(connection: Connection, space: str, name: str) -> None:
    """Drop what is wanted of a connection that is no more."""
    connection.execute(
        sa.delete(outbox_fetches).where(outbox_fetches.c.space == space, outbox_fetches.c.connection == name)
    )


def _in_order(rows: Sequence[DueFetch]) -> list[DueFetch]:
    """Return rows in the order in which ``raise_wanted`` locks them, so that nobody waits in a circle."""
    return sorted(rows, key=lambda row: (row.object, row.remote_id))


def _key(space: str, name: str, row: DueFetch) -> dict[str, Any]:
    return {"of_space": space, "of_connection": name, "of_object": row.object, "of_id": row.remote_id}


_ROWS = outbox_fetches.c
_IS_FREE = sa.or_(_ROWS.lease_until.is_(None), _ROWS.lease_until <= sa.bindparam("now"))
_IS_ONE = sa.and_(
    _ROWS.space == sa.bindparam("of_space"),
    _ROWS.connection == sa.bindparam("of_connection"),
    _ROWS.object == sa.bindparam("of_object"),
    _ROWS.remote_id == sa.bindparam("of_id"),
)
_IS_OURS = sa.and_(_IS_ONE, _ROWS.lease_token == sa.bindparam("token"))
DUE = (
    sa.select(
        _ROWS.object,
        _ROWS.remote_id,
        _ROWS.wanted,
        _ROWS.history,
        _ROWS.attempts,
        _ROWS.raised_at,
        _ROWS.is_mend,
    )
    .where(
        _ROWS.space == sa.bindparam("of_space"),
        _ROWS.connection == sa.bindparam("of_connection"),
        _ROWS.is_mend == sa.bindparam("of_mends"),
        _ROWS.due_at <= sa.bindparam("now"),
        _IS_FREE,
    )
    .order_by(_ROWS.due_at, _ROWS.object, _ROWS.remote_id)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
LEASE = (
    sa.update(outbox_fetches)
    .where(_IS_ONE, _IS_FREE)
    .values(
        lease_token=sa.bindparam("token"),
        lease_until=sa.bindparam("until"),
        attempts=_ROWS.attempts + 1,
    )
)
REMOVE = sa.delete(outbox_fetches).where(_IS_OURS, _ROWS.wanted == sa.bindparam("read"))
AGAIN = (
    sa.update(outbox_fetches)
    .where(_IS_OURS)
    .values(
        lease_token=None,
        lease_until=None,
        due_at=sa.bindparam("now"),
        raised_at=sa.bindparam("now"),
        attempts=0,
        error=None,
    )
)
PUT_OFF = (
    sa.update(outbox_fetches)
    .where(_IS_OURS)
    .values(
        lease_token=None,
        lease_until=None,
        due_at=sa.bindparam("until"),
        error=sa.bindparam("error"),
    )
)
WAITING = (
    sa.select(_ROWS.connection, sa.func.count().label("records"), sa.func.min(_ROWS.raised_at).label("since"))
    .where(_ROWS.space == sa.bindparam("of_space"))
    .group_by(_ROWS.connection)
)


@cache
def _raising(dialect: str) -> sa.Insert:
    insert = insert_on(dialect, outbox_fetches)
    statement: sa.Insert = insert.on_conflict_do_update(
        index_elements=["space", "connection", "object", "remote_id"],
        set_={
            "wanted": _ROWS.wanted + 1,
            "history": sa.or_(_ROWS.history, insert.excluded.history),
            "is_mend": sa.and_(_ROWS.is_mend, insert.excluded.is_mend),
        },
    )
    return statement
