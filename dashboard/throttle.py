"""Slows down whoever guesses passwords: per name and address, per name, and per address."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=15)
OF_BOTH = 5  # failures of one name from one address
OF_ONE = 30  # of one name from anywhere, or of one address with any names
LONGEST = 65  # characters of a name that are told apart: no user's is longer than 64
MOST_KEYS = 10_000  # somebody who makes up names and addresses fills no memory

Key = tuple[str, str]


class Throttle:
    """Counts failures in the memory of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: dict[Key, deque[datetime]] = {}

    def wait(self, name: str, address: str, now: datetime) -> timedelta | None:
        """Return how long this name at this address must wait; ``None`` when it may try."""
        with self._lock:
            waits = [
                self._failures[key][-most] + WINDOW - now
                for key, most in _limits(name, address)
                if len(self._recent(key, now)) >= most
            ]
        return max(waits, default=None)

    def failed(self, name: str, address: str, now: datetime) -> None:
        """Count one failure."""
        with self._lock:
            for key, most in _limits(name, address):
                while key not in self._failures and len(self._failures) >= MOST_KEYS:
                    del self._failures[next(iter(self._failures))]
                self._failures.setdefault(key, deque(maxlen=most)).append(now)

    def succeeded(self, name: str, address: str) -> None:
        """Forget the failures of this name at this address."""
        with self._lock:
            self._failures.pop((name[:LONGEST], address), None)

    def _recent(self, key: Key, now: datetime) -> deque[datetime]:
        found = self._failures.get(key, deque())
        while found and found[0] <= now - WINDOW:
            found.popleft()
        return found


def _limits(name: str, address: str) -> Iterator[tuple[Key, int]]:
    name = name[:LONGEST]
    yield (name, address), OF_BOTH
    yield (name, ""), OF_ONE
    yield ("", address), OF_ONE
