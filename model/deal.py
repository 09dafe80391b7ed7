"""The canonical deal (a Salesforce Opportunity): what is being sold to whom, and how it ended."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from model.event import JsonValue
from model.lead import Link, Provenance

DEAL_FIELDS: Mapping[str, type] = {
    "name": str,
    "stage": str,  # one of deals.yaml
    "pipeline": str,  # follows from the stage
    "outcome": str,  # follows from the stage: ``Outcome``
    "amount": str,  # an exact decimal: "12500.00"; never a float
    "currency": str,  # ISO 4217; blank: the one of deals.yaml
    "close_date": str,  # a day of the calendar, "2026-11-30"
    "owner": str,  # a teammate's e-mail
    "won_reason": str,
    "lost_reason": str,
    "description": str,
}

DERIVED = frozenset({"pipeline", "outcome"})
"""Fields that follow from the stage."""

PEOPLE = "leadrelay:people"
"""Key among a deal record's fields: the ids of the people who take part, the primary one first.

Not a field of the vendor's: it holds a colon, which no field name does.
"""

COMPANIES = "leadrelay:companies"
"""Key among a deal record's fields: the ids of the companies it is associated with, the primary one first."""

PARTIES = (PEOPLE, COMPANIES)

STRANGERS = "leadrelay:strangers"
"""Key in the shadow of a deal's link: those of its people who were no leads when the record was merged."""


class Outcome(StrEnum):
    """How a deal stands."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Party:
    """A lead, or the account, that takes part in a deal."""

    id: str  # a lead's or an account's
    is_primary: bool = False
    is_account: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How a deal stands: what its people hear of it."""

    id: str
    outcome: str
    stage: str  # blank where it is not known
    closed_at: datetime | None


@dataclass(slots=True)
class Deal:
    """A deal: what the CRMs say of it, and whose it is. An absent key of ``fields`` and ``None`` mean blank.

    ``closed_at`` is when it became won or lost, by the clock of the CRM where somebody said so; ``None``
    while it is open.
    """

    id: str
    space: str = "main"
    fields: dict[str, JsonValue] = field(default_factory=dict)
    provenance: dict[str, Provenance] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)  # connection -> link
    parties: tuple[Party, ...] = ()  # the primary lead first
    closed_at: datetime | None = None
    created_at: datetime | None = None
    version: int = 0  # 0: not stored yet

    def get(self, name: str) -> Any:
        """Return a field's value; ``None`` when blank."""
        return self.fields.get(name)

    @property
    def outcome(self) -> str:
        """How it stands; one whose stage is not known is open."""
        return str(self.fields.get("outcome") or Outcome.OPEN)

    @property
    def is_gone(self) -> bool:
        """Say whether its records were deleted, all of them: it counts for nobody any more."""
        return bool(self.links) and all(link.gone_at is not None for link in self.links.values())

    @property
    def standing(self) -> Standing:
        """How it stands."""
        return Standing(self.id, self.outcome, str(self.get("stage") or ""), self.closed_at)

    @property
    def lead_ids(self) -> tuple[str, ...]:
        """The leads who take part, the primary one first."""
        return tuple(party.id for party in self.parties if not party.is_account)

    @property
    def party_ids(self) -> tuple[str, ...]:
        """The leads and the account."""
        return tuple(party.id for party in self.parties)

    @property
    def account_id(self) -> str | None:
        """The account it is with."""
        return next((party.id for party in self.parties if party.is_account), None)

    @property
    def reason(self) -> str | None:
        """Why it was won or lost, where somebody said so."""
        return self.fields.get(f"{self.outcome}_reason")


def plain_name(name: JsonValue) -> str:
    """Return a deal's name as names are compared: case and spacing do not count."""
    return " ".join(str(name or "").casefold().split())


def deal_id(space: str, connection: str, remote_id: str) -> str:
    """Derive a deal's id from the record it is adopted from, so that the same events give the same deals."""
    return f"de_{_hash(space, connection, remote_id)}"


def party_id(deal: str, party: str) -> str:
    """Derive the id of somebody's part in a deal."""
    return f"dp_{_hash(deal, party)}"


def _hash(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:24]


def copy_of(deal: Deal) -> Deal:
    """Return a draft: changing it leaves the deal as it was."""
    draft = copy.copy(deal)
    draft.fields = dict(deal.fields)
    draft.provenance = dict(deal.provenance)
    draft.links = dict(deal.links)
    return draft
