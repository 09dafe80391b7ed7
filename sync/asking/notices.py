"""Leads that a notice names: each is asked for like any question, and put with its post.

The post waits in quarantine meanwhile. What was read becomes its body, and a replay has it decided, so that
nothing is lost and what could not be read is asked for again when a person sends it on its way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mappings.lead_ads import body_of
from mappings.playbook import LEAD_ADS, LeadAds
from model.decision import AskLead, one_shot_key
from model.event import LEAD_READ, Event, EventKind, JsonValue
from model.times import to_text
from sync.asking.asks import Ask
from sync.result import Result
from sync.tables import inbox_events

_E = inbox_events.c


def rows(space: str, results: Sequence[Result], now: datetime) -> list[dict[str, Any]]:
    """Return the questions that these decisions raise about leads."""
    return [
        {
            "space": space,
            "key": one_shot_key("lead", result.stored.id),
            "provider": f"{LEAD_ADS}{effect.source}",
            "lead_id": None,
            "event": result.stored.id,
            "asked": one_shot_key("notice", result.stored.id)[:40],
            "told": {"lead": effect.number},
            "state": "waiting",
            "attempts": 0,
            "due_at": now,
            "raised_at": now,
        }
        for result in results
        for effect in result.effects
        if isinstance(effect, AskLead)
    ]


def put(
    connection: Connection, ask: Ask, setting: LeadAds, answer: Mapping[str, JsonValue], now: datetime
) -> None:
    """Let what was read be the body of the post that named it."""
    post = _post(connection, ask)
    if post is None:  # it was erased
        return
    payload: Mapping[str, Any] = post.payload
    body = body_of(setting.kind, payload.get("body") or {}, answer)
    read = {**payload, "body": body, LEAD_READ: to_text(now)}
    connection.execute(sa.update(inbox_events).where(_E.id == post.id).values(payload=read))


def arrived(connection: Connection, ask: Ask, why: str, space: str, now: datetime) -> list[Event]:
    """Return the event that has the post decided again; ``why`` its lead was not read, blank where it was."""
    post = _post(connection, ask)
    if post is None:
        return []
    said: dict[str, JsonValue] = {"lead_ads": {"why": why, "of": ask.event}} if why else {}
    return [
        Event(
            source=post.source,
            event_id=f"{ask.key}-{'unread' if why else 'read'}",
            kind=EventKind.REPLAY,
            payload={"event": ask.event, "came_in": post.id, "by": "lead ads", "overrides": said},
            occurred_at=now,
            received_at=now,
            space=space,
        )
    ]


def _post(connection: Connection, ask: Ask) -> Any:
    """Return the post whose notice named the lead: what was asked for, or what first came in of it."""
    asked = sa.select(_E.id, _E.source, _E.kind, _E.payload)
    row = connection.execute(asked.where(_E.id == ask.event)).first()
    if row is None or row.kind != EventKind.REPLAY:
        return row
    return connection.execute(asked.where(_E.id == row.payload.get("came_in"))).first()
