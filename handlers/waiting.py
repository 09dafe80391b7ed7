"""What a lead waits for before it is given to somebody and anybody is told: providers' answers. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from model.lead import Lead
from model.timer import Timer

ANSWER = "answer"
"""The kind of timers of leads that wait for a provider's answer; the key is its name."""


def waits(lead: Lead, now: datetime) -> Sequence[Timer]:
    """Return the waits that are not over, the longest last: by their time alone, whoever may have died."""
    found = [one for (kind, _), one in lead.timers.items() if kind == ANSWER and one.due_at > now]
    return sorted(found, key=lambda one: (one.due_at, one.key))


def said(found: Sequence[Timer]) -> str:
    """Return whom a lead waits for, and until when, in words."""
    names = ", ".join(sorted(one.key for one in found))
    return f"waits for {names}, until {found[-1].due_at:%H:%M:%S} UTC at the latest"
