"""Who was given and owns how many leads: set-based counts, and only of what ``routing.yaml`` asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from handlers.workload import GivenTurn, Workload, asked_since, open_stages, zone_of
from mappings.playbook import Playbook, Routing
from model.decision import Way
from model.hours import start_of
from sync.tables import GIVEN_BACK, GIVEN_BY_RULES, assignments, leads


def load(
    snapshot: Connection,
    space: str,
    playbook: Playbook,
    lead_ids: Collection[str],
    account_ids: Collection[str],
    now: datetime,
) -> Workload | None:
    """Return what the rules ask for at this moment; ``None`` where they ask for nothing.

    ``lead_ids`` are those of known leads that may get an owner, ``account_ids`` those of their companies.
    """
    routing = playbook.routing
    limited = sorted(one.email for one in routing.people.values() if one.open_leads is not None)
    since = asked_since(routing, now)
    if not (since or limited or routing.longest_share or routing.skips_earlier_owners or routing.is_sticky
            or routing.gives_back):  # fmt: skip
        return None
    workload = Workload()
    if since:
        workload.given = _given(snapshot, space, since)
    if limited:
        workload.open_leads = _open(snapshot, space, limited, sorted(open_stages(playbook.lifecycle)))
    if routing.longest_share:
        workload.last_pools = _last_pools(snapshot, space, routing.longest_share)
    if routing.skips_earlier_owners and lead_ids:
        workload.earlier_owners = _earlier_owners(snapshot, lead_ids)
    if routing.is_sticky and account_ids:
        workload.account_owners = _account_owners(snapshot, space, account_ids)
    if routing.gives_back:
        workload.last_turns = _last_turns(snapshot, lead_ids)
        workload.credits = _credits(snapshot, space, routing, now)
    return workload


def _last_turns(snapshot: Connection, lead_ids: Collection[str]) -> dict[str, GivenTurn]:
    """Return the latest turn of each lead, unless it was given back."""
    a = assignments.c
    of_leads = sa.and_(a.lead_id.in_(sorted(lead_ids)), a.pool != "")
    found: dict[str, GivenTurn] = {}
    asked = sa.select(a.lead_id, a.pool, a.owner, a.way).where(of_leads).order_by(a.id)
    for lead_id, pool, owner, way in snapshot.execute(asked) if lead_ids else ():
        if way == Way.CREDIT:
            found.pop(lead_id, None)
        else:
            found[lead_id] = GivenTurn(pool, owner)
    return found


def _credits(snapshot: Connection, space: str, routing: Routing, now: datetime) -> Counter[tuple[str, str]]:
    """Count the turns that each member of a pool with a limit got back in the month, by its clock."""
    a = assignments.c
    found: Counter[tuple[str, str]] = Counter()
    for pool in routing.pools.values():
        if pool.credit is None or pool.credit.per_month is None:
            continue
        since = start_of("month", now, zone_of(pool.calendar))
        in_month = sa.and_(a.space == space, a.at >= since, GIVEN_BACK, a.pool == pool.name)
        rows = snapshot.execute(sa.select(a.owner, sa.func.count()).where(in_month).group_by(a.owner))
        found.update({(pool.name, owner): int(count) for owner, count in rows})
    return found


def _given(
    snapshot: Connection, space: str, asked: Mapping[str, frozenset[datetime]]
) -> dict[str, dict[datetime, int]]:
    """Count the leads that each got since each moment that is asked for, in one walk of the index."""
    moments = sorted({since for each in asked.values() for since in each})
    a = assignments.c
    counts = [
        sa.func.sum(sa.case((a.at >= since, 1), else_=0)).label(f"n{n}") for n, since in enumerate(moments)
    ]
    rows = snapshot.execute(
        sa.select(a.owner, *counts)
        .where(a.space == space, a.owner.in_(sorted(asked)), a.at >= moments[0], GIVEN_BY_RULES)
        .group_by(a.owner)
    )
    found = {row.owner: dict(zip(moments, map(int, row[1:]), strict=True)) for row in rows}
    return {
        email: {since: found.get(email, {}).get(since, 0) for since in each} for email, each in asked.items()
    }


def _open(snapshot: Connection, space: str, owners: Collection[str], stages: Collection[str]) -> Counter[str]:
    c = leads.c
    rows = snapshot.execute(
        sa.select(c.owner, sa.func.count())
        .where(c.space == space, c.owner.in_(owners), c.stage.in_(stages), sa.not_(c.is_test))
        .group_by(c.owner)
    )
    return Counter({owner: int(count) for owner, count in rows})


def _last_pools(snapshot: Connection, space: str, count: int) -> list[str]:
    a = assignments.c
    last = sa.select(a.pool).where(a.space == space, GIVEN_BY_RULES).order_by(a.id.desc()).limit(count)
    return list(reversed(snapshot.execute(last).scalars().all()))


def _earlier_owners(snapshot: Connection, lead_ids: Collection[str]) -> dict[str, set[str]]:
    a = assignments.c
    found: dict[str, set[str]] = {}
    asked = sa.select(a.lead_id, a.owner).where(a.lead_id.in_(sorted(lead_ids)))
    for lead_id, owner in snapshot.execute(asked):
        found.setdefault(lead_id, set()).add(owner)
    return found


def _account_owners(
    snapshot: Connection, space: str, account_ids: Collection[str]
) -> dict[str, Counter[str]]:
    c = leads.c
    # ``coalesce`` keeps SQLite from going through all leads that have an owner.
    of_accounts = sa.and_(
        c.account_id.in_(sorted(account_ids)),
        sa.func.coalesce(c.space, "") == space,
        sa.func.coalesce(c.owner, "") != "",
        sa.not_(c.is_test),
    )
    rows = snapshot.execute(
        sa.select(c.account_id, c.owner, sa.func.count()).where(of_accounts).group_by(c.account_id, c.owner)
    )
    found: dict[str, Counter[str]] = {}
    for account, owner, count in rows:
        found.setdefault(account, Counter())[owner] = count
    return found
