"""The first step of a delivery: lease due rows and say what each needs sent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.engine import Connection

from connectors.base import Connector
from mappings.outward import difference, draft
from mappings.playbook import CrmMap, ObjectMap, Playbook
from model.cause import GONE, LEFT_OUT, NOT_THERE
from model.change import Record
from model.deal import COMPANIES, PEOPLE, Deal
from model.decision import EntityKind
from model.entity import Entity
from model.event import JsonValue, RecordRef
from model.lead import ASSOCIATED, Identity, Link
from model.priority import Priority
from model.times import Clock
from sync import accounts, deals, leads, links, mirror, outbox
from sync.batch import People
from sync.database import Store
from sync.doubt import with_sent
from sync.holding import Holding, renew
from sync.leases import new_token
from sync.outbox import Claim, DueRow, Unsent

log = structlog.get_logger("leadrelay.deliverer")

OTHERS_TURN = 10  # one claim of so many begins with the last priority, so that none is left out for good
BORN = ("createdate", "CreatedDate")
FRESH_KINDS = ("owner", "stage", "deal_stage")  # never written over a value that was not just read


@dataclass(slots=True)
class Target:
    """One writing connection with all that a delivery to it needs."""

    connector: Connector
    store: Store
    clock: Clock
    playbook: Callable[[], Playbook]
    ready_in: Callable[[Priority], float] = lambda _: 0.0  # seconds until the budget allows another call
    space: str = "main"
    lease_term: timedelta = timedelta(seconds=120)  # longer than the longest call
    observe: Callable[[str, float], None] | None = None  # outcome, seconds since it was wanted
    connector_at: Callable[[Priority], Connector] | None = None  # the same, for calls that go behind
    holding: Holding = field(default_factory=Holding)
    claims: int = 0  # that found something
    mark: str = ""  # of this process, with which its leases begin
    waits: Sequence[float] = ()  # seconds before what came of a call is recorded once more

    @property
    def name(self) -> str:
        """The connection's name."""
        return self.connector.name

    def connector_for(self, sendings: Sequence[Sending]) -> Connector:
        """Return the connector whose calls go out at the first of these rows' priorities."""
        if self.connector_at is None:
            return self.connector
        return self.connector_at(Priority(min(sending.row.priority for sending in sendings)))

    def renew(self) -> None:
        """Extend the leases of deliveries whose calls take long."""
        now = self.clock.now()
        if holds := self.holding.before(now - self.lease_term / 4):
            for hold in self.store.write(partial(renew, holds=holds, until=now + self.lease_term)):
                hold.is_lost = True
                log.warning("outbox.lease_lost", target=self.name, changes=len(hold.rows))


@dataclass(frozen=True, slots=True)
class Sending:
    """A leased row on its way: what the record must hold and what of it is not there yet."""

    row: DueRow
    entity: Entity  # the lead, the account or the deal
    link: Link | None
    draft: Mapping[str, JsonValue]
    difference: Mapping[str, JsonValue]
    read_first: bool
    mirrored: RecordRef | None = None  # the mirror has the company as this record
    parties: tuple[Identity, ...] = ()  # by what a deal is recognised that is there already

    @property
    def key(self) -> str:
        """Our name for the record in a call."""
        return str(self.row.id)


@dataclass(frozen=True, slots=True)
class Claimed:
    """Rows of one kind under one lease."""

    token: str
    sendings: Sequence[Sending]


def claim(target: Target, last: Priority = Priority.BACKFILL) -> Claimed | None:
    """Lease due rows with the values about to be sent; rows with nothing to send are settled at once.

    ``None`` when nothing of the priority ``last`` or before it is due. One thread of a process claims at a
    time.
    """
    while planned := _plan_due(target, last):
        now, token = target.clock.now(), new_token(target.mark)
        sendings = [item for item in planned if isinstance(item, Sending)]
        ours = target.store.write(partial(_lease, target=target, planned=planned, token=token, now=now))
        mine = [sending for sending in sendings if sending.row.id in ours]
        if sendings:
            return Claimed(token, mine) if mine else None
    return None


def _plan_due(target: Target, last: Priority) -> Sequence[Sending | Unsent]:
    """Read the next due rows and say what each needs sent; nothing when none may be claimed.

    They are of one kind, so that each call is as full as it can be; whose oldest row has been due
    for longest goes first.
    """
    now, playbook = target.clock.now(), target.playbook()
    crm = playbook.crms[target.name]
    with target.store.snapshot() as snapshot:
        last_first = target.claims % OTHERS_TURN == OTHERS_TURN - 1
        kind: EntityKind | None = EntityKind.LEAD
        if crm.account is not None or crm.deal is not None:
            kind = outbox.next_kind(
                snapshot, target.space, target.name, now, crm.needs, last_first=last_first, last=last
            )
        if kind is None:
            return ()
        limit = target.connector.batch_size
        if kind in (EntityKind.ASSOCIATION, EntityKind.PARTIES):
            limit = target.connector.association_batch_size
        rows = outbox.due(
            snapshot,
            target.space,
            target.name,
            now,
            limit,
            crm.needs,
            kind=kind,
            last_first=last_first,
            last=last,
        )
        if not rows:
            return ()
        target.claims += 1
        people = People.load(snapshot, target.space)
        if target.name not in people.rosters:
            return ()  # without the CRM's owners no owner could be written
        known = _load(snapshot, rows, kind)
        of_deals = kind in (EntityKind.DEAL, EntityKind.PARTIES)
        sides = _sides(snapshot, crm, known) if of_deals else {}
        mirrored = _mirrored(snapshot, target, crm, known) if kind is EntityKind.ACCOUNT else {}
        gone = _gone(snapshot, crm, known, target.space) if kind is EntityKind.ASSOCIATION else frozenset()
        left = _left_behind(snapshot, target, crm, rows, known) if kind is EntityKind.LEAD else ()
    if kind is EntityKind.ASSOCIATION:
        return [_plan_association(row, known, crm, gone) for row in rows]
    if kind is EntityKind.PARTIES:
        return [_plan_parties(row, known.get(row.entity_id), crm, sides) for row in rows]
    planned = [
        Unsent(row) if row.id in left else _plan(row, known.get(row.entity_id), crm, playbook, people, now)
        for row in rows
    ]
    if kind is EntityKind.DEAL:
        return [
            replace(one, parties=_keys_of(one.entity, sides, crm))
            if isinstance(one, Sending) and one.link is None
            else one
            for one in planned
        ]
    return [
        replace(one, mirrored=mirrored[one.entity.id])
        if isinstance(one, Sending) and one.link is None and one.entity.id in mirrored
        else one
        for one in planned
    ]


def _left_behind(
    snapshot: Connection, target: Target, crm: CrmMap, rows: Sequence[DueRow], known: Mapping[str, Entity]
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
    wanted = outbox.wanted_as(snapshot, target.space, crm.connection, crm.create_object, doubtful)
    return {doubtful[lead_id] for lead_id in wanted}


def _mirrored(
    snapshot: Connection, target: Target, crm: CrmMap, known: Mapping[str, Entity]
) -> dict[str, RecordRef]:
    """Return the records that the mirror has of these accounts' domains, by account.

    Of several the one with our id, else the oldest. It may be gone by now, so it is read before
    it counts.
    """
    object_map = crm.account
    new = {str(one.get("domain")): one for one in known.values() if crm.connection not in one.links}
    if object_map is None or not new:
        return {}
    found = mirror.find(snapshot, target.space, crm.connection, "domain", new)
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
    """Say who is to take part in a deal's record and does not yet: whom somebody removed there stays out."""
    link = deal.links.get(crm.connection) if deal else None
    if not isinstance(deal, Deal) or link is None:
        return Unsent(row, "the deal is not there any more", NOT_THERE)
    if link.gone_at is not None or link.object != row.object:
        return Unsent(row)
    there = link.shadow.get(PEOPLE) or ()
    people = [
        side.remote_id
        for lead_id in deal.lead_ids
        if (side := sides.get(lead_id)) and side.object == crm.people_object and side.remote_id not in there
    ]
    firm = sides.get(deal.account_id or "")
    company = firm.remote_id if firm and not link.shadow.get(COMPANIES) else None
    if not people and company is None:
        return Unsent(row)
    wanted: dict[str, JsonValue] = {PEOPLE: people, COMPANIES: [company] if company else []}
    return Sending(row, deal, link, wanted, wanted, read_first=True)


def _gone(snapshot: Connection, crm: CrmMap, known: Mapping[str, Entity], space: str) -> frozenset[RecordRef]:
    """Return the companies among these records that were seen to be gone: deleted, or merged into others."""
    refs = [
        RecordRef(link.connection, link.object, link.remote_id)
        for one in known.values()
        if (link := one.links.get(crm.connection)) and crm.account and link.object == crm.account.object
    ]
    return frozenset(ref for ref, one in mirror.read(snapshot, space, refs).items() if one.record.archived)


def _plan_association(
    row: DueRow, known: Mapping[str, Entity], crm: CrmMap, gone: Collection[RecordRef]
) -> Sending | Unsent:
    """Say which company's record a person's is to be associated with, if they are not yet."""
    lead = known.get(row.entity_id)
    account = known.get(lead.get("account") or "") if lead else None
    link, company = (one.links.get(crm.connection) if one else None for one in (lead, account))
    if lead is None or link is None or company is None:
        return Unsent(row, "the person or the company is not there any more", NOT_THERE)
    is_gone = link.gone_at is not None or company.gone_at is not None
    if link.object != row.object or is_gone or link.shadow.get(ASSOCIATED) == company.remote_id:
        return Unsent(row)
    if RecordRef(company.connection, company.object, company.remote_id) in gone:
        why = f"{company.object} {company.remote_id} was deleted in the CRM, or merged into another"
        return Unsent(row, why, GONE)
    wanted = {ASSOCIATED: company.remote_id}
    return Sending(row, lead, link, wanted, wanted, read_first=True)


def _lease(
    connection: Connection, target: Target, planned: Sequence[Sending | Unsent], token: str, now: datetime
) -> set[int]:
    outbox.lock(connection, [item.row.id for item in planned])
    outbox.settle_unsent(connection, [item for item in planned if isinstance(item, Unsent)], now)
    claims = [
        Claim(item.row, with_sent(item.row.in_flight, item.difference))
        for item in planned
        if isinstance(item, Sending)
    ]
    return outbox.lease(connection, claims, token, now, now + target.lease_term)


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
