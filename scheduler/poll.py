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


def roster(connector: Connector, store: Store, clock: Clock, *, space: str = "main") -> None:
    """Read the owners of one CRM and hand them in as an event. Raises ``ConnectorError``."""
    owners = list(connector.owners())
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

    def run(self) -> None:
        """Poll if it is time; a failure is kept for ``status`` to show and is tried again on the next run."""
        now = self._clock.now()
        if self.read_at and now - self.read_at < self._every:
            return
        try:
            roster(self._connector, self._store, self._clock)
        except ConnectorError as error:
            if str(error) != self.failure:  # once, not every few seconds while a CRM is away
                log.warning("poll.roster_failed", connection=self._connector.name, reason=str(error))
            self.failure = str(error)
            return
        self.read_at, self.failure = now, None
