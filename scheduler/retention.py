"""Retention once a day, by whoever decides, in pieces that leave the store to senders in between."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from model.times import Clock
from sync.database import Store
from sync.keeping import retention

DAY = timedelta(days=1)
PAUSE_SECONDS = 0.05  # between two transactions


class RetentionJob:
    """Looks each hour, runs each day; nothing happens where the playbook names no terms."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        keep: Callable[[], Mapping[str, timedelta]],
        is_mine: Callable[[], bool],
        *,
        space: str = "main",
    ) -> None:
        self._store, self._clock, self._keep, self._is_mine, self._space = store, clock, keep, is_mine, space
        self._stopping = threading.Event()
        self.ran_at: datetime | None = None

    def run(self) -> None:
        """Remove what is due, unless that was done today or is another process's to do."""
        now, keep = self._clock.now(), self._keep()
        if not keep or not self._is_mine() or (self.ran_at and now - self.ran_at < DAY):
            return
        retention.run(self._store, self._space, keep, now, pause=lambda: self._stopping.wait(PAUSE_SECONDS))
        self.ran_at = now

    def stop(self) -> None:
        """End a run that is under way after the piece at hand; the next one goes on."""
        self._stopping.set()
