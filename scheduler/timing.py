"""Hands in what is due: timers of leads become events of the inbox."""

from __future__ import annotations

from functools import partial

from model.times import Clock
from sync import inbox, timers
from sync.database import Store

MOST = (
    200  # timers in one look, as many as the decider takes at once: leads of now wait for no more than that
)


class TimerJob:
    """Looks every second for the longest due timers, and lets what came from outside go first.

    While many events wait nothing is added, so that after a downtime the late ones come in as the decider
    gets through. Any process may run it: an event's id follows from its timer, so that two add nothing twice.
    """

    def __init__(self, store: Store, clock: Clock, *, space: str = "main") -> None:
        self._store, self._clock, self._space = store, clock, space

    def run(self) -> int:
        """Hand in what is due, within bounds; return how many events came of it. Raises ``StoreBusy``."""
        now = self._clock.now()
        with self._store.snapshot() as snapshot:  # mostly none is due, and senders need not wait for that
            if not timers.are_due(snapshot, self._space, now) or inbox.is_busy(snapshot, self._space):
                return 0
        handed = self._store.write(partial(timers.hand_in, space=self._space, now=now, limit=MOST))
        if handed:
            self._store.signals.announce("inbox")
        return handed
