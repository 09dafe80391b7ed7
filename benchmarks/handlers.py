"""What each handler costs an event, with the full starter playbook."""

from __future__ import annotations

import logging
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import structlog

from benchmarks.figures import Table
from benchmarks.house import House
from benchmarks.stores import Filled
from handlers.base import Context, Handler
from model.decision import Decision
from model.lead import Lead
from sync.deciding.pipeline import Pipeline

LEADS = 10_000


class Timed:
    """A pipeline's handlers, each with the time it took in all."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}

    def around(self, pipeline: Pipeline) -> Pipeline:
        """Return the pipeline with its handlers watched."""
        for name, _ in pipeline.handlers:
            self.seconds[name], self.calls[name] = 0.0, 0
        return replace(pipeline, handlers=[(name, self._watch(name, one)) for name, one in pipeline.handlers])

    def _watch(self, name: str, handler: Handler) -> Handler:
        def watched(lead: Lead, context: Context) -> Decision:
            began = time.perf_counter()
            try:
                return handler(lead, context)
            finally:
                self.seconds[name] += time.perf_counter() - began
                self.calls[name] += 1

        return watched


def measure(house: House, *, quick: bool) -> Iterator[Table]:
    """Decide on one store in turns, with watched handlers and without, so that both meet the same moments."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    rounds, count = (3, 400) if quick else (9, 1_000)
    chance, timed = random.Random(1), Timed()
    with tempfile.TemporaryDirectory(dir=house.folder) as home:
        store = Filled(Path(home), house.playbook(limited=True, full=True), LEADS)
        bare = store.pipeline()
        watched = timed.around(bare)
        store.decide(count, chance)
        whole, alone = [], []
        for _ in range(rounds):
            alone.append(_spell(store, lambda: bare, count, chance))
            whole.append(_spell(store, lambda: watched, count, chance))
        store.close()
    events = rounds * count
    rows = [
        [
            name,
            f"{timed.calls[name] / events:.2f}",
            f"{used / events * 1e6:.1f} µs",
            f"{used / sum(whole):.1%}",
        ]
        for name, used in timed.seconds.items()
    ]
    handlers = sum(timed.seconds.values())
    rest = sum(whole) - handlers
    rows.append(["all handlers", "", f"{handlers / events * 1e6:.0f} µs", f"{handlers / sum(whole):.1%}"])
    rows.append(["reading, loading, saving", "", f"{rest / events * 1e6:.0f} µs", f"{rest / sum(whole):.1%}"])
    ratio = statistics.median(w / a for w, a in zip(whole, alone, strict=True))
    note = (
        f"{rounds} rounds of {count} events, half of them of known people, {LEADS:,} leads in the store; "
        f"watching made a round {ratio:.2f} times as long."
    )
    yield Table("Handlers", ["handler", "runs an event", "time an event", "of deciding"], rows, note)


def _spell(store: Filled, pipeline: Callable[[], Pipeline], count: int, chance: random.Random) -> float:
    """Return the seconds that so many events take with this pipeline."""
    store.use(pipeline)
    return count / store.decide(count, chance)
