"""The first step of a delivery: lease due rows and say what each needs sent."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.engine import Connection

from connectors.base import Connector
from mappings.outward import difference, draft
from mappings.playbook import CrmMap, ObjectMap, Playbook
from model.event import JsonValue
from model.lead import Lead, Link
from model.priority import Priority
from model.times import Clock
from sync import leads, outbox
from sync.batch import People
from sync.database import Store
from sync.doubt import with_sent
from sync.holding import Holding, renew
from sync.outbox import Claim, DueRow, Unsent

log = structlog.get_logger("leadrelay.deliverer")

OTHERS_TURN = 10  # one claim of so many begins with the last priority, so that none is left out for good
FRESH_KINDS = ("owner", "stage")  # never written over a value that was not just read


@dataclass(slots=True)
class Target:
    """One writing connection with all that a delivery to it needs."""

    connector: Connector
    store: Store
    clock: Clock
    playbook: Callable[[], Playbook]
    ready_in: Callable[[], float] = lambda: 0.0  # seconds until the budget allows a call
    space: str = "main"
    lease_term: timedelta = timedelta(seconds=120)  # longer than the longest call
    observe: Callable[[str, float], None] | None = None  # outcome, seconds since it was wanted
    connector_at: Callable[[Priority], Connector] | None = None  # the same, for calls that go behind
    holding: Holding = field(default_factory=Holding)
    claims: int = 0  # that found something

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
    lead: Lead
    link: Link | None
    draft: Mapping[str, JsonValue]
    difference: Mapping[str, JsonValue]
    read_first: bool

    @property
    def key(self) -> str:
        """Our name for the record in a call."""
        return str(self.row.id)


@dataclass(frozen=True, slots=True)
class Claimed:
    """Rows under one lease."""

    token: str
    sendings: Sequence[Sending]


def claim(target: Target) -> Claimed | None:
    """Lease due rows with the values about to be sent; rows with nothing to send are settled at once.

    ``None`` when nothing is due. One thread of a process claims at a time.
    """
    while planned := _plan_due(target):
        now, token = target.clock.now(), uuid.uuid4().hex
        sendings = [item for item in planned if isinstance(item, Sending)]
        ours = target.store.write(partial(_lease, target=target, planned=planned, token=token, now=now))
        mine = [sending for sending in sendings if sending.row.id in ours]
        if sendings:
            return Claimed(token, mine) if mine else None
    return None


def _plan_due(target: Target) -> Sequence[Sending | Unsent]:
    """Read the next due rows and say what each needs sent; nothing when none may be claimed."""
    now, playbook = target.clock.now(), target.playbook()
    crm = playbook.crms[target.name]
    with target.store.snapshot() as snapshot:
        rows = outbox.due(
            snapshot, target.space, target.name, now, target.connector.batch_size, crm.needs,
            last_first=target.claims % OTHERS_TURN == OTHERS_TURN - 1,
        )  # fmt: skip
        if not rows:
            return ()
        target.claims += 1
        people = People.load(snapshot, target.space)
        if target.name not in people.rosters:
            return ()  # without the CRM's owners no owner could be written
        known = leads.load(snapshot, [row.lead_id for row in rows], ledgers=False)
    return [_plan(row, known.get(row.lead_id), crm, playbook, people, now) for row in rows]


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
    row: DueRow, lead: Lead | None, crm: CrmMap, playbook: Playbook, people: People, now: datetime
) -> Sending | Unsent:
    """Say what a row needs sent, if anything."""
    if lead is None:
        return Unsent(row, "there is no such lead any more")
    link = lead.links.get(crm.connection)
    if link is not None and link.object != row.object:
        return Unsent(row)  # the person was found as another object; its own row carries on
    object_map = crm.objects.get(row.object)
    if object_map is None:
        return Unsent(row, f"the map of {crm.connection} leaves {row.object} out")
    values = draft(lead, object_map, crm.connection, people, creating=link is None)
    if link is None:
        return Sending(row, lead, None, values, values, read_first=row.in_flight is not None)
    missing = difference(values, link, object_map, playbook.lifecycle)
    in_doubt = row.in_flight is not None
    if not missing and not in_doubt:
        return Unsent(row)
    is_stale = _is_stale(missing, link, object_map, crm, now)
    return Sending(row, lead, link, values, missing, read_first=in_doubt or is_stale)


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
