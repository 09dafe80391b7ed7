"""The thread that fills the mirror of one connection, and matches people and deals that were there before."""

from __future__ import annotations

import threading

from scheduler.loops import Loop
from sync.backfill import Backfill, Step
from sync.dealpass import DealPass
from sync.matchpass import MatchPass

IDLE_WAIT = 10.0  # seconds between two looks once all is mirrored: a new object in the map, a new walk
LONGEST_PAUSE = 5.0  # seconds of a longer wait that pass at once; then it is looked whether it still holds
STOP_WAIT = 2.0  # seconds for the page under way: one that takes longer is read again after the start


class BackfillLoop:
    """Takes one step after the other, with the lowest priority of all that calls a connection.

    A stop does not wait for an answer: what a page brings is stored whole or not at all.
    """

    def __init__(self, backfill: Backfill, match: MatchPass, deals: DealPass, nudge: threading.Event) -> None:
        self._backfill, self._match, self._deals = backfill, match, deals
        name = f"backfill-{backfill.connector.name}"
        self.loop = Loop(name, self._step, nudge, idle_wait=IDLE_WAIT)

    def start(self) -> None:
        """Start the thread."""
        self.loop.start()

    def stop(self) -> None:
        """Begin no other step, and wait a moment for the one under way."""
        self.loop.stop(STOP_WAIT)

    def _step(self) -> int:
        done: Step | None = self._backfill.step() or self._match.step() or self._deals.step()
        if done is None:
            return 0
        if done.wait:
            self.loop.pause(min(done.wait, LONGEST_PAUSE))
        return 1
