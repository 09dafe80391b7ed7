"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.builders import NOON


class FakeClock:
    """Implements ``model.times.Clock``."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass; a negative number sets the clock back."""
        self._now += timedelta(seconds=seconds)
