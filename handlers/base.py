"""The shape of a handler and what it may look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from handlers.workload import Workload
from mappings.playbook import Playbook
from mappings.reading import Reading
from model.account import Account, Likely
from model.deal import Deal
from model.decision import Decision, Reason
from model.event import JsonValue
from model.lead import Identity, Lead, Touch
from model.teammate import Teammate


@dataclass(frozen=True, slots=True)
class Seat:
    """A member's place in a pool's stride ledger."""

    virtual_time: float = 0.0
    last_assigned_seq: int = 0  # decided_seq of the last lead they got; 0: none yet
    clock: float | None = None  # where the pool's rotation stood then; ``None``: not kept by that version
    credit: int = 0  # leads they get before others, for those that were given back


class Lookups(Protocol):
    """Read-only facts that came in with the batch, earlier events of the batch included."""

    def lead_id_of(self, identity: Identity) -> str | None:
        """Return the lead a key belongs to."""

    def lead(self, lead_id: str) -> Lead:
        """Return a known lead."""

    def account(self, account_id: str) -> Account | None:
        """Return an account; ``None`` for one that nobody belongs to yet."""

    def accounts_like(self, fields: Mapping[str, JsonValue]) -> Likely:
        """Return the accounts that share a key with the company of these fields of a lead."""

    def deals_of(self, lead_id: str) -> Sequence[Deal]:
        """Return the deals in which a lead takes part, where the event is about one of them."""

    def teammate(self, email: str) -> Teammate | None:
        """Return a teammate by e-mail; ``None`` when no CRM lists that address."""

    def teammate_by_id(self, connection: str, remote_id: str) -> Teammate | None:
        """Return the teammate behind a CRM's owner or user id."""

    def rosters(self) -> frozenset[str]:
        """Return the connections whose owners have been read at least once."""

    def seats(self, pool: str) -> Mapping[str, Seat]:
        """Return the stride ledger of a pool: member e-mail -> seat. Absent: never served."""

    def workload(self) -> Workload:
        """Return who was given how much: only what ``routing.yaml`` asks for."""


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a handler may know besides the lead itself."""

    event: Reading | None  # ``None`` when the cause is not a sender's post (a CRM record was found)
    now: datetime  # decided_at
    lookups: Lookups
    playbook: Playbook
    seq: int = 0  # decided_seq
    is_new: bool = False  # the lead is being born of this event (known after ``identify``)
    account: Account | None = None  # the lead's, as the handlers before have left it
    event_id: int = 0  # row id of the event, as the provenance of what it brings names it
    touch: Touch | None = None  # a marketing contact that a CRM tells of, where there is no post
    reasons: Sequence[Reason] = ()  # what the handlers before this one said of this event


class Handler(Protocol):
    """A rule with its settings; pure, so the same events give the same result."""

    def __call__(self, lead: Lead, context: Context) -> Decision:
        """Return what should change and why; never change ``lead``."""
