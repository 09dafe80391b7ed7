"""What answers over HTTP: intake, pages, read API, the local API of commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy.engine import Connection

from connectors.salesforce.ids import long_id
from dashboard import api, confirming, pages
from dashboard.house import House
from leadrelay.browser import Browser
from leadrelay.callers import KnownCallers
from leadrelay.connections import Known
from leadrelay.desk import Desk
from leadrelay.fleet import Fleet
from leadrelay.golive.opening import Openings
from leadrelay.mailing import consent_links
from leadrelay.metrics import Metrics
from leadrelay.playbooks import PlaybookHolder
from leadrelay.settings import SPACE, Settings
from model.event import Event
from model.times import Clock
from sync import access, inbox
from sync.database import Store
from sync.inbox import Receipt
from sync.keeping.room import Room
from sync.replays import replaying
from sync.replays.replaying import Order
from webhooks import control
from webhooks.callers import Hooks
from webhooks.server import Check, Server, create_app, create_watch, serve

TAKEN_IN_SECONDS = 2.0  # that a page waits for a connection to be taken in, so that it shows it


@dataclass
class Reception:
    """The HTTP side of a process, put together of what it shows and hands in."""

    settings: Settings
    store: Store
    clock: Clock
    holder: PlaybookHolder
    fleet: Fleet
    metrics: Metrics
    room: Room
    facts: Callable[[], dict[str, Any]]
    checks: Mapping[str, Check]
    token: str  # of the local API
    told: Callable[[], Mapping[str, Any]] = dict  # what /readyz says beside its checks
    desk: Desk = field(init=False)
    openings: Openings = field(init=False)
    browser: Browser = field(init=False)

    def __post_init__(self) -> None:
        self.desk = Desk(self.settings, self.store, self.clock, self.fleet.grants, self.fleet.observe_at_once)
        self.openings = Openings(
            settings=self.settings,
            store=self.store,
            clock=self.clock,
            playbook=self.holder.playbook,
            budget_of=self.fleet.budget_of,
            desk=self.desk,
            grants=self.fleet.grants,
            space=SPACE,
        )
        self.browser = Browser(
            settings=self.settings,
            store=self.store,
            clock=self.clock,
            playbook=self.holder.playbook,
            connect=self.desk.save,
            leave=lambda name, by: self.desk.remove(name, by) or f"{name} is not connected.",
            on_change=partial(self.fleet.take_at_once, TAKEN_IN_SECONDS),
        )

    def listen(self) -> Server:
        """Bind the port; nothing is answered before the server is started. Raises ``OSError``."""
        app = create_app(
            append=self._take_in,
            playbook=self.holder.playbook,
            secret_of=self.settings.secret,
            clock=self.clock,
            checks=self.checks,
            registry=self.metrics.registry,
            told=self.told,
            hooks=self._hooks(),
            extra=[
                control.blueprint(self._local()),
                pages.blueprint(house := self._house()),
                api.blueprint(house),
                confirming.blueprint(house, consent_links(self.settings)),
            ],
        )
        return serve(app, self.settings.host, self.settings.port, self.settings.threads)

    def listen_for_operators(self) -> Server:
        """Bind the port of a process that receives nothing: health and figures. Raises ``OSError``."""
        app = create_watch(self.checks, self.metrics.registry, self.told)
        return serve(app, self.settings.host, self.settings.port, threads=2)

    def _hooks(self) -> Hooks:
        known = KnownCallers(self.settings, self.store, self.holder.playbook, SPACE)
        return Hooks(known.of, long_id, self.settings.public_url)

    def _local(self) -> control.Control:
        return control.Control(
            append=partial(inbox.append, self.store),
            clock=self.clock,
            token=self.token,
            facts=self.facts,
            act=self._act,
            desk=self.desk,
            replay=self._replay,
            playbook=self.holder.hand_in,
            space=SPACE,
        )

    def _house(self) -> House:
        return House(
            store=self.store,
            clock=self.clock,
            playbook=self.holder.playbook,
            facts=self.facts,
            writing=self._writing,
            files=self.holder.files,
            problems=self.holder.problems,
            checks=self.checks,
            record_url=self.fleet.record_url,
            openings=self.openings,
            grants=self.browser,
            is_open=self.settings.is_sandbox,
            public_url=self.settings.public_url,
            space=SPACE,
        )

    def _take_in(self, events: Sequence[Event]) -> Sequence[Receipt]:
        """Store what senders brought, while there is room for what follows from it."""
        self.room.need()
        return inbox.append(self.store, events)

    def _act(self, name: str, given: Mapping[str, str]) -> None:
        now = self.clock.now()
        self.store.write(lambda connection: access.act(connection, name, given, now))

    def _replay(self, order: Order) -> int:
        now = self.clock.now()
        return self.store.write(lambda connection: replaying.begin(connection, SPACE, order, now))

    def _writing(self, snapshot: Connection) -> list[str]:
        """Return which connections leads must be in to count as delivered: those of ``leadrelay status``."""
        return Known.read(self.settings, snapshot, SPACE).writing(self.holder.playbook().crms.values())
