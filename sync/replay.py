"""Sending what was set aside on its way again: each replay is a new event that names the old."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mappings.identity import keys_of
from model.event import Event, EventKind, JsonValue
from model.times import to_text
from sync import effect_books, explain, outbox
from sync.effect_books import EffectLetter
from sync.lists import effects_statement, letters_statement
from sync.outbox import DeadLetter
from sync.retention import REMOVED, SAYS_SOMETHING
from sync.tables import inbox_events, outbox_changes, outbox_effects, to_json

SET_ASIDE = ("quarantined", "review", "spam", "dead")
"""Where an event waits for a person; from here it can be replayed."""
MOST = 10_000  # dead letters of each kind that are sent again in one go


def unfit(snapshot: Connection, space: str, number: int) -> str | None:
    """Say why an event cannot be replayed, if it cannot."""
    event = explain.set_aside(snapshot, space, number)
    if event is None:
        return f"There is no event {number}."
    if event["state"] not in SET_ASIDE:
        return f"Event {number} is not set aside: it ended as {event['state']}."
    if REMOVED in (event["payload"] or {}):
        return f"Event {number} cannot be replayed: its term had passed, and what was posted was removed."
    return None


def verdict(snapshot: Connection, space: str, lead: str) -> str | None:
    """Return the lead that a person says an event is of, or ``new``; ``None`` for nobody known."""
    return lead if lead == "new" else explain.find_lead(snapshot, space, lead, keys_of(lead))


def of_events(
    snapshot: Connection,
    space: str,
    ids: Sequence[int],
    *,
    by: str,
    now: datetime,
    overrides: Mapping[str, JsonValue] | None = None,
) -> list[Event]:
    """Return the replay events for these inbox rows; unknown ids are left out.

    A replay that was itself set aside is decided from what first came in, with what was
    corrected then and now.
    """
    c = inbox_events.c
    rows = snapshot.execute(
        sa.select(c.id, c.source, c.kind, c.payload, c.occurred_at)
        .where(c.space == space, c.id.in_(ids))
        .order_by(c.id)
    )
    return [
        Event(
            source=row.source,
            event_id=f"replay-{row.id}-{to_text(now)}",
            kind=EventKind.REPLAY,
            payload={"event": row.id, "by": by, **_begun(row, overrides or {})},
            occurred_at=row.occurred_at,
            received_at=now,
            space=space,
        )
        for row in rows
    ]


def _begun(row: Any, overrides: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return which event first came in, and all that a person has corrected of it."""
    if row.kind != EventKind.REPLAY:
        return {"came_in": row.id, "overrides": dict(overrides)}
    earlier = row.payload
    came_in = earlier.get("came_in", earlier.get("event", row.id))
    return {"came_in": came_in, "overrides": {**(earlier.get("overrides") or {}), **overrides}}


def named(event: Event) -> tuple[int, ...]:
    """Return the rows a replay names: what was set aside, and what first came in; none for other events."""
    if event.kind is not EventKind.REPLAY or "event" not in event.payload:
        return ()
    aside = event.payload["event"]
    rows = (aside, event.payload.get("came_in", aside))
    return rows if all(isinstance(row, int) for row in rows) else ()


def of_dead_letters(
    snapshot: Connection, space: str, *, by: str, now: datetime, only: Sequence[int] | None = None
) -> list[Event]:
    """Return the replay events for changes that were given up, all of them or the named ones."""
    return [
        Event(
            source=letter.connection,
            event_id=f"replay-change-{letter.id}-{to_text(now)}",
            kind=EventKind.REPLAY,
            payload={
                "by": by,
                "change": {
                    "connection": letter.connection,
                    "object": letter.object,
                    "lead_id": letter.lead_id,
                    "kind": str(letter.kind),
                },
            },
            occurred_at=now,
            received_at=now,
            space=space,
        )
        for letter in _letters(snapshot, space, only)
    ]


def of_dead_effects(
    snapshot: Connection, space: str, *, by: str, now: datetime, only: Sequence[int] | None = None
) -> list[Event]:
    """Return the replay events for tasks and messages that were given up, all of them or the named ones."""
    return [
        Event(
            source=letter.target,
            event_id=f"replay-effect-{letter.id}-{to_text(now)}",
            kind=EventKind.REPLAY,
            payload={
                "by": by,
                "effect": {
                    "id": letter.id,
                    "kind": letter.kind,
                    "target": letter.target,
                    "lead_id": letter.lead_id,
                },
            },
            occurred_at=now,
            received_at=now,
            space=space,
        )
        for letter in _effects(snapshot, space, only)
    ]


def _letters(snapshot: Connection, space: str, only: Sequence[int] | None) -> list[DeadLetter]:
    if only is None:
        return outbox.dead_letters(snapshot, space, limit=MOST)
    statement = letters_statement(space, None, MOST).where(outbox_changes.c.id.in_(only))
    return [outbox.letter_of(row) for row in snapshot.execute(statement)]


def _effects(snapshot: Connection, space: str, only: Sequence[int] | None) -> list[EffectLetter]:
    if only is None:
        return effect_books.dead_letters(snapshot, space, limit=MOST)
    statement = effects_statement(space, None, MOST).where(outbox_effects.c.id.in_(only))
    return [EffectLetter(*row) for row in snapshot.execute(statement)]


def set_aside(snapshot: Connection, space: str, states: Sequence[str], limit: int = 10_000) -> list[int]:
    """Return the row ids of events that ended in one of these states and can be replayed, oldest first."""
    c = inbox_events.c
    statement = (
        sa.select(c.id)
        .where(c.space == space, c.state.in_(states), SAYS_SOMETHING)
        .order_by(c.id)
        .limit(limit)
    )
    return list(snapshot.execute(statement).scalars())


def as_json(events: Sequence[Event]) -> str:
    """Write replay and forget events for the daemon's local API."""
    return to_json(
        [
            {
                "source": event.source,
                "event_id": event.event_id,
                "kind": str(event.kind),
                "payload": dict(event.payload),
                "occurred_at": to_text(event.occurred_at),
            }
            for event in events
        ]
    )
