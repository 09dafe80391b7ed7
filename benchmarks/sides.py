"""A store with what works for both CRMs, stepped by hand, so that calls are counted part by part."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import requests
import structlog

from benchmarks.crms import Crm
from benchmarks.house import House
from benchmarks.posts import post
from leadrelay import settings
from leadrelay.clock import SystemClock
from leadrelay.connected import Connected, connect
from leadrelay.connections import Known
from leadrelay.playbooks import PlaybookHolder
from leadrelay.settings import SPACE
from mappings.playbook import Limits
from model.event import Event, EventKind
from model.priority import Priority
from scheduler import poll
from sync import inbox, leases, migrate
from sync.database import open_store
from sync.deciding.decider import Decider
from sync.delivery.deliverer import deliver_batch
from sync.delivery.target import Target
from sync.reading.backfill import Backfill
from sync.reading.fetching import Fetcher
from sync.reading.polling import Poll

LOOK = 31  # seconds between two looks, a little more than ``poll.every``
READS = ("/batch/read", "/composite", "/composite/sobjects/Lead", "/composite/sobjects/Contact", "/query")
Calls = Counter[str]  # by "METHOD /path/template"


class Ahead:
    """The machine's clock, and how far it was set ahead; the sandbox's goes with it."""

    def __init__(self, crm: Crm) -> None:
        self._clock, self._crm, self._ahead = SystemClock(), crm, timedelta()

    def now(self) -> datetime:
        """Return the moment."""
        return self._clock.now() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let time pass for both sides."""
        answer = requests.post(f"{self._crm.url}/__sandbox/clock", json={"advance": seconds}, timeout=10)
        answer.raise_for_status()
        self._ahead += timedelta(seconds=seconds)


class Sides:
    """Both accounts at work, one part at a time."""

    def __init__(self, house: House, home: Path) -> None:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
        self.crms = {crm.name: crm for crm in house.crms}
        self.clock = Ahead(house.hubspot)
        playbook = house.playbook(limited=False)
        self._holder = PlaybookHolder(playbook)
        url = f"sqlite:///{home}/sides.db"
        migrate.upgrade(url)
        self.store = open_store(url)
        given = settings.load(house.environ(url, playbook))
        with self.store.snapshot() as snapshot:
            known = Known.read(given, snapshot, SPACE)
        self._connected = {name: self._reached(known, name) for name in self.crms}
        self.polls = {
            name: Poll(one.at(Priority.RECONCILE), self.store, self.clock, self._holder.playbook, SPACE)
            for name, one in self._connected.items()
        }
        self._fetchers = {
            name: Fetcher(one.at(Priority.PEOPLE), self.store, self.clock, self._holder.playbook, SPACE)
            for name, one in self._connected.items()
        }
        self._targets = {
            name: Target(one.connector, self.store, self.clock, self._holder.playbook)
            for name, one in self._connected.items()
        }
        lease = leases.acquire(
            self.store, "decider", "bench", self.clock.now(), timedelta(hours=9), alone=True
        )
        assert lease is not None
        self._decider = Decider(self.store, self.clock, lease, self._holder.pipeline, SPACE)
        for one in self._connected.values():
            poll.roster(one.at(Priority.PEOPLE), self.store, self.clock)
        self.decide()

    def _reached(self, known: Known, name: str) -> Connected:
        one = connect(known, replace(self._holder.playbook().crms[name], limits=Limits()))
        if one is None:
            raise RuntimeError(f"{name} is not set up")
        return one

    def close(self) -> None:
        """Let go of the file."""
        self.store.close()

    def filler(self, name: str) -> Backfill:
        """Build what reads all records of an account."""
        one = self._connected[name].at(Priority.BACKFILL)
        return Backfill(one, self.store, self.clock, self._holder.playbook, SPACE)

    def post(self, people: Sequence[int], visit: int, **fields: str) -> None:
        """Put forms of these people into the inbox."""
        now = self.clock.now()
        bodies = [post(person, visit) | fields for person in people]
        inbox.append(
            self.store,
            [
                Event(
                    "website",
                    f"{person}-{visit}-{now.timestamp()}",
                    EventKind.INTAKE,
                    {"body": body, "query": {}, "headers": {}, "ip": "127.0.0.1"},
                    now,
                    now,
                    SPACE,
                )
                for person, body in zip(people, bodies, strict=True)
            ],
        )

    # The parts ---------------------------------------------------------------------------

    def decide(self) -> int:
        """Decide all that waits."""
        decided = 0
        while did := self._decider.decide_batch():
            decided += did
        return decided

    def look(self) -> dict[str, int]:
        """Look once at every object that is due; return how many records were told of, by account."""
        told: Counter[str] = Counter()
        for name, one in self.polls.items():
            while not (step := one.step()).wait:
                told[name] += step.records
                self.decide()
        return dict(told)

    def read(self) -> int:
        """Read by id all that is wanted."""
        found = 0
        for one in self._fetchers.values():
            while did := one.step():
                found += did
        return found

    def write(self) -> int:
        """Deliver all that is due."""
        sent = 0
        for one in self._targets.values():
            while did := deliver_batch(one):
                sent += did
        return sent

    def settle(self) -> Mapping[str, Mapping[str, Calls]]:
        """Look, read, decide and write until nothing moves; return the calls of each part, by account."""
        parts: dict[str, dict[str, Calls]] = {}
        self.clock.advance(LOOK)
        with self._counted(parts, "polls"):
            self.look()
        moved = 1
        while moved:
            moved = self.decide()
            with self._counted(parts, "reads by id"):
                moved += self.read()
            moved += self.decide()
            with self._counted(parts, "delivery"):
                moved += self.write()
        return parts

    @contextmanager
    def _counted(self, parts: dict[str, dict[str, Calls]], part: str) -> Iterator[None]:
        before = {name: calls_of(crm) for name, crm in self.crms.items()}
        yield
        for name, crm in self.crms.items():
            kept = parts.setdefault(part, {}).setdefault(name, Counter())
            kept.update(calls_of(crm) - before[name])


def calls_of(crm: Crm) -> Calls:
    """Return the calls that an account counts so far; reading its owners is not among them."""
    return Counter({path: n for path, n in crm.stats()["calls"].items() if "owners" not in path})


def is_read(call: str) -> bool:
    """Say whether a call of a delivery only reads."""
    return call.startswith("GET ") or call.endswith(READS)
