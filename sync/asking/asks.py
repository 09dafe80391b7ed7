"""Questions to providers, each once by its key: raised with a decision, claimed, settled with an event.

waiting ─▶ leased ─▶ answered | unknown   the provider said something, or that it knows nothing
   ▲         ├─────▶ failed               it gave no answer, as often as it is asked
   └─────────┘                            put off
waiting ───────────▶ cached | capped      an earlier answer serves | nothing more may be spent
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.decision import AskProvider, one_shot_key
from model.event import JsonValue
from sync.database import insert_on
from sync.result import Result
from sync.statements import execute_many
from sync.tables import asks
from sync.tables.asking import ASK_OPEN

WAITING, LEASED, ANSWERED, CACHED = "waiting", "leased", "answered", "cached"
UNKNOWN, FAILED, CAPPED = "unknown", "failed", "capped"

_q = asks.c


@dataclass(frozen=True, slots=True)
class Ask:
    """A question as read; ``attempts`` are the calls that were made for it, this one included."""

    id: int
    key: str
    provider: str
    lead_id: str | None
    event: int
    asked: str
    told: Mapping[str, JsonValue]
    attempts: int
    raised_at: datetime


def asked_by(results: Sequence[Result]) -> list[tuple[Result, AskProvider]]:
    """Return the questions that these decisions raise."""
    return [
        (result, effect)
        for result in results
        for effect in result.effects
        if isinstance(effect, AskProvider) and result.lead_id
    ]


def insert(connection: Connection, space: str, results: Sequence[Result], now: datetime) -> None:
    """Insert questions whose key is new."""
    rows = [
        {
            "space": space,
            "key": one_shot_key("ask", result.lead_id or "", effect.provider, effect.asked),
            "provider": effect.provider,
            "lead_id": result.lead_id,
            "event": result.stored.id,
            "asked": effect.asked,
            "told": dict(effect.values),
            "state": WAITING,
            "attempts": 0,
            "due_at": now,
            "raised_at": now,
        }
        for result, effect in asked_by(results)
    ]
    insert_rows(connection, rows)


def insert_rows(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert questions whose key is new."""
    execute_many(connection, _inserting(connection.dialect.name), rows)


def of_leads(snapshot: Connection, lead_ids: Iterable[str]) -> list[tuple[str, tuple[str, str]]]:
    """Return what was asked about these leads: each with (provider, question)."""
    rows = snapshot.execute(OF_LEADS, {"ids": sorted(set(lead_ids))})
    return [(row.lead_id, (row.provider, row.asked)) for row in rows]


def are_due(snapshot: Connection, space: str, now: datetime, resting: Collection[str]) -> bool:
    """Say whether somebody is to be asked now, but for providers that rest."""
    return (
        snapshot.execute(_due(tuple(sorted(resting)), 1), {"of_space": space, "now": now}).first() is not None
    )


def lock_due(
    connection: Connection, space: str, now: datetime, resting: Collection[str], limit: int
) -> list[Ask]:
    """Read what has been due for longest and lock it against others who claim; in the order of providers."""
    statement = _due(tuple(sorted(resting)), limit).with_for_update(skip_locked=True)
    found: list[Ask] = [Ask(*row) for row in connection.execute(statement, {"of_space": space, "now": now})]
    return sorted(found, key=lambda one: (one.provider, one.id))


def under_way(
    connection: Connection, space: str, now: datetime, asked: Collection[str]
) -> set[tuple[str, str]]:
    """Return which of these questions are being asked just now, about whichever lead."""
    rows = connection.execute(
        sa.select(_q.provider, _q.asked).where(
            _q.space == space, ASK_OPEN, _q.state == LEASED, _q.lease_until > now, _q.asked.in_(sorted(asked))
        )
    )
    return {(row.provider, row.asked) for row in rows}


def lease(connection: Connection, ask: Ask, token: str, until: datetime) -> None:
    """Lease a question that the caller holds, for one call."""
    values = {"state": LEASED, "lease_token": token, "lease_until": until, "attempts": ask.attempts + 1}
    connection.execute(sa.update(asks).where(_q.id == ask.id).values(values))


def is_ours(connection: Connection, ask: Ask, token: str) -> bool:
    """Say whether a question is still under our lease, and lock it; one that was erased is nobody's."""
    held = sa.select(_q.id).where(_q.id == ask.id, _q.lease_token == token).with_for_update()
    return connection.execute(held).first() is not None


def settle(connection: Connection, ask: Ask, state: str, now: datetime, error: str = "") -> None:
    """Record how a question ended; what the provider was told is not needed any more."""
    values = {"state": state, "settled_at": now, "error": error or None, "told": {}} | NO_LEASE
    connection.execute(sa.update(asks).where(_q.id == ask.id).values(values))


def withdraw(connection: Connection, ask: Ask) -> None:
    """Remove a question that is not to be asked any more; it may be raised again."""
    connection.execute(sa.delete(asks).where(_q.id == ask.id))


def put_off(connection: Connection, ask: Ask, due_at: datetime, error: str) -> None:
    """Let a question wait until then."""
    values = {"state": WAITING, "due_at": due_at, "error": error} | NO_LEASE
    connection.execute(sa.update(asks).where(_q.id == ask.id).values(values))


def release_leases(connection: Connection, space: str, mark: str = "") -> int:
    """End the leases of a process that is dead, by its mark; without one all. The calls stay counted."""
    statement = sa.update(asks).where(_q.space == space, ASK_OPEN, _q.lease_token.startswith(mark))
    return connection.execute(statement.values(state=WAITING, **NO_LEASE)).rowcount


OPEN_HERE = sa.text("asks.state IN ('waiting', 'leased')")  # the condition of the index
NO_LEASE = {"lease_token": None, "lease_until": None}
OF_LEADS = sa.select(_q.lead_id, _q.provider, _q.asked).where(
    _q.lead_id.in_(sa.bindparam("ids", expanding=True))
)


@cache
def _inserting(dialect: str) -> sa.Insert:
    statement: sa.Insert = insert_on(dialect, asks).on_conflict_do_nothing(index_elements=["space", "key"])
    return statement


@cache
def _due(resting: tuple[str, ...], limit: int) -> sa.Select[Any]:
    columns = ("id", "key", "provider", "lead_id", "event", "asked", "told", "attempts", "raised_at")
    now = sa.bindparam("now", type_=_q.due_at.type)
    is_free = sa.or_(_q.lease_until.is_(None), _q.lease_until <= now)
    statement = sa.select(*(_q[name] for name in columns)).where(
        _q.space == sa.bindparam("of_space"), OPEN_HERE, _q.due_at <= now, is_free
    )
    # What is being asked about another lead waits for that answer, and does not stand in others' way.
    same = asks.alias("same").c
    is_asked = sa.exists().where(
        same.space == _q.space,
        same.provider == _q.provider,
        same.state == LEASED,
        same.asked == _q.asked,
        same.lease_until > now,
    )
    statement = statement.where(~is_asked)
    if resting:
        statement = statement.where(_q.provider.not_in(resting))
    return statement.order_by(_q.due_at, _q.id).limit(limit)
