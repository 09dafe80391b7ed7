"""Threads that run the drains: woken by a commit, by the clock at the latest."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import structlog

from model.errors import LostLease, StoreBusy
from model.faults import mark_of, plain, said_by
from model.priority import Priority
from model.times import Clock
from scheduler.seats import Seat
from sync import leases
from sync.database import Store
from sync.deciding.decider import TERM, Decider
from sync.delivery.claiming import claim
from sync.delivery.deliverer import finish
from sync.delivery.target import Claimed, Target
from sync.edges import errands, telling
from sync.edges.errands import Outlet
from sync.leases import Lease

log = structlog.get_logger("leadrelay.loops")

IDLE_WAIT = 1.0  # seconds at most between two looks, should a nudge be missed
LONGEST_REST = 60.0  # seconds that a channel is left alone at most when it says that it is busy
FAULT_WAIT = 1.0  # seconds after a failure, so that a broken store is not hammered


class Loop:
    """Calls ``step`` again and again while it does something, else waits for its signal."""

    def __init__(
        self,
        name: str,
        step: Callable[[], int],
        nudge: threading.Event,
        *,
        idle_wait: float | None = None,
    ) -> None:
        self._idle_wait = idle_wait
        self._step = step
        self._nudge = nudge
        self._stopping = threading.Event()
        self.name = name
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._resting = threading.Condition()
        self._begun = self._rested = 0  # steps so far; the last one that found nothing more to do
        self.failure: str | None = None
        self.is_store_away = False  # the last step failed for the store could not commit

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wind_down(self) -> None:
        """Begin no other step; returns at once."""
        self._stopping.set()
        self._nudge.set()
        with self._resting:
            self._resting.notify_all()  # whoever waits for a drain

    def heeds(self, nudge: threading.Event) -> bool:
        """Say whether it is this event that wakes the loop."""
        return nudge is self._nudge

    def drain(self, patience: float) -> bool:
        """Do what there is to do now; ``False`` where that is not over after ``patience`` seconds."""
        with self._resting:
            asked = self._begun
            self._nudge.set()
            return self._resting.wait_for(lambda: self._rested > asked or self._stopping.is_set(), patience)

    def stop(self, timeout: float = 30.0) -> None:
        """Finish the step under way and end the thread."""
        self.wind_down()
        self._thread.join(timeout)

    def pause(self, seconds: float) -> None:
        """Wait inside a step, but not longer than until the loop is stopped."""
        self._stopping.wait(seconds)

    @property
    def is_alive(self) -> bool:
        """Say whether the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._nudge.clear()
            self._begun += 1
            try:
                did = self._step()
                self.failure, self.is_store_away = None, False
            except StoreBusy as error:
                did = 0
                self.failure, self.is_store_away = said_by(error), True
                log.warning("loop.store_busy", loop=self.name, reason=self.failure)
                self._stopping.wait(FAULT_WAIT)
            except Exception as error:
                did = 0
                self.failure = plain(error)  # /readyz shows it to anybody
                log.exception("loop.failed", loop=self.name, fault=mark_of(error))
                self._stopping.wait(FAULT_WAIT)
            if not did and not self._stopping.is_set():
                with self._resting:
                    self._rested = self._begun
                    self._resting.notify_all()
                self._nudge.wait(self._idle_wait or IDLE_WAIT)


class Dispatcher:
    """Delivers to one connection: claims in one thread, calls in up to ``lanes`` others.

    A claim is made only when a lane is free and the budget allows a call, so that each call
    carries all that is due by then: a trickle goes out one by one, a burst fills the calls.
    """

    def __init__(self, target: Target, nudge: threading.Event, *, lanes: int) -> None:
        self._target = target
        self._nudge = nudge
        self._lanes = threading.Semaphore(lanes)
        self._pool = ThreadPoolExecutor(lanes, thread_name_prefix=f"deliver-{target.name}")
        self.loop = Loop(f"claim-{target.name}", self._step, nudge)

    def start(self) -> None:
        """Start claiming."""
        self.loop.start()

    def renew(self) -> None:
        """Extend the leases of deliveries whose calls take long."""
        self._target.renew()

    def stop(self) -> None:
        """Claim no more and let the calls in flight finish and settle."""
        self.loop.stop()
        self._pool.shutdown(wait=True)

    def _step(self) -> int:
        if not self._lanes.acquire(timeout=IDLE_WAIT):
            return 1  # all lanes are out: look again, the nudge is not used up
        claimed = None
        try:
            wait = self._target.ready_in(Priority.SPEED_TO_LEAD)
            if wait > 0:
                self.loop.pause(min(wait, IDLE_WAIT))
                return 1
            # While calls of deliveries under way wait, more of them would only make all of them late.
            wait = self._target.ready_in(Priority.PEOPLE)
            claimed = claim(self._target, Priority.SPEED_TO_LEAD if wait > 0 else Priority.BACKFILL)
            if claimed is None:
                if wait > 0:
                    self._nudge.wait(min(wait, IDLE_WAIT))
                return int(wait > 0)
            self._pool.submit(self._finish, claimed)
            return len(claimed.sendings)
        finally:
            if claimed is None:
                self._lanes.release()

    def _finish(self, claimed: Claimed) -> None:
        try:
            finish(self._target, claimed)
        except Exception:  # a lane must not die: the lease runs out and the rows are read first
            log.exception("deliver.failed", target=self._target.name)
        finally:
            self._lanes.release()


class Messenger:
    """Sends one-shot effects to one connection or channel, one call after the other.

    Between two calls it leaves the target alone as long as its limits ask for, so what falls due
    meanwhile goes out together: as one digest, or as one batch of tasks. A channel's limits are kept by
    whoever has its ``seat``; a connection's are shared by all who call it.
    """

    def __init__(
        self, outlet: Outlet, nudge: threading.Event, *, pace: float, seat: Seat | None = None
    ) -> None:
        self._outlet = outlet
        self._pace = pace
        self._seat = seat
        self._ready_at = 0.0  # of the monotonic clock
        self.loop = Loop(f"tell-{outlet.name}", self._step, nudge)

    def start(self) -> None:
        """Start sending."""
        self.loop.start()

    def stop(self) -> None:
        """Let the call in flight finish and settle, and begin no other."""
        self.loop.stop()

    def _step(self) -> int:
        if self._seat is not None and not self._seat.take():
            return 0
        wait = max(self._ready_at - time.monotonic(), self._outlet.ready_in())
        if wait > 0:
            self.loop.pause(min(wait, IDLE_WAIT))
            return 1
        claimed = errands.claim(self._outlet)
        if claimed is None:
            return 0
        begun = time.monotonic()
        rest = telling.finish(self._outlet, claimed)
        self._ready_at = max(begun + self._pace, time.monotonic() + min(rest, LONGEST_REST))
        return len(claimed.errands)


class DeciderSeat:
    """Stands by for the decider's lease and decides while it holds it."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        holder: str,
        build: Callable[[Lease], Decider],
        *,
        space: str = "main",
        alone: bool = False,
        term: timedelta = TERM,
    ) -> None:
        self._store, self._clock, self._holder, self._build = store, clock, holder, build
        self._name = f"decider:{space}"
        self._alone = alone
        self._term = term
        self._decider: Decider | None = None
        self.loop = Loop("decider", self._step, store.signals.event("inbox"))

    @property
    def is_seated(self) -> bool:
        """Say whether this process decides now."""
        return self._decider is not None

    def renew(self) -> None:
        """Keep the lease through quiet times."""
        decider = self._decider
        if decider is None:
            return
        try:
            decider.renew()
        except LostLease as error:
            self._step_down(decider, error)

    def release(self) -> None:
        """Give the lease up on the way out."""
        if self._decider is not None:
            leases.release(self._store, self._decider.lease)
            self._decider = None

    def _step(self) -> int:
        decider = self._decider
        if decider is None:
            lease = leases.acquire(
                self._store, self._name, self._holder, self._clock.now(), self._term, alone=self._alone
            )
            if lease is None:
                return 0
            self._decider = decider = self._build(lease)
            log.info("decider.seated", epoch=lease.epoch)
        try:
            return decider.decide_batch()
        except LostLease as error:
            self._step_down(decider, error)
            return 0

    def _step_down(self, decider: Decider, error: LostLease) -> None:
        log.warning("decider.stepped_down", reason=str(error))
        if self._decider is decider:  # another thread may have seen it first
            self._decider = None
