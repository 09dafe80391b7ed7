"""How tests wait: they look again and again until something is so, and only a failing test waits for long."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 120.0  # seconds: a machine of two slow cores, busy with other tests, takes 30 for what takes 2


def eventually(
    look: Callable[[], T], what: str = "it", patience: float = PATIENCE, *, every: float = 0.03
) -> T:
    """Return what ``look`` finds as soon as it is true; fail when that takes too long."""
    deadline = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what} did not come true within {patience:g} s"
        time.sleep(every)
    return found
