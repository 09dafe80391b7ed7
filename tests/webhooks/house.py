"""Builders for the receivers' tests: a playbook of given sources, an inbox that behaves, a client."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry

from mappings.playbook import Playbook, Source
from model.errors import StoreBusy
from model.event import Event
from sync.inbox import Receipt
from tests.builders import a_playbook, a_source, place
from webhooks.callers import Hooks
from webhooks.server import create_app
from webhooks.signatures import SecretOf

HERE = place()
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class StandingClock:
    """A clock that shows what it was set to."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


class Inbox:
    """An inbox in memory that keeps its promise: an event once by id, a body once within its window."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.is_busy = False

    def append(self, events: Sequence[Event]) -> Sequence[Receipt]:
        if self.is_busy:
            raise StoreBusy("the disk is full of payloads nobody should see")
        return [self._append(event) for event in events]

    def _append(self, event: Event) -> Receipt:
        for known in self.events:
            if known.source != event.source:
                continue
            same_body = event.body_hash and known.body_hash == event.body_hash
            if known.event_id == event.event_id or (same_body and known.hash_expires_at > event.received_at):
                return Receipt(known.event_id, duplicate=True)
        self.events.append(event)
        return Receipt(event.event_id, duplicate=False)


def sources_of(*sources: Source) -> Playbook:
    """Return a playbook of these sources."""
    return a_playbook(sources={source.name: source for source in sources})


@dataclasses.dataclass
class House:
    """The app with everything it was handed, each open to change."""

    inbox: Inbox
    clock: StandingClock
    playbook: Playbook
    secrets: dict[str, str]
    checks: dict[str, object]
    client: FlaskClient


def a_house(
    *sources: Source,
    secrets: Mapping[str, str] | None = None,
    secret_of: SecretOf | None = None,
    hooks: Hooks | None = None,
) -> House:
    house = House(
        Inbox(), StandingClock(), sources_of(*sources or (a_source(),)), dict(secrets or {}), {}, None
    )
    app = create_app(
        append=lambda events: house.inbox.append(events),
        playbook=lambda: house.playbook,
        secret_of=secret_of or (lambda name: house.secrets.get(name)),
        clock=house.clock,
        checks=house.checks,
        registry=CollectorRegistry(),
        hooks=hooks,
    )
    house.client = app.test_client()
    return house
