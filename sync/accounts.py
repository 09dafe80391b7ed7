"""Accounts with their links: loaded for a batch in two queries, saved by version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from mappings.matcher.company import keys_of_account
from model.account import Account
from model.errors import Conflict
from sync import links
from sync.provenance import provenance_from, provenance_row
from sync.statements import execute_many
from sync.tables import accounts, deal_parties, deals

CHUNK = 5_000  # values in one IN list; SQLite takes 32,766
MOST_ALIKE = 100
"""A key that more accounts share tells nothing; its accounts are not looked at for it."""
Key = tuple[str, str]  # the column, and what it holds
NO_KEYS: dict[str, str | None] = {"name_key": None, "name_sounds": None, "phone_key": None}


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


def alike(snapshot: Connection, space: str, keys: Iterable[Key]) -> tuple[dict[Key, list[str]], set[Key]]:
    """Return the ids of the accounts that have each of these keys, by an index of each; and crowded keys.

    A key that more than ``MOST_ALIKE`` accounts share tells nothing: their ids are not read.
    """
    by_column: dict[str, list[str]] = {}
    for column, value in sorted(set(keys)):
        by_column.setdefault(column, []).append(value)
    found: dict[Key, list[str]] = {}
    crowded: set[Key] = set()
    for column, values in by_column.items():
        for start in range(0, len(values), CHUNK):
            asked = {"space": space, "values": values[start : start + CHUNK]}
            small = []
            for row in snapshot.execute(SHARED[column], asked):
                if row.number > MOST_ALIKE:
                    crowded.add((column, row.key))
                else:
                    small.append(row.key)
            for row in snapshot.execute(ALIKE[column], asked | {"values": small}) if small else ():
                found.setdefault((column, row.key), []).append(row.id)
    return found, crowded


def deals_of(snapshot: Connection, account_ids: Iterable[str]) -> dict[str, Counter[str]]:
    """Return how many deals of each outcome these accounts take part in."""
    found: dict[str, Counter[str]] = {}
    wanted = sorted(set(account_ids))
    for start in range(0, len(wanted), CHUNK):
        for row in snapshot.execute(DEALS, {"ids": wanted[start : start + CHUNK]}):
            found.setdefault(row.account_id, Counter())[row.outcome] = row.number
    return found


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
SHARED = {
    name: sa.select(accounts.c[name].label("key"), sa.func.count().label("number"))
    .where(
        accounts.c.space == sa.bindparam("space"),
        accounts.c[name].in_(sa.bindparam("values", expanding=True)),
    )
    .group_by(accounts.c[name])
    for name in NO_KEYS
}
ALIKE = {
    name: sa.select(accounts.c[name].label("key"), accounts.c.id)
    .where(
        accounts.c.space == sa.bindparam("space"),
        accounts.c[name].in_(sa.bindparam("values", expanding=True)),
    )
    .order_by(accounts.c.id)
    for name in NO_KEYS
}
DEALS = (
    sa.select(deal_parties.c.account_id, deals.c.outcome, sa.func.count().label("number"))
    .join(deals, deals.c.id == deal_parties.c.deal_id)
    .where(deal_parties.c.account_id.in_(sa.bindparam("ids", expanding=True)))
    .group_by(deal_parties.c.account_id, deals.c.outcome)
)
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
        **NO_KEYS,
        **dict(keys_of_account(account.fields).each),
    }
