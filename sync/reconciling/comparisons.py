"""Asking for a comparison, and for what it found to be mended: for commands, pages and the local API."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from model.times import Clock
from sync.database import Store
from sync.reconciling import books, mends
from sync.reconciling.mends import Order
from sync.reconciling.runs import Asked


@dataclass(frozen=True, slots=True)
class Comparisons:
    """What may be asked for; the steps are taken by whoever works for the connection."""

    store: Store
    clock: Clock
    space: str = "main"

    def begin(self, name: str, asked: Asked, by: str) -> int:
        """Begin a run, and return its number: of the one under way where there is one."""
        now = self.clock.now()
        begin = partial(books.begin, space=self.space, name=name, asked=asked, by=by, now=now)
        run, _ = self.store.write(begin)
        self.store.signals.announce(f"backfill:{name}")
        return run.id

    def mend(self, order: Order) -> int:
        """Note an order and return how many differences it is for.

        Raises ``LeadRelayError`` where the run is not the last one, or more would be mended than was said.
        """
        return self.store.write(partial(mends.begin, space=self.space, order=order, now=self.clock.now()))
