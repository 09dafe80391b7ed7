"""Who goes first where calls are scarce."""

from __future__ import annotations

from enum import IntEnum


class Priority(IntEnum):
    """What a call is for; the lower number goes first."""

    SPEED_TO_LEAD = 0  # the first record of a new lead
    PEOPLE = 1  # any other write of a person
    COMPANIES = 2
    TASKS = 3
    RECONCILE = 4  # what a reconcile, a replay of all, or the release after go-live raised
    BACKFILL = 5
