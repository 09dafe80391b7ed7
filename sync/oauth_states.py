"""People on the way to a vendor's page and back: each state is good once, for one browser, for minutes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.access import hashed
from sync.tables import oauth_states

LIFE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Departure:
    """Somebody who was sent to a vendor's page to connect an account."""

    session: str  # hash of the browser's session
    kind: str  # of CRM
    connection: str
    sealed: str = field(repr=False)  # what the code is redeemed with
    by: str
    expires_at: datetime


def begin(connection: Connection, space: str, state: str, one: Departure, now: datetime) -> None:
    """Remember who was sent off under a state, of which only the hash is kept; forget who never came back."""
    c = oauth_states.c
    connection.execute(sa.delete(oauth_states).where(c.expires_at < now - LIFE))
    row = {name: getattr(one, name) for name in Departure.__slots__}
    connection.execute(sa.insert(oauth_states).values(hash=hashed(state), space=space, **row))


def take(connection: Connection, space: str, state: str) -> Departure | None:
    """Return who comes back with a state, once: whoever is second, or makes one up, gets nothing."""
    c = oauth_states.c
    mine = sa.and_(c.hash == hashed(state), c.space == space)
    row = connection.execute(sa.select(oauth_states).where(mine)).first()
    if row is None or not connection.execute(sa.delete(oauth_states).where(mine)).rowcount:
        return None
    return Departure(**{name: getattr(row, name) for name in Departure.__slots__})
