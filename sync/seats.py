"""The stride ledger: how far each member of a pool has come in the rotation."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from handlers.base import Seat
from sync.database import insert_for
from sync.tables import seats


def load(snapshot: Connection, space: str) -> dict[str, dict[str, Seat]]:
    """Return every pool's ledger: pool -> member e-mail -> seat."""
    pools: dict[str, dict[str, Seat]] = {}
    for row in snapshot.execute(sa.select(seats).filter_by(space=space)):
        pools.setdefault(row.pool, {})[row.email] = Seat(row.virtual_time, row.last_assigned_seq)
    return pools


def save(connection: Connection, space: str, moved: Mapping[tuple[str, str], Seat]) -> None:
    """Store the seats that moved."""
    for (pool, email), seat in moved.items():
        values = {"virtual_time": seat.virtual_time, "last_assigned_seq": seat.last_assigned_seq}
        insert = insert_for(connection, seats).values(space=space, pool=pool, email=email, **values)
        connection.execute(
            insert.on_conflict_do_update(index_elements=["space", "pool", "email"], set_=values)
        )
