"""How fast a caller may go: a bucket that refills, and a window that starts anew."""

from __future__ import annotations

import math
from datetime import datetime


class Bucket:
    """So many calls a second, and a burst on top. A refused call takes nothing. Callers hold the lock."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[float, float]] = {}  # key -> calls left, at which time

    def wait_s(self, key: str, per_s: float | None, burst: int | None, at: datetime) -> int:
        """Take a call of ``key``; 0, or how many whole seconds to wait. A null ends the limit."""
        if per_s is None or burst is None:
            return 0
        now, most = at.timestamp(), float(max(1, burst))
        left, since = self._left.get(key, (most, now))
        left = min(most, left + max(0.0, now - since) * per_s)
        if left >= 1:
            self._left[key] = (left - 1, now)
            return 0
        self._left[key] = (left, now)
        return max(1, math.ceil((1 - left) / per_s)) if per_s else 60


class Window:
    """So many calls in each fixed span of time. Callers hold the lock."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._taken: dict[str, tuple[int, int]] = {}  # key -> number of the span, calls in it

    def wait_s(self, key: str, limit: int | None, at: datetime) -> int:
        """Take a call of ``key``; 0, or in how many whole seconds the next span begins."""
        span, within = divmod(at.timestamp(), self._seconds)
        last, taken = self._taken.get(key, (int(span), 0))
        if last != int(span):
            taken = 0
        if limit is not None and taken >= limit:
            return max(1, math.ceil(self._seconds - within))
        self._taken[key] = (int(span), taken + 1)
        return 0
