"""The threads that send tasks and messages: one a written connection, one a channel that is set up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from connectors.base import Connector
from leadrelay.channels import Missing, build
from leadrelay.settings import Settings
from mappings.playbook import ChannelRule, Playbook
from scheduler.loops import Loop, Messenger
from scheduler.seats import Seat, Seats
from sync.database import Store
from sync.edges.errands import Outlet

log = structlog.get_logger("leadrelay.messengers")

TASK_PACE = 1.0  # seconds between two calls that make tasks, so that each carries more of them


class Messengers:
    """Who sends one-shot effects now; connections come and go, channels follow the playbook."""

    def __init__(
        self,
        outlet: Callable[[str], Outlet],
        store: Store,
        settings: Settings,
        *,
        seats: Seats | None = None,
        sends: bool = True,
    ) -> None:
        """``seats``: of several processes one sends to a channel; ``sends``: else they are only known."""
        self._outlet, self._store, self._settings = outlet, store, settings
        self._seats, self._sends = seats, sends
        self._of_connections: dict[str, Messenger] = {}
        self._of_channels: dict[str, Messenger] = {}
        self._rules: dict[str, ChannelRule] = {}
        self._missing: dict[str, Missing] = {}
        self._is_started = self._is_stopping = False
        self._lock = threading.RLock()

    def start(self) -> None:
        """Start sending."""
        with self._lock:
            self._is_started = True
            for one in self._all():
                one.start()

    def wind_down(self) -> None:
        """Begin nothing new; returns at once."""
        with self._lock:
            self._is_stopping = True
            for one in self._all():
                one.loop.wind_down()

    def stop(self) -> None:
        """Let what is in flight finish and settle."""
        for one in self._all():
            one.stop()

    def add_connection(self, name: str, connector: Connector, ready_in: Callable[[], float]) -> None:
        """Make tasks in a connection that is written to."""
        if not self._sends:
            return
        outlet = replace(self._outlet(name), connector=connector, ready_in=ready_in)
        with self._lock:
            self._of_connections[name] = self._begun(outlet, TASK_PACE)

    def wind_down_connection(self, name: str) -> None:
        """Begin no other task in a connection; returns at once."""
        with self._lock:
            one = self._of_connections.get(name)
        if one is not None:
            one.loop.wind_down()

    def drop(self, name: str) -> None:
        """Make no more tasks in a connection."""
        with self._lock:
            one = self._of_connections.pop(name, None)
        if one is not None and self._is_started:
            one.stop()

    def take_channels(self, playbook: Playbook) -> None:
        """Set the playbook's channels up; those that have not changed go on as they are."""
        wanted = playbook.notifications.channels
        for one in self._let_go(wanted):
            if self._is_started:
                one.stop()
        with self._lock:
            if self._is_stopping:
                return
            for name, rule in wanted.items():
                if name not in self._rules:
                    self._rules[name] = rule
                    self._take(rule)

    def _let_go(self, wanted: Mapping[str, ChannelRule]) -> list[Messenger]:
        """Forget the channels that have changed or are gone; return those that are at work."""
        with self._lock:
            gone = [name for name, rule in self._rules.items() if wanted.get(name) != rule]
            for name in gone:
                del self._rules[name]
                self._missing.pop(name, None)
            found = [self._of_channels.pop(name, None) for name in gone]
            return [one for one in found if one is not None]

    def _take(self, rule: ChannelRule) -> None:
        channel = build(rule, self._settings)
        if isinstance(channel, Missing):
            self._missing[rule.name] = channel
            if self._is_started:
                self._warn(rule.name, channel)
            return
        if self._sends:
            seat = self._seats.at(f"channel:{rule.name}") if self._seats else None
            outlet = replace(self._outlet(rule.name), channel=channel)
            self._of_channels[rule.name] = self._begun(outlet, channel.pace, seat)

    def _begun(self, outlet: Outlet, pace: float, seat: Seat | None = None) -> Messenger:
        one = Messenger(outlet, self._store.signals.event(f"effects:{outlet.name}"), pace=pace, seat=seat)
        if self._is_started:
            one.start()
        return one

    def missing(self) -> dict[str, str]:
        """Return the channels that are not set up, and why."""
        with self._lock:
            return {name: f"{name} is not set up: {one.reason}" for name, one in self._missing.items()}

    def modes(self) -> dict[str, str]:
        """Return each channel with its kind, or with what it lacks."""
        with self._lock:
            return {name: rule.kind for name, rule in self._rules.items()} | self.missing()

    def loops(self) -> list[Loop]:
        """Return the threads' loops."""
        with self._lock:
            return [one.loop for one in self._all()]

    def warn(self) -> None:
        """Say which channels are not set up, and which variables were looked for."""
        for name, one in self._missing.items():
            self._warn(name, one)

    @staticmethod
    def _warn(name: str, one: Missing) -> None:
        log.warning("channel.not_set_up", channel=name, reason=one.reason, looked_for=list(one.looked_for))

    def _all(self) -> list[Messenger]:
        return [*self._of_connections.values(), *self._of_channels.values()]
