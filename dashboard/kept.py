"""Figures that are dear to count: counted beside the requests, kept for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from model.times import Clock

T = TypeVar("T")

COST_FACTOR = 10.0  # a count is kept ten times as long as it took: never more than a tenth of one processor


@dataclass(frozen=True, slots=True)
class Counted(Generic[T]):
    """A figure and when it was counted."""

    value: T
    at: datetime


class Kept(Generic[T]):
    """Counts in a thread of its own, one at a time, so that no request waits for longer than it wants to."""

    def __init__(self, count: Callable[[], T], clock: Clock, fresh: float) -> None:
        self._count, self._clock, self._fresh = count, clock, fresh
        self._lock = threading.Lock()
        self._last: Counted[T] | None = None
        self._until = 0.0
        self._running: Future[Counted[T]] | None = None

    def get(self, patience: float) -> Counted[T] | None:
        """Return the last count while it is fresh, else a new one.

        Where that takes longer than ``patience`` seconds: the last one again, or ``None`` before the
        first. Raises what the counting raised.
        """
        with self._lock:
            if self._last is not None and time.monotonic() < self._until:
                return self._last
            running = self._running or self._begin()
        try:
            return running.result(patience)
        except TimeoutError:
            if running.done():  # the counting's own
                raise
            return self._last

    def _begin(self) -> Future[Counted[T]]:
        running: Future[Counted[T]] = Future()
        self._running = running
        threading.Thread(target=self._run, args=(running,), name="pages-count", daemon=True).start()
        return running

    def _run(self, running: Future[Counted[T]]) -> None:
        begun, at = time.monotonic(), self._clock.now()
        try:
            counted = Counted(self._count(), at)
        except Exception as error:  # noqa: BLE001 - whoever waits is told; whoever asks next has it counted again
            with self._lock:
                self._running = None
            running.set_exception(error)
            return
        ended = time.monotonic()
        with self._lock:
            self._last, self._running = counted, None
            self._until = ended + max(self._fresh, COST_FACTOR * (ended - begun)) if self._fresh else 0.0
        running.set_result(counted)
