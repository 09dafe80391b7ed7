"""Builders for the receivers' tests: a playbook of given sources, an inbox that behaves, a client."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry

from mappings.playbook import Lifecycle, Playbook, Routing, Scoring, Screening, Source, SourceAuth
from model.decision import Place
from model.errors import StoreBusy
from model.event import Event
from sync.inbox import Receipt
from webhooks.server import create_app

HERE = Place("sources/website.yaml", 1)
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
OPEN = SourceAuth(kind="none", place=HERE)


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


def a_source(name: str = "website", auth: SourceAuth = OPEN, **more: object) -> Source:
    return Source(name=name, place=HERE, auth=auth, fields=(), **more)


def a_playbook(*sources: Source) -> Playbook:
    return Playbook(
        version="0123456789ab",
        sources={source.name: source for source in sources},
        crms={},
        pipeline=(),
        screening=Screening(HERE),
        scoring=Scoring((), (), HERE),
        lifecycle=Lifecycle((), "prospect", (), HERE),
        routing=Routing((), {}, "all", HERE, HERE),
        pipeline_place=HERE,
        fields={},
    )


@dataclasses.dataclass
class House:
    """The app with everything it was handed, each open to change."""

    inbox: Inbox
    clock: StandingClock
    playbook: Playbook
    secrets: dict[str, str]
    checks: dict[str, object]
    client: FlaskClient


def a_house(*sources: Source, secrets: Mapping[str, str] | None = None) -> House:
    house = House(
        Inbox(), StandingClock(), a_playbook(*sources or (a_source(),)), dict(secrets or {}), {}, None
    )
    app = create_app(
        append=lambda events: house.inbox.append(events),
        playbook=lambda: house.playbook,
        secret_of=lambda name: house.secrets.get(name),
        clock=house.clock,
        checks=house.checks,
        registry=CollectorRegistry(),
    )
    house.client = app.test_client()
    return house
