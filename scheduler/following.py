"""The thread that follows one connection: records it was told of, what has changed, what was deleted."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from scheduler.loops import Loop
from scheduler.seats import Seat
from sync.reading.fetching import Fetcher
from sync.reading.polling import Poll
from sync.reading.recycling import RecycleBin

LONGEST_PAUSE = 5.0  # seconds between two looks for records that are wanted, should a nudge be missed
STOP_WAIT = 2.0  # seconds for the page under way: one that takes longer is read again after the start


class FollowLoop:
    """Reads what is wanted by id first, then the next page of what has changed, then of the recycle bin.

    Runs for every connected account, observed ones too. Of several processes all read what is wanted,
    and the one that has the ``seat`` polls. A stop does not wait for an answer: what a page brings is
    stored whole or not at all.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        polls: Sequence[Poll],
        bins: Sequence[RecycleBin],
        nudge: threading.Event,
        seat: Seat | None = None,
    ) -> None:
        self._fetcher, self._polls, self._bins, self._nudge = fetcher, polls, bins, nudge
        self._seat = seat
        self.loop = Loop(f"follow-{fetcher.name}", self._step, nudge)

    def start(self) -> None:
        """Start the thread."""
        self.loop.start()

    def stop(self) -> None:
        """Begin no other step, and wait a moment for the one under way."""
        self.loop.stop(STOP_WAIT)

    def _step(self) -> int:
        if self._fetcher.step():
            return 1
        if self._seat is not None:
            was_ours = self._seat.is_ours
            if not self._seat.take():
                return 0
            if not was_ours:
                for poll in self._polls:
                    poll.look_now()  # nobody may have looked for a while
        waits = [poll.step().wait for poll in self._polls]  # a page of each in turn
        if all(waits) and not any(each.step() for each in self._bins):
            self._nudge.wait(min(*waits, LONGEST_PAUSE))
        return 1
