"""Who may act for the whole space: a lease with an epoch that fences off whoever held it before."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.errors import LostLease
from model.times import EPOCH
from sync.database import Store, insert_for
from sync.tables import leases

TOKEN_LENGTH = 40  # as the tables hold it


@dataclass(frozen=True, slots=True)
class Lease:
    """A claim that is good as long as its epoch is the newest one."""

    name: str
    epoch: int
    holder: str
    seq: int  # last decided_seq at the time of taking over
    stamped_at: datetime  # last decided_at


def acquire(
    store: Store, name: str, holder: str, now: datetime, term: timedelta, *, alone: bool = False
) -> Lease | None:
    """Take the lease over with the next epoch; ``None`` while another holder's term runs.

    ``alone`` says that no other process can be at work (the SQLite file's lock is held), so
    a term left by a killed process need not be waited out. Whoever stands by only looks: the row is
    locked by each save of its holder.
    """
    if not alone:
        with store.snapshot() as snapshot:
            row = snapshot.execute(sa.select(leases).filter_by(name=name)).one_or_none()
        if row is not None and _is_anothers(row, holder, now):
            return None
    return store.write(partial(_acquire, name=name, holder=holder, now=now, until=now + term, alone=alone))


def _acquire(
    connection: Connection, name: str, holder: str, now: datetime, until: datetime, alone: bool
) -> Lease | None:
    first = {"name": name, "epoch": 0, "holder": "", "until": EPOCH, "seq": 0, "stamped_at": EPOCH}
    connection.execute(insert_for(connection, leases).values(first).on_conflict_do_nothing())
    row = connection.execute(sa.select(leases).filter_by(name=name).with_for_update()).one()
    if not alone and _is_anothers(row, holder, now):
        return None
    epoch = row.epoch + 1
    connection.execute(sa.update(leases).filter_by(name=name).values(epoch=epoch, holder=holder, until=until))
    return Lease(name, epoch, holder, row.seq, row.stamped_at)


def is_held(snapshot: Connection, name: str, now: datetime) -> bool:
    """Say whether somebody holds a lease whose term still runs."""
    row = snapshot.execute(sa.select(leases).filter_by(name=name)).one_or_none()
    return row is not None and bool(row.holder) and row.until > now


def _is_anothers(row: Any, holder: str, now: datetime) -> bool:
    return row.holder not in ("", holder) and row.until > now


def new_token(mark: str = "") -> str:
    """Return a token for rows that are leased now; it begins with the mark of the process, if it has one."""
    return f"{mark}{uuid.uuid4().hex}"[:TOKEN_LENGTH]


def renew(store: Store, lease: Lease, until: datetime) -> None:
    """Extend the term; raises ``LostLease`` when another epoch has begun."""
    store.write(partial(fence, lease=lease, until=until))


def fence(
    connection: Connection,
    lease: Lease,
    until: datetime,
    seq: int | None = None,
    stamped_at: datetime | None = None,
) -> None:
    """Lock the lease's row at our epoch as the first act of a transaction, or raise ``LostLease``."""
    at = {"of": lease.name, "ours": lease.epoch, "new_until": until}
    if seq is None:
        found = connection.execute(FENCE, at)
    else:
        found = connection.execute(FENCE_AND_STAMP, at | {"new_seq": seq, "new_stamp": stamped_at})
    if found.rowcount != 1:
        raise LostLease(f"{lease.name}: epoch {lease.epoch} is over, another process has taken over")


FENCE = (
    sa.update(leases)
    .where(leases.c.name == sa.bindparam("of"), leases.c.epoch == sa.bindparam("ours"))
    .values(until=sa.bindparam("new_until"))
)
FENCE_AND_STAMP = FENCE.values(seq=sa.bindparam("new_seq"), stamped_at=sa.bindparam("new_stamp"))


def release(store: Store, lease: Lease) -> None:
    """Give the lease up, so that the next one need not wait for its term."""

    def _release(connection: Connection) -> None:
        statement = sa.update(leases).filter_by(name=lease.name, epoch=lease.epoch)
        connection.execute(statement.values(holder="", until=EPOCH))

    store.write(_release)
