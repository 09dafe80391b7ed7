"""Sending what was set aside on its way again: each replay is a new event that names the old."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mappings.values.identity import keys_of
from model.event import IMPORT, Event, EventKind, JsonValue
from model.times import to_text
from sync import explain
from sync.keeping.retention import REMOVED
from sync.replays import letters
from sync.replays.letters import ASIDE as SET_ASIDE
from sync.replays.letters import CHANGE, Letter, Shelf
from sync.tables import inbox_events, to_json


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
    corrected then and now. The same correction of an event gives the same id, so that a second click is none.
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
            event_id=_once(row.id, overrides or {}),
            kind=EventKind.REPLAY,
            payload={"event": row.id, "by": by, **_begun(row, overrides or {})},
            occurred_at=row.occurred_at,
            received_at=now,
            space=space,
        )
        for row in rows
    ]


def _once(row: int, overrides: Mapping[str, JsonValue]) -> str:
    said = json.dumps(dict(overrides), sort_keys=True)
    return f"replay-{row}-{hashlib.sha256(said.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _begun(row: Any, overrides: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return which event first came in, and all that a person has corrected of it."""
    batch = {IMPORT: row.payload[IMPORT]} if IMPORT in (row.payload or {}) else {}
    if row.kind != EventKind.REPLAY:
        return {"came_in": row.id, "overrides": dict(overrides), **batch}
    earlier = row.payload
    came_in = earlier.get("came_in", earlier.get("event", row.id))
    return {"came_in": came_in, "overrides": {**(earlier.get("overrides") or {}), **overrides}, **batch}


def named(event: Event) -> tuple[int, ...]:
    """Return the rows a replay names: what was set aside, and what first came in; none for other events."""
    if event.kind is not EventKind.REPLAY or "event" not in event.payload:
        return ()
    aside = event.payload["event"]
    rows = (aside, event.payload.get("came_in", aside))
    return rows if all(isinstance(row, int) for row in rows) else ()


def of_letters(letters: Sequence[Letter], space: str, *, by: str, now: datetime) -> list[Event]:
    """Return the replay events for changes, tasks and messages that were given up.

    An event's id follows from the letter and from when it was given up: however often it is asked for, it is
    sent again once, until it is given up anew.
    """
    return [
        Event(
            source=letter.place,
            event_id=f"replay-{letter.shelf}-{letter.id}-{letter.edition}",
            kind=EventKind.REPLAY,
            payload={"by": by, letter.shelf: _named(letter)},
            occurred_at=now,
            received_at=now,
            space=space,
        )
        for letter in letters
    ]


def _named(letter: Letter) -> dict[str, JsonValue]:
    """Return how a replay names a change, or a task or message."""
    if letter.shelf == CHANGE:
        return {
            "connection": letter.place,
            "object": letter.object,
            "lead_id": letter.lead_id,
            "kind": letter.kind,
        }
    return {"id": letter.id, "kind": letter.object, "target": letter.place, "lead_id": letter.lead_id}


def of_shelf(
    snapshot: Connection,
    space: str,
    shelf: Shelf,
    ids: Sequence[int],
    *,
    by: str,
    now: datetime,
    overrides: Mapping[str, JsonValue] | None = None,
) -> list[Event]:
    """Return the replay events for these letters of a shelf; those that lie there no more are left out.

    ``overrides`` are corrections of events; nothing else can be corrected.
    """
    if shelf.name in SET_ASIDE:
        return of_events(snapshot, space, ids, by=by, now=now, overrides=overrides)
    return of_letters(letters.load(snapshot, space, shelf, ids), space, by=by, now=now)


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
