"""What the store tells of providers: what was spent, how questions ended, what was said of a lead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.event import EventKind, JsonValue
from sync.asking import spending
from sync.asking.asks import ANSWERED, CAPPED, FAILED, LEASED, UNKNOWN, WAITING
from sync.asking.spending import Spent
from sync.tables import asks, inbox_events

OF_LATE = timedelta(hours=1)  # in which a provider without answers is in trouble

_q = asks.c


@dataclass(slots=True)
class ProviderCount:
    """How a provider's questions ended, and what was spent on it."""

    waiting: int = 0
    answered: int = 0
    cached: int = 0  # by an earlier answer, without a call
    unknown: int = 0  # it knew nothing
    failed: int = 0
    capped: int = 0  # not asked, for the cap was reached
    today: Spent = field(default_factory=Spent)
    month: Spent = field(default_factory=Spent)
    trouble: str = ""  # why the last question of late has no answer

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)


def read(snapshot: Connection, space: str, now: datetime) -> dict[str, ProviderCount]:
    """Count the questions to each provider by their index, and what was spent this day and month."""
    found: dict[str, ProviderCount] = {}
    by_state = sa.select(_q.provider, _q.state, sa.func.count()).where(_q.space == space)
    for provider, state, number in snapshot.execute(by_state.group_by(_q.provider, _q.state)):
        count = found.setdefault(provider, ProviderCount())
        name = WAITING if state == LEASED else state
        setattr(count, name, getattr(count, name) + int(number))
    for (provider, period), spent in spending.read(snapshot, space, now).items():
        count = found.setdefault(provider, ProviderCount())
        if period == "day":
            count.today = spent
        else:
            count.month = spent
    for provider, why in troubled(snapshot, space, now).items():
        found[provider].trouble = why
    return found


def troubled(snapshot: Connection, space: str, now: datetime) -> Mapping[str, str]:
    """Return the providers whose last question of late ended without an answer, and why."""
    ended = (
        sa.select(_q.provider, _q.state, sa.func.max(_q.settled_at).label("at"))
        .where(
            _q.space == space,
            _q.state.in_((ANSWERED, UNKNOWN, FAILED, CAPPED)),
            _q.settled_at > now - OF_LATE,
        )
        .group_by(_q.provider, _q.state)
    )
    last: dict[str, Any] = {}
    for row in snapshot.execute(ended):
        if row.provider not in last or row.at >= last[row.provider].at:
            last[row.provider] = row
    found = {}
    for provider, row in sorted(last.items()):
        if row.state in (FAILED, CAPPED):
            of_row = (
                _q.space == space,
                _q.provider == provider,
                _q.state == row.state,
                _q.settled_at == row.at,
            )
            found[provider] = str(snapshot.execute(sa.select(_q.error).where(*of_row).limit(1)).scalar_one())
    return found


WORDS = {
    "waiting": "is asked at",
    "answered": "answered",
    "cached": "answered by what it said before",
    "unknown": "knows nothing",
    "failed": "gave no answer",
    "capped": "was not asked",
}


@dataclass(frozen=True, slots=True)
class Told:
    """A question about a lead: how it stands, and what was said; ``said`` is by path, as it was kept."""

    provider: str
    state: str
    at: datetime  # when it ended; of one that waits: when it is asked
    calls: int
    error: str | None
    said: Mapping[str, JsonValue]

    @property
    def words(self) -> str:
        """How it stands, after the provider's name."""
        return WORDS[self.state]


def of_lead(snapshot: Connection, lead_id: str) -> list[Told]:
    """Return the questions about a lead, the oldest first."""
    rows = snapshot.execute(sa.select(asks).where(_q.lead_id == lead_id).order_by(_q.id)).all()
    if not rows:
        return []
    e = inbox_events.c
    kind = str(EventKind.ENRICHED)
    payloads = snapshot.execute(
        sa.select(e.payload).where(e.lead_id == lead_id, e.kind == kind).order_by(e.id)
    ).scalars()
    said = {one["asked"]: one["values"] for one in payloads if "asked" in one}  # later retention empties them
    return [
        Told(
            row.provider,
            WAITING if row.state == LEASED else row.state,
            row.settled_at or row.due_at,
            row.attempts,
            row.error,
            said.get(row.asked) or {},
        )
        for row in rows
    ]
