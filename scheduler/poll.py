"""Polls: what is read from a connected CRM on a schedule and becomes events."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from connectors.base import Connector
from model.errors import ConnectorError
from model.event import Event, EventKind
from model.times import Clock, to_text
from sync import inbox, teammates
from sync.database import Store

log = structlog.get_logger("leadrelay.poll")

LOOK_AGAIN = timedelta(minutes=1)  # at a list that is not believed
FEW = 4  # active owners below which a list may shrink as it likes, but never to nothing
BELIEVED_AFTER = timedelta(hours=1)  # that a CRM lists fewer than half of them


class ShortRoster(ConnectorError):
    """A CRM lists so few of the owners it listed before that it rather has a fault."""


def roster(
    connector: Connector, store: Store, clock: Clock, *, space: str = "main", is_believed: bool = False
) -> None:
    """Read the owners of one CRM and hand them in as an event.

    Raises ``ConnectorError``; ``ShortRoster`` for a list that would leave leads without owners: an
    empty one always (an account has users), one of fewer than half of those active before
    unless ``is_believed``.
    """
    owners = list(connector.owners())
    with store.snapshot() as snapshot:
        known = teammates.load(snapshot, space).values()
    before = sum(mate.active.get(connector.name, False) for mate in known)
    active = sum(owner.active for owner in owners)
    if not active or (before >= FEW and 2 * active < before and not is_believed):
        raise ShortRoster(
            f"{connector.name} lists {active} active owners, and {before} before: the former list holds"
        )
    now = clock.now()
    event = Event(
        source=connector.name,
        event_id=f"roster-{to_text(now)}",
        kind=EventKind.ROSTER,
        payload=teammates.to_payload(owners),
        occurred_at=now,
        received_at=now,
        space=space,
    )
    inbox.append(store, [event])
    log.info("poll.roster", connection=connector.name, owners=len(owners))


class RosterPoll:
    """Reads one CRM's owners when they have not been read for a while, and soon again after a failure."""

    def __init__(
        self, connector: Connector, store: Store, clock: Clock, *, every: timedelta = timedelta(minutes=5)
    ) -> None:
        self._connector, self._store, self._clock, self._every = connector, store, clock, every
        self.name = connector.name
        self.read_at: datetime | None = None
        self.failure: str | None = None
        self._short_since: datetime | None = None
        self._not_before: datetime | None = None

    def run(self) -> None:
        """Poll if it is time; a failure is kept for ``status`` to show and is tried again on the next run."""
        now = self._clock.now()
        if self.read_at and now - self.read_at < self._every:
            return
        if self._not_before and now < self._not_before:
            return
        try:
            is_believed = self._short_since is not None and now - self._short_since >= BELIEVED_AFTER
            roster(self._connector, self._store, self._clock, is_believed=is_believed)
        except ConnectorError as error:
            self._doubt(error, now)
            if str(error) != self.failure:  # once, not every few seconds while a CRM is away
                log.warning("poll.roster_failed", connection=self._connector.name, reason=str(error))
            self.failure = str(error)
            return
        self.read_at, self.failure, self._short_since = now, None, None

    def _doubt(self, error: ConnectorError, now: datetime) -> None:
        """Remember since when a list is too short to be believed."""
        if isinstance(error, ShortRoster):
            self._short_since = self._short_since or now
            self._not_before = now + LOOK_AGAIN
        else:
            self._short_since = self._not_before = None
