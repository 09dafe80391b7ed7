"""What pages and read API are handed of the daemon; figures that are dear to count are kept for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from dashboard.grants import Grants
from dashboard.kept import Counted, Kept
from dashboard.openings import Openings
from mappings.playbook import Playbook, Privacy
from mappings.problems import Problem
from model.errors import Refused
from model.times import Clock
from sync import days as by_day
from sync import status as standing
from sync import unmasking
from sync.database import Store, is_away
from sync.replays import letters
from sync.replays.letters import SHELVES, Group
from sync.sight import Sight

T = TypeVar("T")

FRESH_SECONDS = 2.0
PATIENCE_SECONDS = 0.5  # how long a page waits for each count before it shows the last one
LONG_PATIENCE_SECONDS = 30.0  # the same of a program
RETRY_AFTER_SECONDS = 5
DAYS = (7, 14, 30)


@dataclass(slots=True)
class House:
    """The running daemon as the pages see it."""

    store: Store
    clock: Clock
    playbook: Callable[[], Playbook]
    facts: Callable[[], dict[str, Any]]  # what only the running process knows
    writing: Callable[[Any], Collection[str]]  # a snapshot -> connections that are written to, usable or not
    files: Callable[[], Sequence[tuple[str, str]]]  # of the playbook: name, text
    problems: Callable[[], Sequence[Problem]]  # of the files on disk
    checks: Mapping[str, Callable[[], str | None]]
    record_url: Callable[[str, str, str], str | None]  # connection, object, id
    openings: Openings
    grants: Grants
    is_open: bool = False  # the sandbox run: whoever sits at this machine is let in
    public_url: str = ""
    space: str = "main"
    fresh_seconds: float = FRESH_SECONDS
    patience_seconds: float = PATIENCE_SECONDS
    _status: Kept[standing.Status] = field(init=False)
    _totals: Kept[standing.Status] = field(init=False)
    _queues: Kept[standing.Queues] = field(init=False)
    _days: dict[int, Kept[by_day.Days]] = field(init=False)
    _groups: dict[str, Kept[list[Group]]] = field(init=False)

    def __post_init__(self) -> None:
        self._status = Kept(self._count_status, self.clock, self.fresh_seconds)
        self._totals = Kept(self._count_totals, self.clock, self.fresh_seconds)
        self._queues = Kept(self._count_queues, self.clock, self.fresh_seconds)
        self._days = {number: self._keeping(number) for number in DAYS}
        self._groups = {name: self._grouping(name) for name in SHELVES}

    def _keeping(self, number: int) -> Kept[by_day.Days]:
        return Kept(lambda: self._count_days(number), self.clock, self.fresh_seconds)

    def _grouping(self, shelf: str) -> Kept[list[Group]]:
        return Kept(lambda: self._count_groups(shelf), self.clock, self.fresh_seconds)

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

    def sight(self, snapshot: Any, channel: str, who: str = "", *, is_plain: bool = False) -> Sight:
        """Return what somebody may see of people's data; ``is_plain``: all of it."""
        playbook = self.playbook()
        if is_plain:
            playbook = replace(playbook, privacy=Privacy())
        sight = Sight(playbook, channel)
        if who and sight:
            sight.lifted = unmasking.lifted(snapshot, self.space, who, self.clock.now())
        return sight

    def status(self) -> Counted[standing.Status]:
        """Return where everything stands. ``Refused`` (503) where that takes longer than a program waits."""
        return _there(self._status.get(LONG_PATIENCE_SECONDS))

    def totals(self) -> Counted[standing.Status] | None:
        """Return how much there is, without the posts of each source; ``None`` while first counted."""
        return self._totals.get(self.patience_seconds)

    def queues(self) -> standing.Queues:
        """Return how long the queues are: cheap at any size."""
        return _there(self._queues.get(LONG_PATIENCE_SECONDS)).value

    def days(self, number: int = DAYS[0], *, patience: float | None = None) -> Counted[by_day.Days] | None:
        """Return the reconciliation of so many days (of ``DAYS``); ``None`` while first counted."""
        return self._days[number].get(self.patience_seconds if patience is None else patience)

    def groups(self, shelf: str, *, patience: float | None = None) -> Counted[list[Group]] | None:
        """Return what lies on a shelf of letters, by cause; ``None`` while first counted."""
        return self._groups[shelf].get(self.patience_seconds if patience is None else patience)

    def _count_groups(self, shelf: str) -> list[Group]:
        with self.reading() as snapshot:
            return letters.groups(snapshot, self.space, SHELVES[shelf])

    def _count_status(self) -> standing.Status:
        with self.reading() as snapshot:
            return standing.read(snapshot, self.space, self.writing(snapshot), self.clock.now())

    def _count_totals(self) -> standing.Status:
        with self.reading() as snapshot:
            return standing.totals(snapshot, self.space, self.clock.now())

    def _count_queues(self) -> standing.Queues:
        with self.reading() as snapshot:
            return standing.queues(snapshot, self.space, self.clock.now())

    def _count_days(self, number: int) -> by_day.Days:
        with self.reading() as snapshot:
            return by_day.read(
                snapshot,
                self.space,
                self.writing(snapshot),
                self.clock.now(),
                days=number,
                known=self.playbook().sources.keys(),
            )


def _there(counted: Counted[T] | None) -> Counted[T]:
    if counted is None:
        fix = "It is being counted for the first time; ask again in a moment."
        raise Refused(503, "counting", "This is not counted yet", fix, retry_after=RETRY_AFTER_SECONDS)
    return counted
