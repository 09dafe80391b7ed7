"""Who is at which row: leases, and the values that are on their way under them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.decision import EntityKind
from sync.doubt import Doubt, both
from sync.outbox.rows import IS_FREE, LOCKED, ROWS, DueRow, lock, lock_where
from sync.statements import execute_many
from sync.tables import outbox_changes


@dataclass(frozen=True, slots=True)
class Claim:
    """A row to lease, with the exact values about to be sent."""

    row: DueRow
    in_flight: Doubt


IS_AS_READ = sa.and_(  # nobody has claimed, delivered or given up the row since it was read
    ROWS.id == sa.bindparam("row"),
    ROWS.done == sa.bindparam("read_done"),
    ROWS.dead < sa.bindparam("read_wanted"),
    ROWS.attempts == sa.bindparam("read_attempts"),
    IS_FREE,
)
LEASE = (
    sa.update(outbox_changes)
    .where(IS_AS_READ)
    .values(
        lease_token=sa.bindparam("token"),
        lease_until=sa.bindparam("until"),
        attempts=ROWS.attempts + 1,
        in_flight=sa.bindparam("values"),
    )
)
HELD = LOCKED.where(ROWS.lease_token == sa.bindparam("token"))
RENEW = (
    sa.update(outbox_changes)
    .where(ROWS.id.in_(sa.bindparam("ids", expanding=True)), ROWS.lease_token == sa.bindparam("token"))
    .values(lease_until=sa.bindparam("until"))
)


def lease(
    connection: Connection, claims: Sequence[Claim], token: str, now: datetime, until: datetime
) -> set[int]:
    """Lease rows that are still free and as they were read; return the ids that are ours now."""
    if not claims:
        return set()
    mine = {"token": token, "until": until}
    rows = [as_read(claim.row, now) | mine | {"values": dict(claim.in_flight)} for claim in claims]
    if execute_many(connection, LEASE, rows) == len(claims):
        return {claim.row.id for claim in claims}
    ours = sa.select(ROWS.id).where(ROWS.lease_token == token)
    return set(connection.execute(ours).scalars())


def as_read(row: DueRow, now: datetime) -> dict[str, Any]:
    """Return what ``IS_AS_READ`` compares a row with."""
    return {
        "now": now,
        "row": row.id,
        "read_done": row.done,
        "read_wanted": row.wanted,
        "read_attempts": row.attempts,
    }


def held(connection: Connection, ids: Sequence[int], token: str) -> set[int]:
    """Return which of these rows are still under our lease, locked until the transaction ends."""
    return set(connection.execute(HELD, {"ids": ids, "token": token}).scalars())


def renew(connection: Connection, ids: Sequence[int], token: str, until: datetime) -> bool:
    """Extend a lease by which calls are still made; ``False`` where none of its rows is ours any more."""
    lock(connection, ids)
    return connection.execute(RENEW, {"ids": ids, "token": token, "until": until}).rowcount > 0


def release_leases(connection: Connection, space: str, mark: str = "") -> int:
    """Free the leases of a process that is dead, by its mark.

    Without one every lease: only for a process that knows it is the only one (the SQLite file's lock).
    """
    c = outbox_changes.c
    which = sa.and_(c.space == space, c.lease_token.startswith(mark))
    lock_where(connection, which)
    statement = sa.update(outbox_changes).where(which)
    return connection.execute(statement.values(lease_token=None, lease_until=None)).rowcount


def in_flight(
    snapshot: Connection, space: str, connections: Collection[str], entity_ids: Collection[str]
) -> dict[tuple[str, str], Doubt]:
    """Return the values on their way, or of a lost answer, by connection and lead, account or deal.

    Of a person who was converted meanwhile that may be of two rows: the Lead's and the Contact's.
    """
    c = outbox_changes.c
    statement = sa.select(c.connection, c.entity_id, c.in_flight).where(
        c.entity_id.in_(sorted(entity_ids)),
        c.space == space,
        c.connection.in_(sorted(connections)),
        c.entity_kind.in_((str(EntityKind.LEAD), str(EntityKind.ACCOUNT), str(EntityKind.DEAL))),
        c.in_flight.is_not(None),
    )
    found: dict[tuple[str, str], Doubt] = {}
    for name, entity_id, sent in snapshot.execute(statement):
        found[name, entity_id] = both(found.get((name, entity_id)), sent)
    return found


def under_way(snapshot: Connection, space: str, lead_ids: Collection[str], now: datetime) -> set[str]:
    """Return those of these leads to whom a call is under way on any connection."""
    c = outbox_changes.c
    statement = sa.select(c.entity_id).where(
        c.entity_id.in_(sorted(lead_ids)),
        c.space == space,
        c.entity_kind != str(EntityKind.ACCOUNT),
        c.lease_until > now,
    )
    return set(snapshot.execute(statement).scalars())
