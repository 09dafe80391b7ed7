"""Leads, accounts and deals that have no record on a connection, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class Look:
    """What is looked at: a connection with its map, at one moment."""

    snapshot: Connection
    space: str
    crm: CrmMap
    playbook: Playbook
    now: datetime
    is_written: bool

    def rows(self, kind: EntityKind, ids: Sequence[str]) -> Mapping[tuple[str, str], OutboxRow]:
        """Return the outbox's rows of these, by object and id."""
        return evidence.outbox_rows(self.snapshot, self.space, self.crm.connection, kind, ids)


def page(look: Look, of: str, after: str) -> Unlinked:
    """Look at the next leads, accounts or deals without a record: a handful of queries for a thousand."""
    ids = _ids(look.snapshot, look.space, look.crm.connection, of, after)
    found = Unlinked(after=ids[-1] if len(ids) == CHUNK else None)
    if ids:
        LOOKS[of](look, ids, found)
    return found


def _people(look: Look, ids: Sequence[str], found: Unlinked) -> None:
    if not look.is_written:
        found.reasons[OBSERVED] += len(ids)
        return
    crm, rows = look.crm, look.rows(EntityKind.LEAD, ids)
    _, merging = evidence.waiting(look.snapshot, look.space, crm.connection, [], ids)
    prospects = Prospects.open(look.snapshot, look.space, crm, look.playbook)
    for one in prospects.of(look.snapshot, ids):
        object_type = one.wanted.object or crm.create_object
        row = rows.get((object_type, one.lead.id))
        if row is not None and row.is_dead:
            _dead(found, row, object_type, EntityKind.LEAD, one.lead.id)
        elif one.lead.id in merging:
            found.reasons[FOUND] += 1
        elif one.action == SKIP:
            found.reasons[f"have none: {one.reason}"] += 1
        elif row is not None and row.is_pending:
            found.reasons[_waits(row, one.lead, look.now)] += 1
        elif one.action in WRITTEN:
            _missing(found, object_type, EntityKind.LEAD, one.lead.id)


def _companies(look: Look, ids: Sequence[str], found: Unlinked) -> None:
    if look.crm.account is None:
        return
    if not look.is_written:
        found.reasons[OBSERVED] += len(ids)
        return
    object_type, rows = look.crm.account.object, look.rows(EntityKind.ACCOUNT, ids)
    with_people: set[str] = set()
    if look.playbook.joins_accounts:
        values = {"of_connection": look.crm.connection, "ids": ids}
        with_people = set(look.snapshot.execute(WITH_PEOPLE, values).scalars())
    for account_id in ids:
        row = rows.get((object_type, account_id))
        if row is not None and _is_told_by(row, look, object_type, EntityKind.ACCOUNT, account_id, found):
            continue
        if account_id in with_people:
            _missing(found, object_type, EntityKind.ACCOUNT, account_id)
        else:
            found.reasons[NOBODY_THERE] += 1


def _deals(look: Look, ids: Sequence[str], found: Unlinked) -> None:
    """None is missing: where a deal is kept, the rules say."""
    if look.crm.deal is None:
        return
    object_type = look.crm.deal.object
    rows = look.rows(EntityKind.DEAL, ids) if look.is_written else {}
    for deal_id in ids:
        row = rows.get((object_type, deal_id))
        if row is None or not _is_told_by(row, look, object_type, EntityKind.DEAL, deal_id, found):
            found.reasons[ELSEWHERE] += 1


def _is_told_by(
    row: OutboxRow, look: Look, object_type: str, kind: EntityKind, entity_id: str, found: Unlinked
) -> bool:
    """Say whether the outbox tells why there is no record: given up, or on its way."""
    if row.is_dead:
        _dead(found, row, object_type, kind, entity_id)
    elif row.is_pending:
        found.reasons[_waits(row, None, look.now)] += 1
    return row.is_dead or row.is_pending


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

LOOKS: Mapping[str, Callable[[Look, Sequence[str], Unlinked], None]] = {
    "leads": _people,
    "accounts": _companies,
    "deals": _deals,
}
