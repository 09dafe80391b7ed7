"""The thread that has providers asked: it claims, and as many others call as the providers bear."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import structlog

from scheduler.loops import Loop
from sync.asking.desk import Claimed, Desk, claim, finish

log = structlog.get_logger("leadrelay.asking")

MOST_CALLS = 16  # to all of them: one that hangs leaves the others theirs


class AskLoop:
    """Claims questions and has them asked; a provider that hangs holds up nobody but itself."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._nudge = desk.store.signals.event("asks")
        self._calling: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(MOST_CALLS, thread_name_prefix="ask")
        self.loop = Loop("ask", self._step, self._nudge)

    def start(self) -> None:
        """Start asking."""
        self.loop.start()

    def stop(self) -> None:
        """Begin no other call, and let those under way come to their end."""
        self.loop.stop()
        self._pool.shutdown(wait=True)

    def _step(self) -> int:
        with self._lock:
            calling = dict(self._calling)
            if self._calling.total() >= MOST_CALLS:
                return 0  # whoever is done wakes it
        claimed, ended = claim(self._desk, calling)
        for one in claimed:
            with self._lock:
                self._calling[one.provider.name] += 1
            self._pool.submit(self._finish, one)
        return len(claimed) + ended

    def _finish(self, one: Claimed) -> None:
        try:
            finish(self._desk, one)
        except Exception:  # a lane must not die: the lease runs out, and the question is asked again
            log.exception("ask.failed", provider=one.provider.name)
        finally:
            with self._lock:
                self._calling[one.provider.name] -= 1
            self.loop.wake()
