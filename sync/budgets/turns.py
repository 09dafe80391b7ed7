"""Whose turn it is among those who wait for the same bucket."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from model.priority import Priority
from sync.budgets.bucket import Bucket

OTHERS_TURN = 10  # of so many calls one goes to whoever has waited longest behind a higher priority


# Share of a bucket that a priority leaves to those before it, so that a new lead finds a call at once.
LEAVES = {
    Priority.SPEED_TO_LEAD: 0.0,
    Priority.PEOPLE: 0.1,
    Priority.COMPANIES: 0.2,
    Priority.TASKS: 0.3,
    Priority.RECONCILE: 0.4,
    Priority.BACKFILL: 0.5,
}


@dataclass(frozen=True, slots=True)
class Ask:
    """What somebody asks of a bucket, and how many calls go before."""

    priority: Priority
    calls: int
    before: int
    is_called: bool = False  # it is the turn of one who waited long: nothing is left for others

    def leave(self, bucket: Bucket) -> float:
        """Return the calls that must stay in a bucket for those before this priority."""
        part = LEAVES[self.priority]
        return 0.0 if self.is_called or not part else max(1.0, part * bucket.capacity)


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """One caller that waits."""

    priority: Priority
    number: int
    calls: int


class Turns:
    """Callers in the order in which they are let through. The caller holds the budget's lock.

    A higher priority goes first, and among equals who came first. So that nobody starves,
    every tenth call goes to whoever has waited longest of the lower priorities.
    """

    def __init__(self) -> None:
        self._numbers = count()
        self._waiting: list[Turn] = []
        self._passed_over = 0  # calls in a row that went out before somebody of a lower priority

    def join(self, priority: Priority, calls: int) -> Turn:
        """Begin to wait."""
        turn = Turn(priority, next(self._numbers), calls)
        self._waiting.append(turn)
        return turn

    def leave(self, turn: Turn) -> None:
        """Wait no more."""
        self._waiting.remove(turn)

    def next(self, priority: Priority) -> Ask:
        """Return what another call of a priority would ask for now."""
        called = self._called()
        before = [one for one in self._waiting if one.priority <= priority or one is called]
        return Ask(priority, 1, sum(one.calls for one in before))

    def ask(self, turn: Turn) -> Ask:
        """Return what a turn asks for now."""
        called = self._called()
        if turn is called:
            return Ask(turn.priority, turn.calls, 0, is_called=True)
        place = (turn.priority, turn.number)
        before = [one for one in self._waiting if one is called or (one.priority, one.number) < place]
        return Ask(turn.priority, turn.calls, sum(one.calls for one in before))

    def granted(self, turn: Turn) -> None:
        """Note that a turn's calls go out now."""
        is_behind = any(one.priority > turn.priority for one in self._waiting)
        self._passed_over = self._passed_over + 1 if is_behind and turn is not self._called() else 0

    def _called(self) -> Turn | None:
        """Return who has waited longest behind others, if it is that one's turn."""
        if self._passed_over < OTHERS_TURN - 1 or not self._waiting:
            return None
        best = min(one.priority for one in self._waiting)
        behind = [one for one in self._waiting if one.priority > best]
        return min(behind, key=lambda one: one.number, default=None)
