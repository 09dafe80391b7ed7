"""The thread that reads much of one connection: fills its mirror, matches what was there, and compares."""

from __future__ import annotations

import threading

from scheduler.loops import Loop
from scheduler.seats import Seat
from sync.reading.backfill import Backfill
from sync.reading.dealpass import DealPass
from sync.reading.matchpass import MatchPass
from sync.reconciling.running import Reconciler

IDLE_WAIT = 10.0  # seconds between two looks once all is mirrored: a new object in the map, a new walk
LONGEST_PAUSE = 5.0  # seconds of a longer wait that pass at once; then it is looked whether it still holds
STOP_WAIT = 2.0  # seconds for the page under way: one that takes longer is read again after the start


class BackfillLoop:
    """Takes one step after the other, with the lowest priority of all that calls a connection.

    A comparison and the mirror take turns, so that neither waits for the end of the other. Of several
    processes the one that has the ``seat`` does it. A stop does not wait for an answer: what a page
    brings is stored whole or not at all.
    """

    def __init__(
        self,
        backfill: Backfill,
        passes: tuple[MatchPass, DealPass],
        compare: Reconciler,
        nudge: threading.Event,
        seat: Seat | None = None,
    ) -> None:
        self._backfill, (self._match, self._deals) = backfill, passes
        self._compare, self._seat = compare, seat
        name = f"backfill-{backfill.connector.name}"
        self.loop = Loop(name, self._step, nudge, idle_wait=IDLE_WAIT)

    def start(self) -> None:
        """Start the thread."""
        self.loop.start()

    def stop(self) -> None:
        """Begin no other step, and wait a moment for the one under way."""
        self.loop.stop(STOP_WAIT)

    def _step(self) -> int:
        if self._seat is not None and not self._seat.take():
            return 0
        filled = self._backfill.step() or self._match.step() or self._deals.step()
        steps = [self._compare.step(), filled]
        waits = [done.wait for done in steps if done is not None]
        if not waits:
            return 0
        if wait := min(waits):
            self.loop.pause(min(wait, LONGEST_PAUSE))
        return 1
