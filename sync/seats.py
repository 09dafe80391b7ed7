"""The stride ledger: how far each member of a pool has come in the rotation."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from handlers.base import Seat
from sync.database import insert_on
from sync.statements import execute_many
from sync.tables import seats


def load(snapshot: Connection, space: str) -> dict[str, dict[str, Seat]]:
    """Return every pool's ledger: pool -> member e-mail -> seat."""
    pools: dict[str, dict[str, Seat]] = {}
    for row in snapshot.execute(sa.select(seats).filter_by(space=space)):
        pools.setdefault(row.pool, {})[row.email] = Seat(
            row.virtual_time, row.last_assigned_seq, row.clock, row.credit
        )
    return pools


def save(connection: Connection, space: str, moved: Mapping[tuple[str, str], Seat]) -> None:
    """Store the seats that moved."""
    rows = [
        {"space": space, "pool": pool, "email": email,
         "virtual_time": seat.virtual_time, "last_assigned_seq": seat.last_assigned_seq, "clock": seat.clock,
         "credit": seat.credit}
        for (pool, email), seat in sorted(moved.items())
    ]  # fmt: skip
    execute_many(connection, _saving(connection.dialect.name), rows)


@cache
def _saving(dialect: str) -> sa.Insert:
    insert = insert_on(dialect, seats)
    new = {name: insert.excluded[name] for name in ("virtual_time", "last_assigned_seq", "clock", "credit")}
    statement: sa.Insert = insert.on_conflict_do_update(index_elements=["space", "pool", "email"], set_=new)
    return statement
