"""What is known of one link at one moment: both sides, the queues, and who else has the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mappings.outward import Teammates
from mappings.playbook import CrmMap, Lifecycle
from model.account import Account
from model.change import Record
from model.deal import Deal
from model.decision import EntityKind
from model.entity import Entity
from model.lead import Link
from model.times import for_people
from sync.doubt import Doubt
from sync.mirror import Mirrored
from sync.outbox import PARKED


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """What the outbox knows of one record."""

    id: int
    wanted: int
    done: int
    dead: int
    due_at: datetime
    lease_until: datetime | None
    in_flight: Doubt | None
    needs: Sequence[str]
    error: str | None

    @property
    def is_pending(self) -> bool:
        """Say whether something is wanted that was neither delivered nor given up."""
        return self.wanted > self.done and self.wanted > self.dead

    @property
    def is_dead(self) -> bool:
        """Say whether it is a dead letter."""
        return self.dead > self.done and self.wanted <= self.dead

    def why_waits(self, entity: Entity | None, now: datetime, *, is_written: bool) -> str:
        """Say what a pending row waits for."""
        if not is_written:
            return "the account is only observed: nothing is written before go-live"
        if self.due_at == PARKED:
            return "it was gathered while the account was observed, and waits for go-live"
        if self.lease_until is not None and self.lease_until > now:
            return "a call is under way"
        missing = [name for name in self.needs if entity is not None and name not in entity.links]
        if missing:
            return f"it waits for the person's record in {' and '.join(missing)}"
        if self.due_at > now:
            return f"it is tried again at {for_people(self.due_at)}: {self.error or 'no words were kept'}"
        return "it is due, and goes with the next call"


@dataclass(frozen=True, slots=True)
class Look:
    """One link with all that is known of its two sides at one moment."""

    entity: Entity
    link: Link
    record: Record | None  # as just read; ``None``: the CRM does not show it
    mirrored: Mirrored | None = None
    row: OutboxRow | None = None
    is_read_next: bool = False  # a fetch of the record is wanted
    is_decided_next: bool = False  # an event about the record or the lead waits
    holder: str | None = None  # another lead or account whose the record is, too
    holds: Mapping[str, int] = field(default_factory=dict)  # vendor field -> number in the hold queue

    @property
    def kind(self) -> EntityKind:
        """Say whether it is a person's, a company's or a deal's."""
        if isinstance(self.entity, Deal):
            return EntityKind.DEAL
        return EntityKind.ACCOUNT if isinstance(self.entity, Account) else EntityKind.LEAD

    @property
    def next(self) -> str:
        """Say what is about to happen, where something is."""
        if self.is_decided_next:
            return "that was read, and is about to be decided"
        return "it is about to be read" if self.is_read_next else ""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules by which the links of one connection are judged."""

    crm: CrmMap
    lifecycle: Lifecycle
    people: Teammates
    now: datetime
    is_written: bool
    missing_is_gone: bool
