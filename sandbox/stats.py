"""Counts the calls a vendor received; benchmarks and tests read it to see what was asked how often."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Call:
    """One request a vendor received; every write in the history names the call it came from."""

    id: int  # 1, 2, 3 … since the start or the last reset
    method: str
    path: str
    template: str  # "POST /crm/v3/objects/contacts/batch/create"
    at: datetime
    by: str | None = None  # the person, where the call stands for one at the vendor's pages

    def as_json(self) -> dict[str, object]:
        """The form that the history shows."""
        told = {"id": self.id, "method": self.method, "path": self.path}
        return told | {"by": self.by} if self.by else told


class Stats:
    """How often each endpoint was called, and how often each status was the answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Start counting from nothing."""
        with self._lock:
            self.calls: Counter[str] = Counter()
            self.answers: Counter[str] = Counter()
            self._last_id = 0

    def next_id(self) -> int:
        """The number of the next call."""
        with self._lock:
            self._last_id += 1
            return self._last_id

    def count_call(self, template: str) -> None:
        """Count a call that arrived."""
        with self._lock:
            self.calls[template] += 1

    def count_answer(self, status: str) -> None:
        """Count an answer by its status: "200", "429", or "dropped" where none was sent."""
        with self._lock:
            self.answers[status] += 1
