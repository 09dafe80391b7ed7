"""The apps' hooks, and the way from a write to the queue of events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from sandbox.history import Write
from sandbox.hubspot.link_types import LinkType
from sandbox.hubspot.links import End
from sandbox.hubspot.webhooks import events
from sandbox.hubspot.webhooks.sender import Sender
from sandbox.hubspot.webhooks.subscriptions import Hooks, Subscription

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

Tell = Callable[[Subscription], Iterator[events.Event]]


class Desk:
    """Hears of every write and tells the apps that want to know. Callers hold the vendor's lock."""

    def __init__(self, account: HubSpot) -> None:
        self._account = account
        self.sender = Sender(account)
        self.clear()

    def clear(self) -> None:
        """Forget all settings, subscriptions and events."""
        self._by_app: dict[int, Hooks] = {}
        self._last_id = 999
        self.sender.clear()

    def of(self, app_id: int) -> Hooks:
        """The hooks of an app."""
        return self._by_app.setdefault(app_id, Hooks(app_id))

    def next_event_id(self) -> int:
        """A number for an event; HubSpot does not promise that it is unique, here it is."""
        self._last_id += 1
        return self._last_id

    def wrote(self, write: Write) -> None:
        """Tell of a write."""
        if self._by_app:
            self._tell(partial(events.of_write, self._account, write))

    def linked(self, write: Write, other: End, made: LinkType, removed: bool) -> None:
        """Tell of an association."""
        if self._by_app:
            self._tell(lambda one: events.of_link(self._account, write, one, other, made, removed))

    def merged(self, write: Write, told: Mapping[str, Any]) -> None:
        """Tell of a merge."""
        if self._by_app:
            self._tell(lambda one: events.of_merge(self._account, write, one, told))

    def _tell(self, tell: Tell) -> None:
        for app_id, hooks in self._by_app.items():
            app = self._account.apps.by_id(app_id)
            if app is None or hooks.settings is None:
                continue
            for one in hooks:
                for event in tell(one) if one.active else ():
                    self.sender.put(app, hooks, event)
