"""What pages and read API are handed of the daemon; figures that are dear to count are kept for a while."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from mappings.playbook import Playbook
from mappings.problems import Problem
from model.errors import Refused
from model.times import Clock
from sync import days as by_day
from sync import status as standing
from sync.database import Store, is_away

T = TypeVar("T")

FRESH_SECONDS = 2.0
COST_FACTOR = 10.0  # a count is kept ten times as long as it took: never more than a tenth of one processor
RETRY_AFTER_SECONDS = 5
DAYS = (7, 14, 30)


@dataclass(frozen=True, slots=True)
class Counted(Generic[T]):
    """A figure and when it was counted."""

    value: T
    at: datetime


class Kept(Generic[T]):
    """Counts at most so often; whoever comes while somebody counts is shown the last count."""

    def __init__(self, count: Callable[[], T], clock: Clock, fresh: float) -> None:
        self._count, self._clock, self._fresh = count, clock, fresh
        self._lock = threading.Lock()
        self._last: Counted[T] | None = None
        self._until = 0.0

    def get(self) -> Counted[T]:
        """Return the last count, or a new one once that is old."""
        last = self._last
        if last is not None and (time.monotonic() < self._until or not self._lock.acquire(blocking=False)):
            return last
        if last is None:
            self._lock.acquire()
        try:
            if self._last is not None and time.monotonic() < self._until:
                return self._last
            begun, at = time.monotonic(), self._clock.now()
            self._last = Counted(self._count(), at)
            ended = time.monotonic()
            self._until = ended + max(self._fresh, COST_FACTOR * (ended - begun)) if self._fresh else 0.0
            return self._last
        finally:
            self._lock.release()


@dataclass(slots=True)
class House:
    """The running daemon as the pages see it."""

    store: Store
    clock: Clock
    playbook: Callable[[], Playbook]
    facts: Callable[[], dict[str, Any]]  # what only the running process knows
    files: Callable[[], Sequence[tuple[str, str]]]  # of the playbook: name, text
    problems: Callable[[], Sequence[Problem]]  # of the files on disk
    checks: Mapping[str, Callable[[], str | None]]
    record_url: Callable[[str, str, str], str | None]  # connection, object, id
    is_open: bool = False  # the sandbox run: whoever sits at this machine is let in
    public_url: str = ""
    space: str = "main"
    fresh_seconds: float = FRESH_SECONDS
    _status: Kept[standing.Status] = field(init=False)
    _queues: Kept[standing.Queues] = field(init=False)
    _days: dict[int, Kept[by_day.Days]] = field(init=False)

    def __post_init__(self) -> None:
        self._status = Kept(self._count_status, self.clock, self.fresh_seconds)
        self._queues = Kept(self._count_queues, self.clock, self.fresh_seconds)
        self._days = {number: self._keeping(number) for number in DAYS}

    def _keeping(self, number: int) -> Kept[by_day.Days]:
        return Kept(lambda: self._count_days(number), self.clock, self.fresh_seconds)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Any]:
        """Look at one moment of the store; ``Refused`` (503) while it is away."""
        try:
            with self.store.snapshot() as snapshot:
                yield snapshot
        except Exception as error:
            if not is_away(error):
                raise
            fix = "Look at the disk, or at the database's server; then load this again."
            raise Refused(
                503, "store_away", "The store cannot be read now", fix, retry_after=RETRY_AFTER_SECONDS
            ) from error

    def status(self) -> Counted[standing.Status]:
        """Return where everything stands."""
        return self._status.get()

    def queues(self) -> standing.Queues:
        """Return how long the queues are."""
        return self._queues.get().value

    def days(self, number: int = DAYS[0]) -> Counted[by_day.Days]:
        """Return the reconciliation of the last days; ``number`` is one of ``DAYS``."""
        return self._days[number].get()

    def writing(self) -> list[str]:
        """Return the connections that are written to."""
        return [name for name, one in self.facts()["connections"].items() if one["mode"] == "write"]

    def _count_status(self) -> standing.Status:
        with self.reading() as snapshot:
            return standing.read(snapshot, self.space, self.writing(), self.clock.now())

    def _count_queues(self) -> standing.Queues:
        with self.reading() as snapshot:
            return standing.queues(snapshot, self.space, self.clock.now())

    def _count_days(self, number: int) -> by_day.Days:
        with self.reading() as snapshot:
            return by_day.read(
                snapshot,
                self.space,
                self.writing(),
                self.clock.now(),
                days=number,
                known=self.playbook().sources.keys(),
            )
