"""Which account a lead belongs to, where evidence is not enough: what waits for a person, and the word."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from handlers.account import KIND
from model.event import Event, EventKind
from model.lead import PERSON
from model.times import to_text
from sync import accounts, leads
from sync.tables import accounts as account_rows
from sync.tables import audit, audit_details, reviews

_R, _A = reviews.c, account_rows.c
_OPEN = sa.and_(_R.kind == KIND, _R.state == "open")


@dataclass(frozen=True, slots=True)
class Asked:
    """A lead and one of the accounts that it may belong to."""

    lead: str
    email: str
    company: str
    account: str
    name: str
    domain: str
    since: datetime
    likely: float | None = None  # that it is this one, as it was when it was asked; ``None``: not kept
    evidence: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {**asdict(self), "since": to_text(self.since)}


def count_open(snapshot: Connection, space: str) -> int:
    """Return how many leads wait."""
    asked = sa.select(sa.func.count(_R.lead_id.distinct())).where(_R.space == space, _OPEN)
    return int(snapshot.execute(asked).scalar_one())


def open_ones(snapshot: Connection, space: str, *, limit: int) -> list[Asked]:
    """Return what waits for a person, the longest first; only of leads and accounts that there are."""
    return _read(snapshot, sa.and_(_R.space == space, _R.lead_id.is_not(None)), limit)


def of_lead(snapshot: Connection, space: str, lead_id: str) -> list[Asked]:
    """Return the accounts about which is asked of one lead."""
    return _read(snapshot, sa.and_(_R.space == space, _R.lead_id == lead_id), 1)


def _read(snapshot: Connection, which: sa.ColumnElement[bool], limit: int) -> list[Asked]:
    """Return the newest question of each lead, the longest waiting first."""
    newest = sa.select(sa.func.max(_R.id)).where(which, _OPEN).group_by(_R.lead_id)
    asked = sa.select(_R.lead_id, _R.detail, _R.created_at, _R.event).where(_R.id.in_(newest))
    rows = snapshot.execute(asked.order_by(_R.id).limit(limit)).all()
    people = leads.load(snapshot, {row.lead_id for row in rows}, ledgers=False)
    known = accounts.load(snapshot, {one for row in rows for one in row.detail["accounts"]})
    told = _evidence(snapshot, {row.event for row in rows})
    return [
        Asked(
            row.lead_id,
            str(people[row.lead_id].get("email") or ""),
            str(people[row.lead_id].get("company") or ""),
            one,
            str(known[one].get("name") or ""),
            known[one].domain,
            row.created_at,
            *told.get((row.lead_id, f"account {one}"), (None, "")),
        )
        for row in rows
        if row.lead_id in people
        for one in row.detail["accounts"]
        if one in known
    ]


def _evidence(snapshot: Connection, events: Collection[int]) -> dict[tuple[str, str], tuple[float, str]]:
    """Return how likely each candidate was and by what, as these events said; by lead and candidate."""
    if not events:
        return {}
    statement = sa.select(audit.c.lead_id, audit_details.c.details).where(
        audit_details.c.audit_id == audit.c.id, audit.c.event.in_(events)
    )
    return {
        (row.lead_id, each["who"]): (each["likely"], each["evidence"])
        for row in snapshot.execute(statement)
        for reason in row.details.get("reasons", ())
        if reason["handler"] == "account"
        for each in reason.get("candidates", ())
    }


def find(snapshot: Connection, space: str, who: str) -> str | None:
    """Return the account of an id or a domain."""
    is_it = sa.or_(_A.id == who, _A.domain == who.strip().lower())
    return snapshot.execute(sa.select(_A.id).where(_A.space == space, is_it)).scalars().first()


def answer_event(space: str, lead_id: str, account_id: str, *, by: str, now: datetime) -> Event:
    """Return the event of a person's word; a blank account: none of those it looks like."""
    return Event(
        source=PERSON,
        event_id=f"account-{lead_id}-{to_text(now)}",
        kind=EventKind.ANSWER,
        payload={"lead_id": lead_id, "account": account_id, "by": by},
        occurred_at=now,
        received_at=now,
        space=space,
    )
