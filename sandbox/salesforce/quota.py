"""Counts the calls of the last 24 hours, which is what the daily limit is about."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

DAY = timedelta(hours=24)


class Quota:
    """Calls by the minute, for a day. Callers hold the vendor's lock."""

    def __init__(self) -> None:
        self._minutes: deque[tuple[datetime, int]] = deque()
        self._total = 0

    def count(self, at: datetime) -> None:
        """Count a call."""
        minute = at.replace(second=0, microsecond=0)
        calls = self._minutes.pop()[1] if self._minutes and self._minutes[-1][0] == minute else 0
        self._minutes.append((minute, calls + 1))
        self._total += 1

    def used(self, at: datetime) -> int:
        """The calls of the 24 hours before a time."""
        while self._minutes and self._minutes[0][0] <= at - DAY:
            self._total -= self._minutes.popleft()[1]
        return self._total
