"""The figures that Prometheus scrapes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mappings import evaluating
from model.event import EventKind
from model.times import Clock
from sync import status
from sync.budgets.forecast import Forecast
from sync.database import Store
from sync.edges.effect_books import EffectCount
from sync.result import Result

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
        self._alert_messages = Counter(
            "leadrelay_alert_messages", "Alarm messages by outcome", ("outcome",), registry=self.registry
        )
        self._deliver_seconds = Histogram(
            "leadrelay_deliver_seconds",
            "From wanting a change to its outcome",
            ("connection",),
            buckets=SECONDS,
            registry=self.registry,
        )

        self.registry.register(_Expressions())
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

        self._asks = Counter(
            "leadrelay_provider_calls",
            "Calls to providers by outcome",
            ("provider", "outcome"),
            registry=self.registry,
        )

    def asked(self, provider: str, outcome: str) -> None:
        """Count a call to a provider."""
        self._asks.labels(provider, outcome).inc()

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

    def alert_message(self, outcome: str) -> None:
        """Count what became of an alarm's message."""
        self._alert_messages.labels(outcome).inc()

    def show_alarms(self, standing: Callable[[], Mapping[str, int]], free: Callable[[], int | None]) -> None:
        """Add gauges of the alarms that stand, by kind, and of the room on the store's disk."""
        self.registry.register(_Alarms(standing, free))

    def watch(
        self,
        store: Store,
        clock: Clock,
        space: str,
        connections: Iterable[str],
        days: Callable[[], Mapping[str, Forecast]],
    ) -> None:
        """Add gauges of queues and budgets, read at each scrape; these connections always have queues."""
        self.registry.register(_Queues(store, clock, space, tuple(connections)))
        self.registry.register(_Days(days))


class _Expressions(Collector):
    """Expressions of the playbook that could not be evaluated, by rule and place, in this process."""

    def collect(self) -> Iterator[Metric]:
        failed = CounterMetricFamily(
            "leadrelay_expression_failures", "Expressions that could not be evaluated", labels=("rule", "at")
        )
        for labels, count in evaluating.failures().items():
            failed.add_metric(labels, count)
        yield failed


class _Days(Collector):
    def __init__(self, days: Callable[[], Mapping[str, Forecast]]) -> None:
        self._days = days

    def collect(self) -> Iterator[Metric]:
        calls = GaugeMetricFamily(
            "leadrelay_api_calls_of_the_day",
            "API calls of the account's day: used, ours, share (what the reserve leaves us), expected",
            labels=("connection", "what"),
        )
        short = GaugeMetricFamily(
            "leadrelay_api_day_runs_short",
            "1: the share will be used up before it is new",
            labels=("connection",),
        )
        for name, day in self._days().items():
            for what in ("used", "ours", "share", "expected"):
                if (count := getattr(day, what)) is not None:
                    calls.add_metric((name, what), count)
            short.add_metric((name,), int(day.is_short))
        yield from (calls, short)


class _Alarms(Collector):
    def __init__(self, standing: Callable[[], Mapping[str, int]], free: Callable[[], int | None]) -> None:
        self._standing, self._free = standing, free

    def collect(self) -> Iterator[Metric]:
        alarms = GaugeMetricFamily("leadrelay_alarms", "Alarms that stand", labels=("kind",))
        for kind, count in self._standing().items():
            alarms.add_metric((kind,), count)
        yield alarms
        free = self._free()
        if free is not None:
            yield GaugeMetricFamily("leadrelay_store_free_bytes", "Room on the store's disk", value=free)


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
            for state in ("due", "waiting", "backlog", "dead"):
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
        timers = GaugeMetricFamily(
            "leadrelay_timers", "Timers of leads: waiting, overdue (waiting, though due)", labels=("state",)
        )
        for state in ("waiting", "overdue"):
            timers.add_metric((state,), getattr(queues.timers, state))
        yield timers
