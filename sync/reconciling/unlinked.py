"""Leads, accounts and deals that have no record on a connection, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mappings.playbook import CrmMap, Playbook
from model.decision import EntityKind
from model.entity import Entity
from sync.prospects import SKIP, WRITTEN, Prospects
from sync.reconciling import evidence, kinds
from sync.reconciling.kinds import KINDS, Difference
from sync.reconciling.looks import OutboxRow
from sync.tables import account_links, accounts, deal_links, deals, leads, links

CHUNK = 1_000
OBSERVED = "have none: the account is only observed"
NOBODY_THERE = "have none: no person of theirs has a record there"
FOUND = "were found there, and are about to be merged"
ELSEWHERE = "have none, and nothing asks for one there"
OWNERS = ("lead_id", "account_id", "deal_id")
TABLES: Mapping[str, tuple[sa.Table, sa.Table]] = {  # with the links of each
    "leads": (leads, links),
    "accounts": (accounts, account_links),
    "deals": (deals, deal_links),
}


@dataclass(slots=True)
class Unlinked:
    """Some of them: how many of each reason, and those that something is wrong with."""

    reasons: Counter[str] = field(default_factory=Counter)
    missing: int = 0
    differences: list[Difference] = field(default_factory=list)
    after: str | None = None  # the id behind which the next page begins; ``None``: there is none


def people(
    snapshot: Connection,
    space: str,
    crm: CrmMap,
    playbook: Playbook,
    after: str,
    now: datetime,
    *,
    is_written: bool,
) -> Unlinked:
    """Look at the next leads without a record: a handful of queries for a thousand."""
    ids = _ids(snapshot, space, crm.connection, "leads", after)
    found = Unlinked(after=ids[-1] if len(ids) == CHUNK else None)
    if not ids:
        return found
    if not is_written:
        found.reasons[OBSERVED] += len(ids)
        return found
    rows = evidence.outbox_rows(snapshot, space, crm.connection, EntityKind.LEAD, ids)
    _, merging = evidence.waiting(snapshot, space, crm.connection, [], ids)
    for one in Prospects.open(snapshot, space, crm, playbook).of(snapshot, ids):
        object_type = one.wanted.object or crm.create_object
        row = rows.get((object_type, one.lead.id))
        if row is not None and row.is_dead:
            _dead(found, row, object_type, EntityKind.LEAD, one.lead.id)
        elif one.lead.id in merging:
            found.reasons[FOUND] += 1
        elif one.action == SKIP:
            found.reasons[f"have none: {one.reason}"] += 1
        elif row is not None and row.is_pending:
            found.reasons[_waits(row, one.lead, now)] += 1
        elif one.action in WRITTEN:
            _missing(found, object_type, EntityKind.LEAD, one.lead.id)
    return found


def companies(
    snapshot: Connection,
    space: str,
    crm: CrmMap,
    playbook: Playbook,
    after: str,
    now: datetime,
    *,
    is_written: bool,
) -> Unlinked:
    """Look at the next accounts without a record."""
    ids = _ids(snapshot, space, crm.connection, "accounts", after)
    found = Unlinked(after=ids[-1] if len(ids) == CHUNK else None)
    if crm.account is None or not ids:
        return found
    if not is_written:
        found.reasons[OBSERVED] += len(ids)
        return found
    rows = evidence.outbox_rows(snapshot, space, crm.connection, EntityKind.ACCOUNT, ids)
    with_people: set[str] = set()
    if playbook.joins_accounts:
        values = {"of_connection": crm.connection, "ids": ids}
        with_people = set(snapshot.execute(WITH_PEOPLE, values).scalars())
    for account_id in ids:
        row = rows.get((crm.account.object, account_id))
        if row is not None and row.is_dead:
            _dead(found, row, crm.account.object, EntityKind.ACCOUNT, account_id)
        elif row is not None and row.is_pending:
            found.reasons[_waits(row, None, now)] += 1
        elif account_id in with_people:
            _missing(found, crm.account.object, EntityKind.ACCOUNT, account_id)
        else:
            found.reasons[NOBODY_THERE] += 1
    return found


def of_deals(
    snapshot: Connection,
    space: str,
    crm: CrmMap,
    _playbook: Playbook,
    after: str,
    now: datetime,
    *,
    is_written: bool,
) -> Unlinked:
    """Look at the next deals without a record. None is missing: where a deal is kept, the rules say."""
    ids = _ids(snapshot, space, crm.connection, "deals", after)
    found = Unlinked(after=ids[-1] if len(ids) == CHUNK else None)
    if crm.deal is None or not ids:
        return found
    rows = evidence.outbox_rows(snapshot, space, crm.connection, EntityKind.DEAL, ids) if is_written else {}
    for deal_id in ids:
        row = rows.get((crm.deal.object, deal_id))
        if row is not None and row.is_dead:
            _dead(found, row, crm.deal.object, EntityKind.DEAL, deal_id)
        elif row is not None and row.is_pending:
            found.reasons[_waits(row, None, now)] += 1
        else:
            found.reasons[ELSEWHERE] += 1
    return found


def _ids(snapshot: Connection, space: str, name: str, of: str, after: str) -> list[str]:
    table, held = TABLES[of]
    [owner] = [held.c[each] for each in OWNERS if each in held.c]
    is_linked = sa.exists().where(owner == table.c.id, held.c.connection == name).correlate(table)
    statement = sa.select(table.c.id).where(table.c.space == space, table.c.id > after, ~is_linked)
    return list(snapshot.execute(statement.order_by(table.c.id).limit(CHUNK)).scalars())


def _waits(row: OutboxRow, entity: Entity | None, now: datetime) -> str:
    """Return why nothing has arrived yet, the same words for all of a kind."""
    why = row.why_waits(entity, now, is_written=True)
    return f"are on their way: {'it is tried again later' if why.startswith('it is tried again') else why}"


def _dead(found: Unlinked, row: OutboxRow, object_type: str, kind: EntityKind, entity_id: str) -> None:
    found.reasons["have none: the CRM refused the write (dead letters)"] += 1
    why = f"the CRM refused it: {row.error or 'no words were kept'}"
    found.differences.append(
        _told(kinds.DEAD_LETTER, object_type, why, kind, entity_id, place=f"letter {row.id}")
    )


def _missing(found: Unlinked, object_type: str, kind: EntityKind, entity_id: str) -> None:
    found.missing += 1
    why = "it should have a record there, and nothing asked for that"
    found.differences.append(_told(kinds.MISSING, object_type, why, kind, entity_id))


def _told(
    name: str, object_type: str, why: str, kind: EntityKind, entity_id: str, place: str = ""
) -> Difference:
    of = KINDS[name]
    return Difference(
        name, object_type, why, kind, entity_id, mend=of.mend, is_fault=of.is_fault, place=place
    )


def total(snapshot: Connection, space: str, table: sa.Table) -> int:
    """Return how many leads, accounts or deals there are."""
    statement: sa.Select[Any] = sa.select(sa.func.count()).select_from(table).where(table.c.space == space)
    return int(snapshot.execute(statement).scalar_one())


_HAS_RECORD = (
    sa.exists()
    .where(links.c.lead_id == leads.c.id, links.c.connection == sa.bindparam("of_connection"))
    .correlate(leads)
)
WITH_PEOPLE = (  # of a page's accounts, those who have a person there: each found by ``ix_leads_account_id``
    sa.select(leads.c.account_id)
    .distinct()
    .where(leads.c.account_id.in_(sa.bindparam("ids", expanding=True)), _HAS_RECORD)
)

LOOKS: Mapping[str, Callable[..., Unlinked]] = {"leads": people, "accounts": companies, "deals": of_deals}
