"""The API budget of one connection, in memory of the one process that calls it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from mappings.playbook import Limits
from model.errors import RetryLater

log = structlog.get_logger("leadrelay.budget")

DAY_SECONDS = 86_400.0
BURST_SHARE = 0.1  # of the window's calls may go out at once; the rest is spread over the window
PATIENCE = 12.0  # seconds of a pause that a call waits out: longer than HubSpot's window of ten
LAST_PATIENCE = 2.0  # the same while leadrelay stops
LOOK_AGAIN = 0.25  # seconds until a caller that waits learns that it must not any more
DAILY_PACE = 4.0  # calls a second while more than half of the day's share is left
SEARCH_PER_SECOND = 5.0  # HubSpot: search calls per account
_SALESFORCE_USAGE = re.compile(r"api-usage=(\d+)/(\d+)")  # Sforce-Limit-Info


@dataclass(slots=True)
class _Bucket:
    """A token bucket: ``capacity`` at once, ``rate`` a second."""

    capacity: float
    rate: float
    level: float
    at: float

    def wait_for(self, calls: int, now: float) -> float:
        """Return the seconds until ``calls`` may go out; 0 when they may now."""
        self.level = min(self.capacity, self.level + (now - self.at) * self.rate)
        self.at = now
        missing = min(float(calls), self.capacity) - self.level
        return 0.0 if missing <= 0 else missing / self.rate


class MemoryBudget:
    """Paces the calls of one connection; implements ``connectors.base.Budget``.

    Of the vendor's limits the reserve is left to the company's other apps. A window of n
    calls becomes a bucket that never lets more than n through in any window: a tenth at
    once, the rest spread evenly. Where only a day is limited, calls slow down as the day's
    share runs out, so that each carries more.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limits = limits
        self._monotonic = monotonic
        self._sleep = sleep
        self._patience = PATIENCE
        self._lock = threading.Lock()
        self._paused_until = 0.0
        self._used: int | None = None
        self._daily_max = limits.daily_calls
        self.calls = 0
        now = monotonic()
        self._burst = self._window(limits, now)
        self._search = _Bucket(1.0, SEARCH_PER_SECOND * (1 - limits.reserve), 1.0, now)

    @staticmethod
    def _window(limits: Limits, now: float) -> _Bucket | None:
        if limits.burst_calls:
            share = limits.burst_calls * (1 - limits.reserve)
            capacity = max(1.0, share * BURST_SHARE)
            rate = max(share - capacity, 0.1) / limits.burst_seconds
            return _Bucket(capacity, rate, capacity, now)
        if limits.daily_calls:
            return _Bucket(DAILY_PACE, DAILY_PACE, DAILY_PACE, now)
        return None

    def spend(self, kind: str = "burst", calls: int = 1) -> None:
        """Wait until ``calls`` may go out, then count them.

        Raises ``RetryLater`` when that is long: the server has stopped all calls or the day's
        share is used up, and the caller's leases would run out meanwhile.
        """
        while True:
            with self._lock:
                wait = self._wait_for(kind, calls)
                if wait <= 0:
                    self._take(kind, calls)
                    return
                paused = self._paused_until - self._monotonic()
            if paused > self._patience:
                raise RetryLater(f"{paused:.0f} s are left of a pause that the server asked for", paused)
            if wait > self._patience:
                raise RetryLater(f"the next call is due in {wait:.0f} s, by what is left of the limits", wait)
            self._sleep(min(wait, LOOK_AGAIN))

    def close(self) -> None:
        """Let nobody wait for long any more: what is half done may be finished, any other call is put off."""
        self._patience = LAST_PATIENCE

    def ready_in(self) -> float:
        """Return the seconds until one call may go out, without counting it."""
        with self._lock:
            return self._wait_for("burst", 1)

    def figures(self) -> dict[str, float | int | None]:
        """Return the limits and what is left of them, for people to look at."""
        with self._lock:
            return {
                "calls": self.calls,
                "burst_calls": self._limits.burst_calls,
                "burst_seconds": self._limits.burst_seconds,
                "daily_calls": self._daily_max,
                "daily_used": self._used,  # as the server told last; None: it does not tell
                "reserve": self._limits.reserve,
                "paused_seconds": max(0.0, self._paused_until - self._monotonic()),
                "ready_in_seconds": max(0.0, self._wait_for("burst", 1)),
            }

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take in what an answer says of the limits (Salesforce's Sforce-Limit-Info)."""
        usage = _SALESFORCE_USAGE.search(headers.get("Sforce-Limit-Info", ""))
        if usage:
            with self._lock:
                self._used, self._daily_max = int(usage[1]), int(usage[2])

    def refused(self, wait: float) -> None:
        """Stop all calls of this connection for ``wait`` seconds: the server said so."""
        with self._lock:
            self._paused_until = max(self._paused_until, self._monotonic() + wait)
        log.warning("budget.paused", seconds=round(wait, 1))

    def _wait_for(self, kind: str, calls: int) -> float:
        now = self._monotonic()
        wait = self._paused_until - now
        if self._burst is not None:
            if self._limits.burst_calls is None:
                self._burst.rate = self._daily_rate()
            wait = max(wait, self._burst.wait_for(calls, now))
        if kind == "search":
            wait = max(wait, self._search.wait_for(calls, now))
        return wait

    def _take(self, kind: str, calls: int) -> None:
        self.calls += calls
        if self._used is not None:
            self._used += calls
        if self._burst is not None:
            self._burst.level -= calls
        if kind == "search":
            self._search.level -= calls

    def _daily_rate(self) -> float:
        """Return calls a second: full pace to the half of the day's share, then down to its even spread."""
        share = (self._daily_max or 0) * (1 - self._limits.reserve)
        left = share - (self._used or 0)
        if share <= 0 or left <= 0:
            return 1 / 60  # nothing is ours any more: a call a minute keeps us told
        even = left / DAY_SECONDS
        return max(even, DAILY_PACE * min(1.0, 2 * left / share) if left < share / 2 else DAILY_PACE)
