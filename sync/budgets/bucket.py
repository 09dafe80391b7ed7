"""A token bucket: how many calls may go out at once, and how fast more become free."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """``capacity`` at once, ``rate`` a second; ``level`` may be below zero where calls went on credit."""

    capacity: float
    rate: float
    level: float
    at: float
    slowed: float = 1.0  # to which part of its rate

    @classmethod
    def of_window(cls, calls: float, seconds: float, at_once: float, now: float) -> Bucket:
        """Build a bucket that lets no more than ``calls`` through in any window of ``seconds``."""
        capacity = max(1.0, calls * at_once)
        return cls(capacity, max(calls - capacity, 0.1) / seconds, capacity, now)

    def fill(self, now: float) -> None:
        """Add what has become free since the last look."""
        self.level = min(self.capacity, self.level + max(0.0, now - self.at) * self.rate * self.slowed)
        self.at = now

    def wait_for(self, calls: float, now: float, *, leave: float = 0.0, before: float = 0.0) -> float:
        """Return the seconds until ``calls`` may go out; 0 when they may now.

        So many others go ``before`` them, and ``leave`` stay in the bucket, as far as it holds so many.
        """
        self.fill(now)
        missing = before + min(calls + leave, self.capacity) - self.level
        return 0.0 if missing <= 1e-9 else missing / (self.rate * self.slowed)
