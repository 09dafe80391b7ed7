"""What the tests of reconcile share: a run taken to its end, what it found, and an order to mend."""

from __future__ import annotations

from functools import partial
from typing import Any

from sync.database import Store
from sync.reading.backfill import Backfill
from sync.reconciling import books, finds, mends
from sync.reconciling.finds import Filter
from sync.reconciling.kinds import Difference
from sync.reconciling.mends import Mends, Order
from sync.reconciling.running import Reconciler
from sync.reconciling.runs import Asked, Run
from sync.reconciling.side import Side
from tests.sync.followed import a_poll, look
from tests.sync.house import HUBSPOT, House

WHOLE = 10_000
READING = {"count", "read", "list"}


def mirrored(house: House) -> House:
    """Fill the mirrors, and let the polls see what is there."""
    for name in house.crms:
        filler = Backfill(house.crms[name], house.store, house.clock, lambda: house.playbook)
        while filler.step() is not None:
            pass
        look(a_poll(house, name))
    house.settle()
    return house


def a_reconciler(house: House, name: str = HUBSPOT, store: Store | None = None) -> Reconciler:
    """Build what compares a connection, as a process does that has just started."""
    side = Side(
        house.crms[name],
        store or house.store,
        house.clock,
        lambda: house.playbook,
        lambda: name not in house.shut,
    )
    return Reconciler(side)


def begin(house: House, name: str = HUBSPOT, sample: int | None = None, **asked: Any) -> Run:
    """Ask for a run; of all unless told otherwise."""
    now = house.clock.now()
    run, _ = house.store.write(
        partial(books.begin, space="main", name=name, asked=Asked(sample, **asked), by="olga", now=now)
    )
    return run


def finish(house: House, name: str = HUBSPOT) -> Run:
    """Take the run under way to its end, each step by a new process; what is to be waited for passes."""
    for _ in range(WHOLE):
        step = a_reconciler(house, name).step()
        if step is None:
            with house.store.snapshot() as snapshot:
                [run] = books.recent(snapshot, "main", name)
            return run
        house.clock.advance(step.wait)
    raise AssertionError("the run does not come to its end")


def compare(house: House, name: str = HUBSPOT, sample: int | None = None, **asked: Any) -> Run:
    """Compare a connection once."""
    begin(house, name, sample, **asked)
    return finish(house, name)


def found(house: House, run: Run, **wanted: Any) -> list[Difference]:
    """Return what a run found."""
    with house.store.snapshot() as snapshot:
        kept = finds.rows(snapshot, "main", run.id, Filter(**wanted), limit=WHOLE)
    return [one.difference for one in kept]


def order(house: House, run: Run, at_most: int | None = None, **wanted: Any) -> int:
    """Ask for what a run found to be mended; return how much that is."""
    asked = Order(run.id, Filter(**wanted), "olga", at_most)
    return house.store.write(partial(mends.begin, space="main", order=asked, now=house.clock.now()))


def mend(house: House, run: Run, **wanted: Any) -> int:
    """Have what a run found mended, and let the house come to rest."""
    total = order(house, run, **wanted)
    for _ in range(WHOLE):
        if not Mends(house.store, house.clock).step():
            break
        house.settle()
    return total
