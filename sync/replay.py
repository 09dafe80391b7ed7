"""Sending what was set aside on its way again: each replay is a new event that names the old."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.event import Event, EventKind, JsonValue
from model.times import to_text
from sync.outbox import dead_letters
from sync.tables import inbox_events, to_json


def of_events(
    snapshot: Connection,
    space: str,
    ids: Sequence[int],
    *,
    by: str,
    now: datetime,
    overrides: Mapping[str, JsonValue] | None = None,
) -> list[Event]:
    """Return the replay events for these inbox rows; unknown ids are left out."""
    c = inbox_events.c
    rows = snapshot.execute(
        sa.select(c.id, c.source, c.occurred_at).where(c.space == space, c.id.in_(ids)).order_by(c.id)
    )
    return [
        Event(
            source=row.source,
            event_id=f"replay-{row.id}-{to_text(now)}",
            kind=EventKind.REPLAY,
            payload={"event": row.id, "by": by, "overrides": dict(overrides or {})},
            occurred_at=row.occurred_at,
            received_at=now,
            space=space,
        )
        for row in rows
    ]


def of_dead_letters(
    snapshot: Connection, space: str, *, by: str, now: datetime, only: Sequence[int] | None = None
) -> list[Event]:
    """Return the replay events for changes that were given up, all of them or the named ones."""
    letters = dead_letters(snapshot, space, limit=10_000)
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
                },
            },
            occurred_at=now,
            received_at=now,
            space=space,
        )
        for letter in letters
        if only is None or letter.id in only
    ]


def set_aside(snapshot: Connection, space: str, states: Sequence[str], limit: int = 10_000) -> list[int]:
    """Return the row ids of events that ended in one of these states, oldest first."""
    c = inbox_events.c
    statement = sa.select(c.id).where(c.space == space, c.state.in_(states)).order_by(c.id).limit(limit)
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
