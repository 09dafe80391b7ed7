"""What the store tells of one-shot effects: counts, dead letters, those of a lead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.edges.effects import LEASED, WAITING
from sync.tables import BLOCKED, outbox_effects

_E = outbox_effects.c


@dataclass(slots=True)
class EffectCount:
    """The one-shot effects of one connection or channel by where they ended."""

    waiting: int = 0  # on their way
    sent: int = 0
    unknown: int = 0  # the answer was lost, and nobody can be asked
    withheld: int = 0  # opted out, observed, not set up
    dead: int = 0


def counts(snapshot: Connection, space: str) -> dict[str, EffectCount]:
    """Count everything, by an index alone."""
    statement = (
        sa.select(_E.target, _E.state, sa.func.count()).where(_E.space == space).group_by(_E.target, _E.state)
    )
    return _counted(snapshot.execute(statement))


def blocked(snapshot: Connection, space: str) -> int:
    """Count what gates of consent keep back."""
    statement = sa.select(sa.func.count()).select_from(outbox_effects).where(_E.space == space, BLOCKED)
    return int(snapshot.execute(statement).scalar_one())


def unsent(snapshot: Connection, space: str) -> dict[str, EffectCount]:
    """Count all but what was sent, for a scrape: the index leaves that out, so it is not read."""
    return _counted(snapshot.execute(UNSENT, {"of_space": space}))


_target: sa.Label[str] = sa.literal_column("target || ''").label("of_target")
UNSENT = (
    sa.select(_target, _E.state, sa.func.count())
    .where(_E.space == sa.bindparam("of_space"), sa.text("state <> 'sent'"))
    .group_by(_target, _E.state)
)


def _counted(rows: Any) -> dict[str, EffectCount]:
    found: dict[str, EffectCount] = {}
    for target, state, number in rows:
        count = found.setdefault(target, EffectCount())
        name = WAITING if state == LEASED else state
        setattr(count, name, getattr(count, name) + number)
    return found


@dataclass(frozen=True, slots=True)
class EffectLetter:
    """A task or message that was given up, with the other side's words."""

    id: int
    kind: str
    target: str
    lead_id: str
    error: str
    at: datetime | None
    cause: str = ""  # ``model.cause``


def dead_letters(snapshot: Connection, space: str, limit: int = 100) -> list[EffectLetter]:
    """Read effects that were given up, oldest first."""
    statement = (
        sa.select(
            _E.id, _E.kind, _E.target, _E.lead_id, sa.func.coalesce(_E.error, ""), _E.settled_at, _E.cause
        )
        .where(_E.space == space, sa.text("state = 'dead'"))
        .order_by(_E.id)
        .limit(limit)
    )
    return [EffectLetter(*row) for row in snapshot.execute(statement)]


@dataclass(frozen=True, slots=True)
class EffectState:
    """How a task or message of a lead stands."""

    kind: str
    target: str
    rule: str
    state: str
    remote_id: str | None
    at: datetime  # settled, else raised
    error: str | None


def of_lead(snapshot: Connection, lead_id: str) -> list[EffectState]:
    """Read a lead's effects, oldest first."""
    return [state_of(row) for row in snapshot.execute(of_lead_statement(lead_id).order_by(_E.id))]


def of_lead_statement(lead_id: str) -> sa.Select[Any]:
    """Build the query of a lead's effects, in no order."""
    return sa.select(
        _E.kind, _E.target, _E.payload, _E.state, _E.remote_id, _E.settled_at, _E.raised_at, _E.error
    ).where(_E.lead_id == lead_id)


def state_of(row: Any) -> EffectState:
    """Read a row of ``of_lead_statement``."""
    return EffectState(
        row.kind,
        row.target,
        str(row.payload.get("rule", "")),
        WAITING if row.state == LEASED else row.state,
        row.remote_id,
        row.settled_at or row.raised_at,
        row.error,
    )
