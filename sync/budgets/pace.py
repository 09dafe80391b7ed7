"""How the day's share is spread: full pace, slower as it runs down, and a last part for new leads."""

from __future__ import annotations

from datetime import datetime, timedelta

from mappings.playbook import Limits
from model.priority import Priority
from sync.budgets.bucket import Bucket
from sync.budgets.day import Day
from sync.budgets.levels import Draw
from sync.budgets.turns import Ask

# While more than half of the day's share is left, where no window is limited: calls a second at least, and
# how many times as fast as an even spread of the share.
DAILY_PACE = 4.0
AHEAD = 4.0
AT_ONCE = 6.0  # seconds of the pace whose calls may go out at once after a quiet time
A_DAY = 86_400.0  # seconds
TOLD_PACE = 1 / 60  # when nothing is ours any more: a call a minute keeps us told of what the others leave
LOOK_AGAIN = 900.0  # seconds until it is tried again where nothing tells when there are calls again
CREDIT = 4.0  # calls by which a delivery that has begun may overdraw the pace, to come to its end
CREDIT_AFTER = 2.0  # seconds that it waits before
UNPACED = 1e9  # calls that come free a second while nothing slows them down

# What a priority leaves of the day's share to those before it.
LAST_SHARE = {
    Priority.SPEED_TO_LEAD: 0.0,
    Priority.PEOPLE: 0.1,
    Priority.COMPANIES: 0.1,
    Priority.TASKS: 0.1,
    Priority.RECONCILE: 0.25,
    Priority.BACKFILL: 0.25,
}
WITH_CREDIT = frozenset({Priority.SPEED_TO_LEAD, Priority.PEOPLE, Priority.COMPANIES, Priority.TASKS})

BUSY = "the next call is due in {}, by what is left of the limits"
USED_UP = "what is left of the day's calls is kept for new leads; the next call is due in {}"


class Pace:
    """Slows calls down as the day's share runs out, so that each carries more.

    It is nobody's hard limit: a delivery of several calls that has begun may overdraw it a
    little, and what comes next waits so much longer. Else a look-up would go out and
    the write it was for would not, again and again.
    """

    def __init__(self, day: Day, limits: Limits, at: float) -> None:
        self._day = day
        self._window = limits.burst_calls and limits.burst_calls * (1 - limits.reserve) / limits.burst_seconds
        self._bucket = Bucket(AT_ONCE * DAILY_PACE, DAILY_PACE, AT_ONCE * DAILY_PACE, at)

    def wait_for(self, ask: Ask, at: float, now: datetime, waited: float | None) -> tuple[float, str]:
        """Return the seconds until calls may go out by the day's share, and the words for a long wait.

        ``waited`` is how long they have waited already; ``None`` where a delivery only looks
        whether it may begin, which it does without credit.
        """
        share = self._day.share()
        if share is None:
            return 0.0, BUSY
        left = share - self._day.used(now)
        if left <= share * LAST_SHARE[ask.priority] and ask.priority is not Priority.SPEED_TO_LEAD:
            return self._until_renewed(now), USED_UP
        self._bucket.fill(at)
        rate = self._rate(left, share, now)
        if rate is None:
            self._bucket.level = self._bucket.capacity
            return 0.0, BUSY
        self._bucket.rate = rate
        self._bucket.capacity = max(DAILY_PACE, rate if self._window else AT_ONCE * rate)
        self._bucket.level = min(self._bucket.level, self._bucket.capacity)
        wait = self._bucket.wait_for(ask.calls, at, leave=ask.leave(self._bucket), before=ask.before)
        if waited is not None and ask.priority in WITH_CREDIT:
            on_credit = self._bucket.wait_for(ask.calls, at, leave=-CREDIT, before=ask.before)
            wait = min(wait, max(CREDIT_AFTER - waited, on_credit))
        return wait, BUSY

    def take(self, calls: int) -> None:
        """Count calls that go out."""
        self._bucket.level -= calls

    def draw(self, ask: Ask, now: datetime, waited: float) -> Draw:
        """Return what calls that need not wait any longer take, where processes share the pace."""
        share, bucket = self._day.share(), self._bucket
        rate = None if share is None else self._rate(share - self._day.used(now), share, now)
        if rate is None:
            return Draw(most=bucket.capacity, rate=UNPACED)
        least = ask.calls + ask.leave(bucket)
        if waited >= CREDIT_AFTER and ask.priority in WITH_CREDIT:
            least = ask.calls - CREDIT
        return Draw(bucket.capacity, bucket.rate, ask.calls, min(least, bucket.capacity))

    def see(self, level: float, at: float) -> None:
        """Take in what the other processes have left."""
        self._bucket.level, self._bucket.at = min(level, self._bucket.capacity), at

    def _rate(self, left: float, share: float, now: datetime) -> float | None:
        """Return calls a second; ``None``: as many as the window allows.

        Full pace to the half of the day's share, then less in proportion to what is left, but
        never less than what spreads the rest evenly to the day's end.
        """
        full = self._window or max(DAILY_PACE, AHEAD * share / A_DAY)
        if left <= 0:
            return TOLD_PACE
        if left >= share / 2:
            return None if self._window else full
        renews = self._day.renews(now)
        seconds = (renews - now if renews else timedelta(days=1)).total_seconds()
        return min(full, max(left / max(seconds, 1.0), full * 2 * left / share))

    def _until_renewed(self, now: datetime) -> float:
        renews = self._day.renews(now)
        return LOOK_AGAIN if renews is None else min(LOOK_AGAIN, (renews - now).total_seconds())
