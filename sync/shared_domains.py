"""Domains whose people name many companies: taken for one company by the rules, and most likely for none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mappings.matcher.sharing import LEAST, are_many, companies
from sync.tables import accounts, leads

MOST = 50  # domains looked at, those with the most names first
_L = leads.c
_NAMED = sa.and_(_L.account_id.is_not(None), _L.company.is_not(None), ~_L.is_test)


@dataclass(frozen=True, slots=True)
class SharedDomain:
    """A domain that is an account, and the companies that its people name."""

    domain: str
    account: str
    companies: Mapping[str, int]  # name -> people, the most people first

    @property
    def people(self) -> int:
        """How many people of the domain named a company."""
        return sum(self.companies.values())

    def as_json(self) -> dict[str, Any]:
        """Return what ``--json`` shows."""
        return {**asdict(self), "people": self.people}


def read(snapshot: Connection, space: str) -> list[SharedDomain]:
    """Return the domains that many companies share, those with the most people first.

    It reads each lead that has an account once: for who asks, not for what runs all the time.
    """
    number = sa.func.count(_L.company.distinct())
    crowded = (
        sa.select(_L.account_id)
        .where(_L.space == space, _NAMED)
        .group_by(_L.account_id)
        .having(number >= LEAST)
        .order_by(number.desc(), _L.account_id)
        .limit(MOST)
    )
    ids = snapshot.execute(crowded).scalars().all()
    if not ids:
        return []
    names: dict[str, dict[str, int]] = {}
    said = sa.select(_L.account_id, _L.company, sa.func.count()).where(_L.account_id.in_(ids), _NAMED)
    for account_id, name, people in snapshot.execute(said.group_by(_L.account_id, _L.company)):
        names.setdefault(account_id, {})[name] = people
    domains = sa.select(accounts.c.id, accounts.c.domain).where(accounts.c.id.in_(ids))
    found = [
        SharedDomain(row.domain, row.id, shared)
        for row in snapshot.execute(domains)
        if are_many(shared := companies(names.get(row.id, {})))
    ]
    return sorted(found, key=lambda one: (-one.people, one.domain))
