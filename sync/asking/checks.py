"""Captchas of posts: a token is checked like any question, and by its verdict the post is decided again.

The post waits in quarantine meanwhile; the verdict is a replay of it, so that nothing is lost and a person
may send it on its way before. The token is in the question alone, until it is answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mappings.captchas import Checked
from mappings.playbook import CAPTCHA
from model.decision import AskCaptcha, one_shot_key
from model.event import CAPTCHA_TOKEN, Event, EventKind, JsonValue
from sync.asking.asks import Ask
from sync.result import Result
from sync.tables import asks, inbox_events

KEPT = timedelta(days=7)  # how long it is known what became of a token


def rows(space: str, results: Sequence[Result], now: datetime) -> list[dict[str, Any]]:
    """Return the questions that these decisions raise about tokens."""
    return [
        {
            "space": space,
            "key": one_shot_key("captcha", result.stored.id),
            "provider": f"{CAPTCHA}{effect.source}",
            "lead_id": None,
            "event": result.stored.id,
            "asked": one_shot_key("token", result.stored.id)[:40],
            "told": dict(effect.told),
            "state": "waiting",
            "attempts": 0,
            "due_at": now,
            "raised_at": now,
        }
        for result in results
        for effect in result.effects
        if isinstance(effect, AskCaptcha)
    ]


def drop_tokens(connection: Connection, results: Sequence[Result]) -> None:
    """Take the tokens out of the posts that were decided: the question has them, as long as it is open."""
    for result in results:
        stored = result.stored
        if CAPTCHA_TOKEN not in stored.event.payload or stored.replays is not None:
            continue
        payload = {name: value for name, value in stored.event.payload.items() if name != CAPTCHA_TOKEN}
        statement = sa.update(inbox_events).where(inbox_events.c.id == stored.id)
        connection.execute(statement.values(payload=payload))


def verdict(ask: Ask, said: Checked, space: str, now: datetime) -> Event:
    """Return the event that has the post decided again, by what became of its token."""
    checked: Mapping[str, JsonValue] = {"verdict": said.verdict, "why": said.why, "of": ask.event}
    return Event(
        source=ask.provider.removeprefix(CAPTCHA),
        event_id=f"{ask.key}-{said.verdict}",
        kind=EventKind.REPLAY,
        payload={
            "event": ask.event,
            "came_in": ask.event,
            "by": "captcha",
            "overrides": {"captcha": dict(checked)},
        },
        occurred_at=now,
        received_at=now,
        space=space,
    )


def drop_old(connection: Connection, space: str, now: datetime) -> int:
    """Remove what is kept of tokens that were checked long ago; return how many."""
    q = asks.c
    old = (q.space == space, q.lead_id.is_(None), q.settled_at < now - KEPT)
    return connection.execute(sa.delete(asks).where(*old)).rowcount
