"""Says what each due row needs sent: what was read of its lead, account or deal, against its record."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.engine import Connection

from mappings import gates
from mappings.outward import difference, draft
from mappings.playbook import CrmMap, ObjectMap, Playbook
from model.cause import LEFT_OUT, NOT_THERE
from model.change import Record
from model.deal import COMPANIES, COMPANY, LEAVING, LEFT, PEOPLE, Deal
from model.decision import EntityKind
from model.entity import Entity
from model.event import JsonValue, RecordRef
from model.lead import ASSOCIATED, Identity, Lead, Link
from sync import accounts, deals, leads, links, mirror, outbox
from sync.delivery.target import Sending
from sync.outbox import DueRow, Unsent
from sync.people import People

BORN = ("createdate", "CreatedDate")
FRESH_KINDS = ("owner", "stage", "deal_stage")  # never written over a value that was not just read


@dataclass(frozen=True, slots=True)
class Seen:
    """What rows of one kind are planned with, from one snapshot."""

    known: Mapping[str, Entity]  # leads, accounts or deals by id; for associations both
    sides: Mapping[str, Link] = field(default_factory=dict)  # records of those who take part, by whose
    mirrored: Mapping[str, RecordRef] = field(default_factory=dict)  # of new accounts, by account
    left: Collection[int] = ()  # rows whose person has one of another object by now


def look(snapshot: Connection, space: str, crm: CrmMap, rows: Sequence[DueRow], kind: EntityKind) -> Seen:
    """Read what the rows of one kind are about: some queries for all of them."""
    known = _load(snapshot, rows, kind)
    match kind:
        case EntityKind.LEAD:
            return Seen(known, left=_left_behind(snapshot, space, crm, rows, known))
        case EntityKind.ACCOUNT:
            return Seen(known, mirrored=_mirrored(snapshot, space, crm, known))
        case EntityKind.ASSOCIATION:
            return Seen(known)
        case EntityKind.DEAL | EntityKind.PARTIES:
            return Seen(known, sides=_sides(snapshot, crm, known))


def plan(
    rows: Sequence[DueRow],
    kind: EntityKind,
    seen: Seen,
    playbook: Playbook,
    crm: CrmMap,
    people: People,
    now: datetime,
) -> list[Sending | Unsent]:
    """Say of each row what it needs sent, or why it needs no call; pure."""
    if kind is EntityKind.ASSOCIATION:
        return [_plan_association(row, seen.known, crm) for row in rows]
    if kind is EntityKind.PARTIES:
        return [_plan_parties(row, seen.known.get(row.entity_id), crm, seen.sides) for row in rows]
    planned = [
        Unsent(row)
        if row.id in seen.left
        else _plan(row, seen.known.get(row.entity_id), crm, playbook, people, now)
        for row in rows
    ]
    return [
        _recognised(one, kind, seen, crm) if isinstance(one, Sending) and one.link is None else one
        for one in planned
    ]


def _recognised(new: Sending, kind: EntityKind, seen: Seen, crm: CrmMap) -> Sending:
    """Say by what a company or a deal is recognised that is there already, before it is made."""
    if kind is EntityKind.DEAL:
        return replace(new, parties=_keys_of(new.entity, seen.sides, crm))
    if new.entity.id in seen.mirrored:
        return replace(new, mirrored=seen.mirrored[new.entity.id])
    return new


def _left_behind(
    snapshot: Connection, space: str, crm: CrmMap, rows: Sequence[DueRow], known: Mapping[str, Entity]
) -> set[int]:
    """Return the rows of people who were unlinked meanwhile and are to be made anew as another object.

    A change that was wanted just before the record turned out to be gone is still due under the
    object it had; the row of the object that new people become carries on.
    """
    doubtful = {
        row.entity_id: row.id
        for row in rows
        if row.object != crm.create_object
        if (lead := known.get(row.entity_id)) is not None and crm.connection not in lead.links
    }
    if not doubtful:
        return set()
    wanted = outbox.wanted_as(snapshot, space, crm.connection, crm.create_object, doubtful)
    return {doubtful[lead_id] for lead_id in wanted}


def _mirrored(
    snapshot: Connection, space: str, crm: CrmMap, known: Mapping[str, Entity]
) -> dict[str, RecordRef]:
    """Return the records that the mirror has of these accounts' domains, by account.

    Of several the one with our id, else the oldest. It may be gone by now, so it is read before
    it counts.
    """
    object_map = crm.account
    new = {str(one.get("domain")): one for one in known.values() if crm.connection not in one.links}
    if object_map is None or not new:
        return {}
    found = mirror.find(snapshot, space, crm.connection, "domain", new)
    chosen: dict[str, RecordRef] = {}
    for domain, seen in found.items():
        records = [one.record for one in seen if one.record.ref.object == object_map.object]
        ours = [one for one in records if one.fields.get(object_map.id_field) == new[domain].id]
        if oldest := min(ours or records, key=_age, default=None):
            chosen[new[domain].id] = oldest.ref
    return chosen


def _age(record: Record) -> tuple[str, int, str]:
    born = next((str(record.fields[name]) for name in BORN if record.fields.get(name)), "")
    return born, len(record.ref.id), record.ref.id  # HubSpot's ids grow with time


def _load(snapshot: Connection, rows: Sequence[DueRow], kind: EntityKind) -> dict[str, Entity]:
    """Return the leads or accounts that the rows are about, by id; for associations both."""
    ids = [row.entity_id for row in rows]
    if kind is EntityKind.ACCOUNT:
        return {**accounts.load(snapshot, ids)}
    if kind in (EntityKind.DEAL, EntityKind.PARTIES):
        return {**deals.load(snapshot, ids)}
    people = leads.load(snapshot, ids, ledgers=False)
    if kind is EntityKind.LEAD:
        return {**people}
    return {
        **people,
        **accounts.load(snapshot, [one for lead in people.values() if (one := lead.get("account"))]),
    }


def _sides(snapshot: Connection, crm: CrmMap, known: Mapping[str, Entity]) -> dict[str, Link]:
    """Return the records, on this connection, of those who take part in these deals, by lead or account."""
    found: dict[str, Link] = {}
    parties = [one for deal in known.values() if isinstance(deal, Deal) for one in deal.parties]
    for table, is_account in ((links.LEADS, False), (links.ACCOUNTS, True)):
        ids = sorted({one.id for one in parties if one.is_account is is_account})
        for owner_id, link in table.of(snapshot, ids) if ids else ():
            if link.connection == crm.connection and link.gone_at is None:
                found[owner_id] = link
    return found


def _keys_of(deal: Entity, sides: Mapping[str, Link], crm: CrmMap) -> tuple[Identity, ...]:
    """Return by what a deal is recognised where it is there already: its name, and who takes part."""
    if not isinstance(deal, Deal):
        return ()
    people = [
        Identity("person", side.remote_id)
        for lead_id in deal.lead_ids
        if (side := sides.get(lead_id)) and side.object == crm.people_object
    ]
    firm = sides.get(deal.account_id or "")
    company = [Identity("company", firm.remote_id)] if firm else []
    return (Identity("name", str(deal.get("name") or "")), *people, *company)


def _plan_parties(
    row: DueRow, deal: Entity | None, crm: CrmMap, sides: Mapping[str, Link]
) -> Sending | Unsent:
    """Say who is to take part in a deal's record and does not yet, and who no more.

    Whom somebody took out there stays out; who leaves, and which company gives way, was decided when somebody
    changed that in another CRM.
    """
    link = deal.links.get(crm.connection) if deal else None
    if not isinstance(deal, Deal) or link is None:
        return Unsent(row, "the deal is not there any more", NOT_THERE)
    if link.gone_at is not None or link.object != row.object:
        return Unsent(row)
    there, missed = link.shadow.get(PEOPLE) or (), link.shadow.get(LEAVING) or ()
    known = [sides[each] for each in deal.lead_ids if each in sides]
    mine = [side.remote_id for side in known if side.object == crm.people_object]
    people = [each for each in mine if each not in there and each not in missed]
    leave = [each for each in link.shadow.get(LEFT) or () if each in there and each not in mine]
    firm, has = sides.get(deal.account_id or ""), link.shadow.get(COMPANIES) or ()
    gives_way = [has[0]] if has and link.shadow.get(COMPANY) == deal.account_id else []
    is_missing = firm is not None and (not has or (gives_way and firm.remote_id != has[0]))
    company = firm.remote_id if firm and is_missing else None
    if not (people or leave or company):
        return Unsent(row)
    wanted: dict[str, JsonValue] = {PEOPLE: people, COMPANIES: [company] if company else []}
    wanted |= ({LEFT: leave} if leave else {}) | ({COMPANY: gives_way} if company and gives_way else {})
    return Sending(row, deal, link, wanted, wanted, read_first=True)


def _plan_association(row: DueRow, known: Mapping[str, Entity], crm: CrmMap) -> Sending | Unsent:
    """Say which company's record a person's is to be associated with, if they are not yet.

    A company that is gone, of which the decider has not heard yet, the CRM itself refuses; it is read then.
    """
    lead = known.get(row.entity_id)
    account = known.get(lead.get("account") or "") if lead else None
    link, company = (one.links.get(crm.connection) if one else None for one in (lead, account))
    if lead is None or link is None or company is None:
        return Unsent(row, "the person or the company is not there any more", NOT_THERE)
    is_gone = link.gone_at is not None or company.gone_at is not None
    if link.object != row.object or is_gone or link.shadow.get(ASSOCIATED) == company.remote_id:
        return Unsent(row)
    wanted = {ASSOCIATED: company.remote_id}
    return Sending(row, lead, link, wanted, wanted, read_first=True)


def _plan(
    row: DueRow, entity: Entity | None, crm: CrmMap, playbook: Playbook, people: People, now: datetime
) -> Sending | Unsent:
    """Say what a row of a lead or an account needs sent, if anything."""
    if entity is None:
        return Unsent(row, f"there is no such {row.kind} any more", NOT_THERE)
    link = entity.links.get(crm.connection)
    if link is not None and link.object != row.object:
        return Unsent(row)  # the person was found as another object; its own row carries on
    if link is not None and link.gone_at is not None:
        return Unsent(row)  # deleted there: nothing is written, and nobody made anew
    object_map = crm.map_of(row.object)
    if object_map is None:
        return Unsent(row, f"the map of {crm.connection} leaves {row.object} out", LEFT_OUT)
    values = draft(entity, object_map, crm.connection, people, creating=link is None)
    if link is None and isinstance(entity, Lead):
        names = (crm.connection,)
        if gates.why_shut(playbook.consent, gates.SYNC, entity, now, names):
            return Unsent(row)  # said no since: with a yes the rules want the record again
    if link is None:
        return Sending(row, entity, None, values, values, read_first=row.in_flight is not None)
    missing = difference(values, link, object_map, playbook.lifecycle, of=entity)
    in_doubt = row.in_flight is not None
    if not missing and not in_doubt:
        return Unsent(row)
    is_stale = _is_stale(missing, link, object_map, crm, now)
    return Sending(row, entity, link, values, missing, read_first=in_doubt or is_stale)


def _is_stale(
    missing: Mapping[str, JsonValue], link: Link, object_map: ObjectMap, crm: CrmMap, now: datetime
) -> bool:
    # The people in the CRM have a say in all but leadrelay's own fields: their edit may be a moment old.
    sensitive = any(
        rule.kind in FRESH_KINDS or rule.authority != "leadrelay"
        for rule in object_map.fields
        if rule.remote in missing
    )
    fresh = link.read_at is not None and now - link.read_at <= crm.read_before_write
    return sensitive and not fresh
