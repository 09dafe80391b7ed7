"""A look at a lead at a later time, with no event from outside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

PLAYBOOK = "playbook"  # kind of a look that no timer was set for: another version came into force
LONGEST_WHY = 200  # characters of what a lead waits for


@dataclass(frozen=True, slots=True)
class Timer:
    """When a lead is looked at again, and what for; a lead has one of each ``kind`` and ``key``.

    ``kind`` names who asked for it ("score"); ``key`` tells several of a kind apart, mostly blank. ``since``
    is when it was first set: it stays as it is while the timer is moved, so that a wait has a beginning.
    """

    kind: str
    key: str
    due_at: datetime
    since: datetime
    why: str  # what the lead waits for, in words

    @property
    def name(self) -> tuple[str, str]:
        """Kind and key: what tells a lead's timers apart."""
        return self.kind, self.key
