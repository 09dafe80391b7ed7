"""A connection that is written to, and rows on their way there: what the steps of a delivery share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog

from connectors.base import Connector
from mappings.playbook import Playbook
from model.entity import Entity
from model.event import JsonValue, RecordRef
from model.lead import Identity, Link
from model.priority import Priority
from model.times import Clock
from sync.database import Store
from sync.delivery.holding import Holding, renew
from sync.outbox import DueRow

log = structlog.get_logger("leadrelay.deliverer")


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

    def ref(self, connection: str) -> RecordRef:
        """Return the record; one without an id is not there yet."""
        return RecordRef(connection, self.row.object, self.link.remote_id if self.link else "")


@dataclass(frozen=True, slots=True)
class Claimed:
    """Rows of one kind under one lease."""

    token: str
    sendings: Sequence[Sending]
    at: datetime  # when it was claimed: what a call reads is no older than that
