"""Work that one process at a time does: who has the seat does it, the others stand by."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import structlog

from model.errors import LostLease
from model.times import Clock
from sync import leases
from sync.database import Store
from sync.leases import Lease

log = structlog.get_logger("leadrelay.seats")

TERM = timedelta(seconds=5)  # after which the seat of a process that was killed is free
LOOK_EVERY = 1.0  # seconds between two looks of who stands by


class Seat:
    """A lease on work such as "poll:hubspot", taken before a step of it and kept by ``Seats.keep``.

    It keeps two from doing the same for long, not for a moment: a process may stand still for
    longer than its term and go on. What is stored must not depend on it (cursors are compared and
    set, records are found again); only the decider is fenced (``scheduler.loops.DeciderSeat``).
    """

    def __init__(
        self, name: str, acquire: Callable[[], Lease | None], monotonic: Callable[[], float]
    ) -> None:
        self.name = name
        self.lease: Lease | None = None
        self._acquire, self._monotonic = acquire, monotonic
        self._looked_at = float("-inf")

    @property
    def is_ours(self) -> bool:
        """Say whether it is ours, as far as this process knows."""
        return self.lease is not None

    def take(self) -> bool:
        """Say whether the work is ours to do now; whoever stands by asks the store once a second at most.

        Raises ``StoreBusy``.
        """
        at = self._monotonic()
        if self.lease is None and at - self._looked_at >= LOOK_EVERY:
            self._looked_at = at
            self.lease = self._acquire()
            if self.lease is not None:
                log.info("seat.taken", seat=self.name, epoch=self.lease.epoch)
        return self.lease is not None


class Seats:
    """All seats that one process takes, or stands by for, in a space."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        space: str,
        holder: str,
        *,
        term: timedelta = TERM,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._clock, self._space, self._holder = store, clock, space, holder
        self._monotonic = monotonic
        self._taken: dict[str, Seat] = {}
        self.term = term

    def at(self, work: str) -> Seat:
        """Return the seat of a work, the same one for every caller."""
        if work not in self._taken:
            name = f"{work}:{self._space}"

            def acquire() -> Lease | None:
                return leases.acquire(self._store, name, self._holder, self._clock.now(), self.term)

            self._taken[work] = Seat(work, acquire, self._monotonic)
        return self._taken[work]

    def keep(self) -> None:
        """Hold what is ours for another term; find out what another has taken. Raises ``StoreBusy``."""
        for seat in list(self._taken.values()):
            lease = seat.lease
            if lease is None:
                continue
            try:
                leases.renew(self._store, lease, self._clock.now() + self.term)
            except LostLease as error:
                log.warning("seat.lost", seat=seat.name, reason=str(error))
                seat.lease = None

    def release(self, work: str) -> None:
        """Give a seat up, so that the next one need not wait for its term."""
        seat = self._taken.get(work)
        if seat is None:
            return
        lease, seat.lease = seat.lease, None
        if lease is not None:
            leases.release(self._store, lease)

    def release_all(self) -> None:
        """Give all up on the way out."""
        for work in list(self._taken):
            self.release(work)
