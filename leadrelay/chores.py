"""The jobs that one process does for all: owners, releases, orders, comparisons, what is to be forgotten."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial

from leadrelay.drift import Drift
from leadrelay.fleet import Fleet
from leadrelay.playbooks import PlaybookHolder
from leadrelay.settings import SPACE
from model.errors import Conflict
from model.times import Clock
from scheduler.jobs import Job
from scheduler.release import ReleaseJob
from scheduler.retention import RetentionJob
from scheduler.timing import TimerJob
from sync import inbox, outbox, remembered, revisits
from sync.alike import walk
from sync.asking import answers, checks
from sync.database import Store
from sync.edges import effects, orphans
from sync.reconciling.mends import Mends
from sync.reconciling.nightly import Nightly
from sync.replays.replaying import Replays

ROSTER_EVERY = 5  # seconds between two looks whether a connection's owners are to be read again
DRIFT_EVERY = 60  # seconds between two looks whether the fields of an account are to be read again
NIGHTLY_EVERY = 60  # seconds between two looks whether a night's comparison is due
ALIKE_EVERY = 5  # seconds between two looks for leads that may be one person
ALIKE_STEPS = 20  # at one look: 2,000 leads, then others have their turn
ORPHANS_EVERY = 10  # seconds between two looks for what waits for a record that will never be


class Chores:
    """What is done again and again, beside receiving, deciding and delivering."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        holder: PlaybookHolder,
        fleet: Fleet,
        is_chief: Callable[[], bool],
        is_wanted: Callable[[], bool],
    ) -> None:
        """Put them together; ``is_wanted`` is false while the process stops."""
        self._store, self._clock, self._holder, self._fleet = store, clock, holder, fleet
        self._is_wanted = is_wanted
        self._release = ReleaseJob(store, clock, holder.playbook, space=SPACE, on_live=fleet.take_at_once)
        self._retention = RetentionJob(store, clock, lambda: holder.playbook().keep, is_chief, space=SPACE)
        self._replays = Replays(store, clock, SPACE, is_wanted)
        self._mends = Mends(store, clock, SPACE, is_wanted)
        self._timers = TimerJob(store, clock, space=SPACE)
        self._nightly = Nightly(store, clock, holder.playbook, lambda: [*fleet.connected], SPACE)
        self._drift = Drift(store, clock, holder.playbook, lambda: dict(fleet.connected), SPACE)

    def jobs(self) -> Iterator[Job]:
        """Yield them with how often they run."""
        for name in sorted(self._holder.playbook().crms):
            yield Job(f"roster-{name}", ROSTER_EVERY, partial(self._fleet.read_owners, name), at_start=True)
        yield Job("timers", 1, self._timers.run, at_start=True)
        yield Job("revisits", 1, self._revisit, at_start=True)
        yield Job("release", 1, self._release.run, at_start=True)
        yield Job("replays", 1, self._replays.run, at_start=True)
        yield Job("mends", 1, self._mends.run, at_start=True)
        yield Job("reconcile", NIGHTLY_EVERY, self._nightly.run)
        yield Job("drift", DRIFT_EVERY, self._drift.run)
        yield Job("orphans", ORPHANS_EVERY, self._give_up_orphans)
        yield Job("alike", ALIKE_EVERY, self._compare)
        yield Job("hashes", 600, self._forget_hashes)
        yield Job("answers", 600, self._forget_answers)
        yield Job("joins", 3600, self._forget_joins)
        yield Job("retention", 3600, self._retention.run)

    def stop(self) -> None:
        """Let what takes long come to an end at its next step."""
        self._retention.stop()

    def _revisit(self) -> None:
        """Look again at leads that the version in force is about; another process may do it just now."""
        with contextlib.suppress(Conflict):
            revisits.step(self._store, SPACE, self._clock.now())

    def _give_up_orphans(self) -> None:
        """Give up what cannot be sent any more, and withhold what waits for where nothing is sent."""
        now = self._clock.now()
        with self._store.snapshot() as snapshot:  # mostly there are none, and senders need not wait for that
            found = [kind for kind in (outbox, orphans) if kind.has_orphans(snapshot, SPACE)]
        for kind in found:
            self._store.write(partial(kind.give_up_orphans, space=SPACE, now=now))
        self._store.write(partial(effects.withhold, space=SPACE, shut=self._fleet.shut(), now=now))

    def _compare(self) -> None:
        """Compare leads that have changed with those that may be the same person, where the playbook asks."""
        matching = self._holder.playbook().matching
        if matching is None or not self._is_wanted():
            return
        walk.remind(self._store, SPACE, self._clock.now())
        for _ in range(ALIKE_STEPS):
            if matching.same is not None and self._is_busy():  # pairs that are sure are events, in no hurry
                return
            if not (self._is_wanted() and walk.step(self._store, SPACE, matching, self._clock.now())):
                return

    def _is_busy(self) -> bool:
        with self._store.snapshot() as snapshot:
            return inbox.is_busy(snapshot, SPACE)

    def _forget_answers(self) -> None:
        for kind in (answers, checks):
            self._store.write(partial(kind.drop_old, space=SPACE, now=self._clock.now()))

    def _forget_joins(self) -> None:
        """Forget of joins what is kept to undo them, once their term is over."""
        self._store.write(partial(remembered.drop_old, space=SPACE, now=self._clock.now()))

    def _forget_hashes(self) -> None:
        self._store.write(partial(inbox.forget_hashes, now=self._clock.now()))
