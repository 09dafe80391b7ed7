"""Whether deciding slows down as the store grows."""

from __future__ import annotations

import logging
import random
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import structlog

from benchmarks.figures import Table, Target
from benchmarks.house import House
from benchmarks.stores import Filled
from leadrelay import garbage

SHARE = Target(0.9, ">=")


def measure(house: House, *, quick: bool, million: bool = False) -> Iterator[Table]:
    """Decide on stores of several sizes in turns, so that all meet the same moments of the machine.

    The files lie where temporary files do: ``TMPDIR`` chooses between a disk and memory (tmpfs).
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    sizes = [2_000, 20_000] if quick else [10_000, 100_000]
    sizes += [1_000_000] if million else []
    rounds, count = (5, 400) if quick else (9, 1_000)
    chance = random.Random(1)
    with tempfile.TemporaryDirectory(dir=house.folder) as home:
        stores = [Filled(Path(home), house.playbook(limited=True, full=True), size) for size in sizes]
        for store in stores:
            store.decide(count, chance)
        garbage.rest()
        rates = [[store.decide(count, chance) for store in stores] for _ in range(rounds)]
        for store in stores:
            store.close()
    rows = []
    for n, size in enumerate(sizes):
        share = statistics.median(row[n] / row[0] for row in rates)
        rate = statistics.median(row[n] for row in rates)
        rows.append([f"{size:,}", f"{rate:.0f}", f"{share:.2f}", SHARE.judge(share) if n else ""])
    head = ("leads in the store", "decided/s", f"÷ with {sizes[0]:,}", "target")
    note = f"Median of {rounds} rounds of {count} events, half of them of known people; the deciding alone."
    yield Table("Deciding on a full store", head, rows, note)
