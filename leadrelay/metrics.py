"""The figures that Prometheus scrapes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from model.event import EventKind
from model.times import Clock
from sync import status
from sync.database import Store
from sync.effect_books import EffectCount
from sync.pipeline import Result

SECONDS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30, 60, 300, 3600)


class Metrics:
    """Counters that grow with the work, and gauges read from the store when asked."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._decided = Counter(
            "leadrelay_events_decided", "Events settled", ("kind", "state"), registry=self.registry
        )
        self._decide_seconds = Histogram(
            "leadrelay_decide_seconds",
            "From receiving an event to its decision",
            buckets=SECONDS,
            registry=self.registry,
        )
        self._delivered = Counter(
            "leadrelay_changes_settled", "Outbox outcomes", ("connection", "outcome"), registry=self.registry
        )
        self._deliver_seconds = Histogram(
            "leadrelay_deliver_seconds",
            "From wanting a change to its outcome",
            ("connection",),
            buckets=SECONDS,
            registry=self.registry,
        )

        self._effects = Counter(
            "leadrelay_effects_settled",
            "Tasks and messages by outcome",
            ("target", "outcome"),
            registry=self.registry,
        )
        self._effect_seconds = Histogram(
            "leadrelay_effect_seconds",
            "From wanting a task or message to its outcome",
            ("target",),
            buckets=SECONDS,
            registry=self.registry,
        )

    def settled(self, results: Sequence[Result]) -> None:
        """Count decided events."""
        for result in results:
            event = result.stored.event
            self._decided.labels(str(event.kind), str(result.state)).inc()
            if event.kind is EventKind.INTAKE:
                waited = result.stored.decided_at - event.received_at
                self._decide_seconds.observe(max(0.0, waited.total_seconds()))

    def delivered(self, connection: str, outcome: str, seconds: float) -> None:
        """Count one outcome of a change."""
        self._delivered.labels(connection, outcome).inc()
        self._deliver_seconds.labels(connection).observe(max(0.0, seconds))

    def effect(self, target: str, outcome: str, seconds: float) -> None:
        """Count one outcome of a task or message."""
        self._effects.labels(target, outcome).inc()
        self._effect_seconds.labels(target).observe(max(0.0, seconds))

    def watch(self, store: Store, clock: Clock, space: str, connections: Iterable[str]) -> None:
        """Add gauges of the queues, read at each scrape; these connections are always among them."""
        self.registry.register(_Queues(store, clock, space, tuple(connections)))


class _Queues(Collector):
    def __init__(self, store: Store, clock: Clock, space: str, connections: tuple[str, ...]) -> None:
        self._store, self._clock, self._space = store, clock, space
        self._targets: dict[str, None] = {}
        self._known = dict.fromkeys(connections)  # a series that has begun is never left out

    def collect(self) -> Iterator[Metric]:
        with self._store.snapshot() as snapshot:
            queues = status.queues(snapshot, self._space, self._clock.now())
        inbox = GaugeMetricFamily("leadrelay_inbox_events", "Events by state", labels=("state",))
        for state, count in queues.events.items():
            inbox.add_metric((state,), count)
        yield inbox
        outbox = GaugeMetricFamily(
            "leadrelay_outbox_changes", "Changes by state", labels=("connection", "state")
        )
        self._known |= dict.fromkeys(queues.connections)
        for connection in self._known:
            counts = queues.connections.get(connection, status.ConnectionCount())
            for state in ("due", "waiting", "dead"):
                outbox.add_metric((connection, state), getattr(counts, state))
        yield outbox
        effects = GaugeMetricFamily(
            "leadrelay_effects", "Tasks and messages by state", labels=("target", "state")
        )
        self._targets |= dict.fromkeys(queues.effects)
        for target in self._targets:
            effect_counts = queues.effects.get(target, EffectCount())
            for state in ("waiting", "unknown", "withheld", "dead"):
                effects.add_metric((target, state), getattr(effect_counts, state))
        yield effects
