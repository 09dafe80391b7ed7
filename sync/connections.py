"""Connected accounts kept in the store: address, way of signing in, and credentials under seal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.errors import LeadRelayError
from sync import audit, outbox
from sync.database import insert_for
from sync.outbox import PARKED
from sync.tables import connections, outbox_changes

OBSERVE, WRITE = "observe", "write"
ENVIRONMENT = "environment"  # method of one whose credentials are not kept: only its mode is


@dataclass(frozen=True, slots=True)
class StoredConnection:
    """One account as it was connected."""

    name: str
    kind: str
    base_url: str
    method: str
    sealed: str = field(repr=False)
    account: str = ""  # the vendor's id of the account
    mode: str = OBSERVE
    by: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    reconnect: str | None = None  # why it is to be connected anew

    @property
    def has_credentials(self) -> bool:
        """Say whether it can be signed in to; else the environment has what that takes."""
        return self.method != ENVIRONMENT


def load(snapshot: Connection, space: str) -> dict[str, StoredConnection]:
    """Return every connected account by name."""
    rows = snapshot.execute(sa.select(connections).filter_by(space=space).order_by(connections.c.name))
    names = StoredConnection.__slots__
    return {row.name: StoredConnection(**{name: getattr(row, name) for name in names}) for row in rows}


def save(connection: Connection, space: str, one: StoredConnection, now: datetime) -> StoredConnection:
    """Store an account as observed, in place of one of that name; its mode stays where the account does."""
    known = load(connection, space).get(one.name)
    is_same = known is not None and (known.kind, known.account) == (one.kind, one.account)
    mode = known.mode if known is not None and is_same else OBSERVE
    saved = replace(one, mode=mode, created_at=known.created_at if known else now, updated_at=now)
    values = {name: getattr(saved, name) for name in StoredConnection.__slots__ if name != "name"}
    insert = insert_for(connection, connections).values(space=space, name=one.name, **values)
    connection.execute(insert.on_conflict_do_update(index_elements=["space", "name"], set_=values))
    details = {"connection": one.name, "kind": one.kind, "account": one.account, "method": one.method}
    audit.record(connection, space, [audit.Entry(now, one.by, "connect", details)])
    return saved


def check_account(snapshot: Connection, space: str, one: StoredConnection) -> None:
    """Raise ``LeadRelayError`` where the name is another account's: records are linked by its ids."""
    known = load(snapshot, space).get(one.name)
    if known is not None and (known.kind, known.account) != (one.kind, one.account):
        raise LeadRelayError(
            f"{one.name} is connected to account {known.account}; these credentials are of {one.account}. "
            f"Disconnect it first, or connect the other account under another name."
        )


def connect(connection: Connection, space: str, one: StoredConnection, now: datetime) -> StoredConnection:
    """Store an account under its name, and let what waits for it go out at once.

    Raises ``LeadRelayError`` where the name stands for another account.
    """
    check_account(connection, space, one)
    saved = save(connection, space, one, now)
    c = outbox_changes.c
    waits = sa.and_(c.due_at > now, c.due_at < PARKED, c.lease_token.is_(None), c.wanted > c.done)
    mine = sa.and_(c.space == space, c.connection == one.name, waits)
    outbox.lock_where(connection, mine)
    connection.execute(sa.update(outbox_changes).where(mine).values(due_at=now))
    return saved


def note_account(
    connection: Connection,
    space: str,
    name: str,
    kind: str,
    base_url: str,
    account: str,
    by: str,
    now: datetime,
) -> None:
    """Keep the mode of a connection that the environment sets up, as observed, unless it is kept already.

    Raises ``LeadRelayError`` where the name stands for another account.
    """
    known = load(connection, space).get(name)
    if known is None:
        save(connection, space, StoredConnection(name, kind, base_url, ENVIRONMENT, "", account, by=by), now)
    elif (known.kind, known.account) != (kind, account):
        raise LeadRelayError(
            f"{name} stands for account {known.account} of {known.kind} here, and this is {account} of {kind}"
        )


def set_mode(connection: Connection, space: str, name: str, mode: str, now: datetime) -> None:
    """Have a connection observed, or written to."""
    connection.execute(
        sa.update(connections)
        .where(connections.c.space == space, connections.c.name == name)
        .values(mode=mode, updated_at=now)
    )


def remove(connection: Connection, space: str, name: str, by: str, now: datetime) -> bool:
    """Forget an account with its credentials; return whether it was there."""
    gone = connection.execute(
        sa.delete(connections).where(connections.c.space == space, connections.c.name == name)
    )
    if gone.rowcount:
        audit.record(connection, space, [audit.Entry(now, by, "disconnect", {"connection": name})])
    return bool(gone.rowcount)


def reseal(
    connection: Connection, space: str, sealed: Mapping[str, tuple[str, str]], by: str, now: datetime
) -> int:
    """Put seals in the place of others, ``{name: (old, new)}``; return how many were still as they were."""
    done = 0
    for name, (old, new) in sealed.items():
        changed = connection.execute(
            sa.update(connections)
            .where(connections.c.space == space, connections.c.name == name, connections.c.sealed == old)
            .values(sealed=new)
        )
        done += changed.rowcount
    if done:
        audit.record(connection, space, [audit.Entry(now, by, "rotate secrets", {"connections": done})])
    return done


def to_json(one: StoredConnection) -> dict[str, Any]:
    """Return what a command hands to the daemon; the credentials are under seal."""
    names = ("name", "kind", "base_url", "method", "sealed", "account", "by")
    return {name: getattr(one, name) for name in names}


def from_json(row: Mapping[str, Any]) -> StoredConnection:
    """Read what a command handed in. Raises ``KeyError`` or ``ValueError`` for anything else."""
    names: Sequence[str] = ("name", "kind", "base_url", "method", "sealed", "account", "by")
    values = {name: row[name] for name in names}
    if not all(isinstance(value, str) for value in values.values()) or not values["name"]:
        raise ValueError("every part of a connection is a text")
    return StoredConnection(**values)
