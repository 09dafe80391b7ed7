"""Leads that wait for a person to approve or disqualify them, with what helps to decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from handlers.points import points
from mappings.playbook import Playbook
from mappings.reviewing import KIND
from model.account import Account
from model.deal import Deal
from model.event import Event, EventKind
from model.lead import PERSON, Activity, Lead, Touch
from model.times import to_text
from sync import accounts, deal_books, leads
from sync.alike import pairs
from sync.alike.pairs import Pair
from sync.tables import reviews

_R = reviews.c
_OPEN = sa.and_(_R.kind == KIND, _R.state == "open")


@dataclass(frozen=True, slots=True)
class Card:
    """A lead that waits, as it is now."""

    lead: Lead
    since: datetime
    score_reasons: Sequence[str]
    touches: Sequence[Touch]  # the newest first
    pairs: Sequence[Pair]  # with whom it may be one person
    deeds: Sequence[Activity] = ()  # what the person did, by posts and in the CRMs, the newest first
    company: Account | None = None
    deals: Sequence[Deal] = ()  # in which the person takes part, the newest first

    @property
    def name(self) -> str:
        """Return what people know the lead by."""
        return str(self.lead.get("email") or self.lead.id)

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {
            "lead": self.lead.id,
            "email": self.lead.get("email"),
            "stage": self.lead.stage,
            "score": self.lead.score,
            "band": self.lead.get("band"),
            "since": to_text(self.since),
            "score_reasons": list(self.score_reasons),
            "touches": [{"at": to_text(one.at), **one.fields} for one in self.touches],
            "activities": [{"at": to_text(one.at), "kind": one.kind} for one in self.deeds],
            "company": self.company and {"id": self.company.id, "name": self.company.get("name")},
            "deals": [
                {"id": one.id, "outcome": one.outcome, "stage": one.get("stage"), "amount": one.get("amount")}
                for one in self.deals
            ],
            "pairs": [one.as_json() for one in self.pairs],
        }


def count_open(snapshot: Connection, space: str) -> int:
    """Return how many leads wait."""
    asked = sa.select(sa.func.count(_R.lead_id.distinct())).where(_R.space == space, _OPEN)
    return int(snapshot.execute(asked).scalar_one())


def open_ones(
    snapshot: Connection, space: str, playbook: Playbook, now: datetime, *, limit: int
) -> list[Card]:
    """Return what waits, the longest first."""
    since = sa.func.min(_R.created_at)
    number = sa.func.min(_R.id)
    asked = sa.select(_R.lead_id, since.label("since")).where(
        _R.space == space, _OPEN, _R.lead_id.is_not(None)
    )
    found = {
        row.lead_id: row.since
        for row in snapshot.execute(asked.group_by(_R.lead_id).order_by(number).limit(limit))
    }
    known = leads.load(snapshot, set(found))
    return [_card(snapshot, known[one], at, playbook, now) for one, at in found.items() if one in known]


def _card(snapshot: Connection, lead: Lead, since: datetime, playbook: Playbook, now: datetime) -> Card:
    waiting = [one for one in pairs.of_lead(snapshot, lead.id) if one.state == pairs.OPEN]
    lines = [because.text for because in points(lead, playbook.scoring, now).lines]
    company = str(lead.get("account") or "")
    return Card(
        lead,
        since,
        lines,
        sorted(lead.touches, key=lambda touch: touch.at, reverse=True),
        waiting,
        sorted(lead.deeds(), key=lambda deed: deed.at, reverse=True),
        accounts.load(snapshot, [company]).get(company) if company else None,
        [one for one in deal_books.of_lead(snapshot, lead.id) if not one.is_gone],
    )


def answer_event(space: str, lead_id: str, verdict: str, reason: str, *, by: str, now: datetime) -> Event:
    """Return the event of a person's verdict."""
    return Event(
        source=PERSON,
        event_id=f"verdict-{lead_id}-{to_text(now)}",
        kind=EventKind.ANSWER,
        payload={"lead_id": lead_id, "verdict": verdict, "reason": reason, "by": by},
        occurred_at=now,
        received_at=now,
        space=space,
    )
