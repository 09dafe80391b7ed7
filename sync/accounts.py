"""Accounts with their links: loaded for a batch in two queries, saved by version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from model.account import Account
from model.errors import Conflict
from sync import links
from sync.provenance import provenance_from, provenance_row
from sync.statements import execute_many
from sync.tables import accounts

CHUNK = 5_000  # values in one IN list; SQLite takes 32,766


def load(snapshot: Connection, account_ids: Iterable[str]) -> dict[str, Account]:
    """Return accounts by id with their links; those that are not there are left out."""
    wanted = sorted(set(account_ids))
    loaded: dict[str, Account] = {}
    for start in range(0, len(wanted), CHUNK):
        some = wanted[start : start + CHUNK]
        found = {row.id: _account(row) for row in snapshot.execute(BY_ID, {"ids": some})}
        for account_id, link in links.ACCOUNTS.of(snapshot, list(found)) if found else ():
            found[account_id].links[link.connection] = link
        loaded |= found
    return loaded


def versions(connection: Connection, account_ids: Sequence[str]) -> dict[str, int]:
    """Return the present version of each of these accounts that there is."""
    if not account_ids:
        return {}
    return {row.id: row.version for row in connection.execute(VERSIONS, {"ids": account_ids})}


def save(connection: Connection, changed: Sequence[Account], now: datetime) -> None:
    """Insert new accounts and update known ones where nobody else has; raises ``Conflict``."""
    new = [_row(account, now) for account in changed if account.version == 0]
    known = [_row(one, now) | {"row": one.id, "loaded": one.version} for one in changed if one.version]
    execute_many(connection, INSERT, new)
    if execute_many(connection, UPDATE, known) != len(known):
        raise Conflict("an account has changed since it was loaded")


# Built once: building costs more than executing.
BY_ID = sa.select(accounts).where(accounts.c.id.in_(sa.bindparam("ids", expanding=True)))
VERSIONS = BY_ID.with_only_columns(accounts.c.id, accounts.c.version)
INSERT = sa.insert(accounts)
UPDATE = sa.update(accounts).where(
    accounts.c.id == sa.bindparam("row"), accounts.c.version == sa.bindparam("loaded")
)


def _account(row: Row[Any]) -> Account:
    return Account(
        id=row.id,
        space=row.space,
        fields=row.fields,
        provenance=provenance_from(row.provenance),
        created_at=row.created_at,
        version=row.version,
    )


def _row(account: Account, now: datetime) -> dict[str, Any]:
    return {
        "id": account.id,
        "space": account.space,
        "version": account.version + 1,
        "domain": account.domain,
        "fields": {name: value for name, value in account.fields.items() if value is not None},
        "provenance": provenance_row(account.provenance),
        "created_at": account.created_at or now,
        "updated_at": now,
    }
