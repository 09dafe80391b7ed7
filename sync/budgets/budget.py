"""The API budget of one connection: burst, search and day, shared by priority."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

import structlog

from connectors.base import Usage
from mappings.playbook import Limits
from model.errors import NoBudget
from model.priority import Priority
from sync.budgets.bucket import Bucket
from sync.budgets.day import Day, Kept
from sync.budgets.levels import Draw, Levels, LevelsAway, Seen
from sync.budgets.pace import BUSY, Pace
from sync.budgets.turns import Ask, Turn, Turns

log = structlog.get_logger("leadrelay.budget")

T = TypeVar("T")

AT_ONCE = 0.1  # of the window's calls; the rest is spread over the window
PATIENCE = 12.0  # seconds of a pause that a call waits out: longer than HubSpot's window of ten
LAST_PATIENCE = 2.0  # the same while leadrelay stops
LOOK_AGAIN = 0.25  # seconds until a caller that waits learns that it must not any more
SLOWEST = 0.01  # of the pace, however full others have made the window
SHARED_WAIT = 0.02  # seconds at least until the row is asked again that other processes share
AWAY_WAIT = 2.0  # seconds until it is asked again where the store cannot be used


@dataclass
class _Line:
    """One limit: its bucket, if it has one, who waits for it, and until when the server wants none of it."""

    bucket: Bucket | None
    turns: Turns = field(default_factory=Turns)
    paused_until: float = 0.0


def utc_now() -> datetime:
    """Return the machine's time."""
    return datetime.now(UTC)


class MemoryBudget:
    """Paces the calls of one connection; implements ``connectors.base.Budget`` for the first priority.

    ``at(priority)`` is the same budget for calls that go behind. Of the vendor's limits the
    reserve is left to the company's other apps. All is in memory; the day's count is kept in
    the store by ``sync.budgets.keeper``. Where other processes call with the same limits, ``shared``
    has the last word: what is in memory then says whose turn it is here, and when to ask.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        name: str = "",  # of the connection, for the log
        kept: Kept | None = None,
        shared: Levels | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.limits, self.name = limits, name
        self._shared = shared
        self._monotonic, self._sleep, self._now = monotonic, sleep, now
        self._patience = PATIENCE
        self._lock = threading.Lock()
        self._paused_until = 0.0
        self._window_most = limits.burst_calls  # as the map says; the vendor may say less
        self._crowded: tuple[float, float] = (0.0, 1.0)  # until when others' calls slow us down, and to what
        self.calls = 0
        at = monotonic()
        self._day = Day(limits, kept)
        self._pace = Pace(self._day, limits, at)
        search = limits.search and Bucket(1.0, limits.search * (1 - limits.reserve), 1.0, at)
        self._lines = {"burst": _Line(self._window(limits.burst_calls, at)), "search": _Line(search or None)}

    def at(self, priority: Priority) -> View:
        """Return this budget as callers of a priority see it."""
        return View(self, priority)

    # connectors.base.Budget ----------------------------------------------------------

    def spend(
        self, kind: str = "burst", calls: int = 1, *, priority: Priority = Priority.SPEED_TO_LEAD
    ) -> None:
        """Wait until ``calls`` may go out, then count them.

        Raises ``NoBudget`` when that is long: the server has stopped all calls or the day's
        share is used up, and the caller's leases would run out meanwhile.
        """
        line, began = self._lines[kind], self._monotonic()
        with self._lock:
            turn = line.turns.join(priority, calls)
        try:
            while True:
                with self._lock:
                    ask = line.turns.ask(turn)
                    wait, reason = self._wait_for(line, ask, began)
                    draws = self._draws(kind, ask, began) if wait <= 0 and self._shared else None
                    if wait <= 0 and draws is None:
                        self._take(line, turn)
                        return
                if draws is not None:
                    if self._took(kind, line, turn, draws):
                        return
                    wait = SHARED_WAIT
                if wait > self._patience:
                    raise NoBudget(reason.format(f"{wait:.0f} s"), wait)
                self._sleep(min(wait, LOOK_AGAIN))
        finally:
            with self._lock:
                line.turns.leave(turn)

    def learn(self, told: Sequence[Usage]) -> None:
        """Correct the count by what an answer says of the account's limits."""
        crowded = None
        with self._lock:
            for one in told:
                if one.is_day and one.used is not None:
                    self._day.learn(one.used, one.most, self._now())
                elif not one.is_day:
                    crowded = self._learn_window(one)
        if crowded is not None:
            self._tell_others(lambda shared: shared.lower(crowded))

    def refused(self, wait: float | None, stops: str = "connection") -> None:
        """Stop what the server wants stopped, for so many seconds: "search", "connection" or "day".

        A day that is used up ends when the allowance is new where that is known, else the
        server is asked again after ``wait``.
        """
        seconds = wait or 0.0
        with self._lock:
            if stops == "day":
                seconds = self._until_renewed(seconds)
            until = self._monotonic() + seconds
            if stops == "search":
                line = self._lines["search"]
                line.paused_until = max(line.paused_until, until)
            else:
                self._paused_until = max(self._paused_until, until)
        self._tell_others(lambda shared: shared.pause(seconds, is_search=stops == "search"))
        log.warning("budget.paused", connection=self.name, stops=stops, seconds=round(seconds, 1))

    # Around the calls ----------------------------------------------------------------

    def ready_in(self, priority: Priority = Priority.SPEED_TO_LEAD) -> float:
        """Return the seconds until another call of a priority may go out, without counting it.

        Those that wait already at this priority or before it go first: what has begun comes to its
        end before more is begun.
        """
        with self._lock:
            return self._ready_in(priority)

    def figures(self) -> dict[str, float | int | None]:
        """Return the limits and what is left of them, for people to look at."""
        with self._lock:
            now = self._now()
            told = self._day.told(now)
            return {
                "calls": self.calls,
                "burst_calls": self._window_most,
                "burst_seconds": self.limits.burst_seconds,
                "daily_calls": self._day.most,
                "daily_used": self._day.used(now) if told or self._day.most else None,
                "reserve": self.limits.reserve,
                "paused_seconds": max(0.0, self._paused_until - self._monotonic()),
                "ready_in_seconds": max(0.0, self._ready_in(Priority.SPEED_TO_LEAD)),
            }

    def close(self) -> None:
        """Let nobody wait for long any more: what is half done may be finished, any other call is put off."""
        self._patience = LAST_PATIENCE

    def day(self, look: Callable[[Day], T]) -> T:
        """Return what ``look`` finds in, or does to, the day's count."""
        with self._lock:
            return look(self._day)

    # ---------------------------------------------------------------------------------

    def _ready_in(self, priority: Priority) -> float:
        line = self._lines["burst"]
        return self._wait_for(line, line.turns.next(priority), None)[0]

    def _wait_for(self, line: _Line, ask: Ask, began: float | None) -> tuple[float, str]:
        """Return the seconds until calls may go out, and the words for a long wait."""
        at = self._monotonic()
        pause = max(self._paused_until, line.paused_until) - at
        waits = [(pause, "{} are left of a pause that the server asked for")]
        if line.bucket is not None:
            waits.append((self._wait_for_window(line.bucket, ask, at), BUSY))
        waits.append(self._pace.wait_for(ask, at, self._now(), None if began is None else at - began))
        return max(waits)

    def _wait_for_window(self, bucket: Bucket, ask: Ask, at: float) -> float:
        """Go by what the last answer said of the window, as long as that window lasts."""
        until, part = self._crowded
        bucket.fill(at)
        bucket.slowed = part if at < until else 1.0
        wait = bucket.wait_for(ask.calls, at, leave=ask.leave(bucket), before=ask.before)
        return min(wait, until - at + 1 / bucket.rate) if at < until else wait

    def _take(self, line: _Line, turn: Turn) -> None:
        self.calls += turn.calls
        if line.bucket is not None:
            line.bucket.level -= turn.calls
        self._pace.take(turn.calls)
        self._day.count(turn.calls, self._now())
        line.turns.granted(turn)

    # Where processes share the limits ------------------------------------------------

    def _draws(self, kind: str, ask: Ask, began: float) -> dict[str, Draw]:
        """Return what a call takes of each limit; of the others how they fill."""
        waited = self._monotonic() - began
        draws = {"pace": self._pace.draw(ask, self._now(), waited)}
        for name, line in self._lines.items():
            bucket = line.bucket
            if bucket is not None:
                draws[name] = Draw(bucket.capacity, bucket.rate * bucket.slowed)
            if bucket is not None and name == kind:
                need = min(ask.calls + ask.leave(bucket), bucket.capacity)
                draws[name] = replace(draws[name], calls=ask.calls, need=need)
        return draws

    def _took(self, kind: str, line: _Line, turn: Turn, draws: Mapping[str, Draw]) -> bool:
        """Ask the shared row; take in how it stands. Raises ``NoBudget`` where it cannot be asked."""
        assert self._shared is not None
        try:
            seen = self._shared.take(draws, is_search=kind == "search")
        except LevelsAway as error:
            raise NoBudget(
                "what others have called cannot be asked for: the store is away", AWAY_WAIT
            ) from error
        with self._lock:
            if seen.granted:
                self._take(line, turn)
            self._see(seen)
        return seen.granted

    def _see(self, seen: Seen) -> None:
        at = self._monotonic()
        self._paused_until = max(self._paused_until, at + seen.pause)
        self._lines["search"].paused_until = max(self._lines["search"].paused_until, at + seen.search_pause)
        for name, line in self._lines.items():
            if line.bucket is not None:
                line.bucket.level, line.bucket.at = min(seen.levels[name], line.bucket.capacity), at
        self._pace.see(seen.levels["pace"], at)

    def _tell_others(self, tell: Callable[[Levels], None]) -> None:
        if self._shared is None:
            return
        try:
            tell(self._shared)
        except LevelsAway as error:  # they meet the same limit, and keep to it by themselves
            log.warning("budget.not_shared", connection=self.name, reason=str(error))

    # ---------------------------------------------------------------------------------

    def _window(self, calls: int | None, at: float) -> Bucket | None:
        if calls is None:
            return None
        share = calls * (1 - self.limits.reserve)
        return Bucket.of_window(share, self.limits.burst_seconds, AT_ONCE, at)

    def _learn_window(self, told: Usage) -> float | None:
        """Keep to the account's own window where it is smaller, and slow down where others fill it.

        Returns how many calls may go out at once, where that is little.
        """
        line, at, most = self._lines["burst"], self._monotonic(), self.limits.burst_calls
        if most is None or line.bucket is None:
            return None
        if (window := min(most, told.most)) != self._window_most:
            self._window_most = window
            renewed = self._window(window, at)
            if renewed is not None:
                renewed.level = min(renewed.capacity, line.bucket.level)
            line.bucket = renewed
        bucket = line.bucket
        if told.used is None or bucket is None:
            return None
        low, left = min(2 * bucket.capacity, told.most * self.limits.reserve), told.most - told.used
        if left >= low:
            self._crowded = (at, 1.0)
            return None
        # What is left is soon gone: half of it may go out at once.
        self._crowded = (at + told.seconds, max(SLOWEST, left / low))
        bucket.level = min(bucket.level, left / 2)
        return bucket.level

    def _until_renewed(self, wait: float) -> float:
        now = self._now()
        renews = self._day.renews(now) if self._day.zone else None
        return wait if renews is None else (renews - now).total_seconds()


@dataclass(frozen=True, slots=True)
class View:
    """A budget as callers of one priority see it; implements ``connectors.base.Budget``."""

    budget: MemoryBudget
    priority: Priority

    def spend(self, kind: str = "burst", calls: int = 1) -> None:
        """Wait for this priority's turn, then count the calls. Raises ``NoBudget``."""
        self.budget.spend(kind, calls, priority=self.priority)

    def learn(self, told: Sequence[Usage]) -> None:
        """Correct the count by what an answer says of the account's limits."""
        self.budget.learn(told)

    def refused(self, wait: float | None, stops: str = "connection") -> None:
        """Stop what the server wants stopped, for everybody."""
        self.budget.refused(wait, stops)
