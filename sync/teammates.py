"""Teammates: who owns leads, across CRMs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.change import OwnerRecord
from model.event import JsonValue
from model.teammate import Teammate
from sync.database import insert_for
from sync.tables import rosters, teammates

LONGEST_NAME = 200  # characters, as the column has it
LONGEST_ADDRESS = 320


def load(snapshot: Connection, space: str) -> dict[str, Teammate]:
    """Return every teammate by e-mail."""
    rows = snapshot.execute(sa.select(teammates).filter_by(space=space))
    return {row.email: Teammate(row.email, row.name, row.ids, row.active) for row in rows}


def known_rosters(snapshot: Connection, space: str) -> frozenset[str]:
    """Return the connections whose owners have been read at least once."""
    rows = snapshot.execute(sa.select(rosters.c.connection).filter_by(space=space))
    return frozenset(row.connection for row in rows)


def read_at(snapshot: Connection, space: str) -> dict[str, datetime]:
    """Return when the owners of each connection were last read."""
    rows = snapshot.execute(sa.select(rosters).filter_by(space=space).order_by(rosters.c.connection))
    return {row.connection: row.read_at for row in rows}


def with_roster(
    known: dict[str, Teammate], connection: str, listed: Iterable[OwnerRecord]
) -> dict[str, Teammate]:
    """Return the teammates as they are once this CRM's list is taken in; pure.

    Who is no longer listed stays known but inactive there. Of two entries with one e-mail
    the active one counts.
    """
    merged = {
        email: Teammate(email, mate.name, mate.ids, {**mate.active, connection: False})
        if connection in mate.ids
        else mate
        for email, mate in known.items()
    }
    for owner in sorted(listed, key=lambda owner: (owner.active, owner.id)):
        email = owner.email.strip().lower()
        if not email or len(email) > LONGEST_ADDRESS:
            continue
        before = merged.get(email, Teammate(email))
        merged[email] = Teammate(
            email,
            owner.name[:LONGEST_NAME] or before.name,
            {**before.ids, connection: owner.id},
            {**before.active, connection: owner.active},
        )
    return merged


def save(
    connection: Connection, space: str, changed: Iterable[Teammate], read: dict[str, datetime], now: datetime
) -> None:
    """Store changed teammates and when each CRM's owners were read."""
    for mate in changed:
        values = {"name": mate.name, "ids": dict(mate.ids), "active": dict(mate.active), "updated_at": now}
        insert = insert_for(connection, teammates).values(space=space, email=mate.email, **values)
        connection.execute(insert.on_conflict_do_update(index_elements=["space", "email"], set_=values))
    for name, at in read.items():
        insert = insert_for(connection, rosters).values(space=space, connection=name, read_at=at)
        connection.execute(
            insert.on_conflict_do_update(index_elements=["space", "connection"], set_={"read_at": at})
        )


def to_payload(listed: Iterable[OwnerRecord]) -> dict[str, JsonValue]:
    """Return a roster as the payload of its event."""
    return {"owners": [{"id": o.id, "email": o.email, "name": o.name, "active": o.active} for o in listed]}


def from_payload(payload: JsonValue) -> list[OwnerRecord]:
    """Read a roster event's payload."""
    return [OwnerRecord(o["id"], o["email"], o["name"], o["active"]) for o in payload["owners"]]
