"""The leases of deliveries under way: renewed while their calls go on, so that nobody takes their rows."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.engine import Connection

from sync import outbox


@dataclass(slots=True, eq=False)
class Hold:
    """One delivery's rows under its lease."""

    token: str
    rows: Sequence[int]
    since: datetime
    is_lost: bool = False  # somebody else has claimed them: what comes of further calls would be discarded


@dataclass(slots=True)
class Holding:
    """What this process delivers to one connection just now."""

    _holds: set[Hold] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def of(self, token: str, rows: Sequence[int], now: datetime) -> Iterator[Hold]:
        """Have a delivery's lease renewed while the block runs."""
        hold = Hold(token, rows, now)
        with self._lock:
            self._holds.add(hold)
        try:
            yield hold
        finally:
            with self._lock:
                self._holds.discard(hold)

    def before(self, moment: datetime) -> list[Hold]:
        """Return the deliveries that began before a moment."""
        with self._lock:
            return [hold for hold in self._holds if hold.since <= moment and not hold.is_lost]


def renew(connection: Connection, holds: Sequence[Hold], until: datetime) -> list[Hold]:
    """Extend these leases and return those that are lost."""
    return [hold for hold in holds if not outbox.renew(connection, hold.rows, hold.token, until)]
