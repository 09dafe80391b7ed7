"""Budgets for tests, on a clock that goes on while somebody sleeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mappings.playbook import Limits
from model.errors import RetryLater
from model.priority import Priority
from sync.budgets import MemoryBudget
from sync.budgets.budget import PATIENCE
from sync.budgets.day import Kept

WARM_UP = 30  # more than what may go out at once after a quiet time
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Time:
    """A clock whose sleepers make it go on."""

    def __init__(self, begin: datetime = NOON) -> None:
        self.now = 0.0
        self._begin = begin

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> datetime:
        return self._begin + timedelta(seconds=self.now)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += max(seconds, 1e-9)  # a clock goes on, however short the nap


def a_budget(time: Time | None = None, kept: Kept | None = None, **limits) -> MemoryBudget:
    time = time or Time()
    return MemoryBudget(
        Limits(**limits), kept=kept, monotonic=time.monotonic, sleep=time.sleep, now=time.wall
    )


def spend_in_time(budget: MemoryBudget, time: Time, priority: Priority = Priority.SPEED_TO_LEAD) -> None:
    """Spend a call as a dispatcher does: one that is put off is tried again when it is due."""
    while True:
        try:
            return budget.spend(priority=priority)
        except RetryLater as put_off:
            time.now += max(put_off.wait or 0.0, PATIENCE)


def pace(
    budget: MemoryBudget, time: Time, calls: int = 30, priority: Priority = Priority.SPEED_TO_LEAD
) -> float:
    """Return the calls a second that are let through, once what may go out at once has gone."""
    for _ in range(WARM_UP):
        spend_in_time(budget, time, priority)
    begin = time.now
    for _ in range(calls):
        spend_in_time(budget, time, priority)
    return calls / (time.now - begin)
