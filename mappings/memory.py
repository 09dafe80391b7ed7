"""Results kept for objects that never change but cannot be hashed, such as compiled maps."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

Key = TypeVar("Key")
Result = TypeVar("Result")

MOST_KEPT = 256


def once_each(compute: Callable[[Key], Result]) -> Callable[[Key], Result]:
    """Let a function of one immutable object run once for each object (the same one, not an equal one)."""
    kept: dict[int, tuple[Key, Result]] = {}

    @wraps(compute)
    def remembered(key: Key) -> Result:
        entry = kept.get(id(key))
        if entry is not None and entry[0] is key:  # ids are reused, so the object itself is held
            return entry[1]
        if len(kept) >= MOST_KEPT:
            kept.clear()
        result = compute(key)
        kept[id(key)] = (key, result)
        return result

    return remembered
