"""Stores with many settled leads in them, each with its decider, in this process: no HTTP, no CRM."""

from __future__ import annotations

import itertools
import random
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from benchmarks.posts import post
from leadrelay.clock import SystemClock
from leadrelay.playbooks import PlaybookHolder
from model.change import Created, Outcome, OwnerRecord, RecordChange
from model.event import Event, EventKind, RecordRef
from sync import inbox, leases, migrate, teammates
from sync.database import open_store
from sync.deciding.decider import Decider
from sync.delivery.deliverer import deliver_batch
from sync.delivery.target import Target

SPACE = "main"
SETTLED = 1_000  # leads that go all the way; those of a larger store are copies of their rows
TEAM = ("anna.keller", "ben.carter", "chloe.martin", "david.nguyen",
        "elena.rossi", "farid.haddad", "mei.tanaka", "grace.obrien")  # fmt: skip
OF_LEADS = ("inbox_events", "leads", "identities", "links", "touches", "activities", "stage_history",
            "assignments", "scores", "outbox_changes", "audit", "audit_details", "person_keys")  # fmt: skip


class Agreeable:
    """A CRM that takes everything at once; as much of ``connectors.base.Connector`` as a create needs."""

    asks_before_create = False
    batch_size = 200

    def __init__(self, name: str) -> None:
        self.name = name
        self._ids = itertools.count(1)

    def create(
        self, changes: Sequence[RecordChange], _fields: Mapping[str, Sequence[str]]
    ) -> Iterator[Outcome]:
        """Create everybody."""
        for change in changes:
            ref = RecordRef(self.name, change.object, f"{self.name}-{next(self._ids)}")
            yield Created(change.key, ref, change.fields)


class Filled:
    """A store of so many leads, and events to decide on it."""

    def __init__(self, home: Path, playbook: Path, leads: int) -> None:
        self.leads = leads
        self._clock = SystemClock()
        self._holder = PlaybookHolder(playbook)
        self._next = 8_000_000
        path = home / f"{leads}.db"
        url = f"sqlite:///{path}"
        migrate.upgrade(url)
        self._open(url)
        self._settle_some(min(leads, SETTLED))
        if leads > SETTLED:
            self._store.close()
            multiply(path, leads // SETTLED)
            self._open(url)

    def decide(self, count: int, chance: random.Random) -> float:
        """Return decided events a second: half of them new people, half known ones."""
        people = []
        for _ in range(count // 2):
            self._next += 1
            people += [(self._next, "", 1)]
            copy = chance.randrange(max(1, self.leads // SETTLED))
            people += [(chance.randrange(min(self.leads, SETTLED)), f"{copy}." if copy else "", 2)]
        self._post(people)
        began, decided = time.perf_counter(), 0
        while batch := self._decider.decide_batch():
            decided += batch
        return decided / (time.perf_counter() - began)

    def close(self) -> None:
        """Let go of the file."""
        self._store.close()

    def _open(self, url: str) -> None:
        self._store = open_store(url)
        lease = leases.acquire(
            self._store, "decider", "bench", self._clock.now(), timedelta(hours=1), alone=True
        )
        assert lease is not None
        self._decider = Decider(self._store, self._clock, lease, self._holder.pipeline, SPACE)

    def _settle_some(self, count: int) -> None:
        names = list(self._holder.playbook().crms)
        now = self._clock.now()
        owners = [
            OwnerRecord(str(n), f"{name}@northlight.example", name, True) for n, name in enumerate(TEAM)
        ]
        rosters = [
            Event(name, "roster", EventKind.ROSTER, teammates.to_payload(owners), now, now, SPACE)
            for name in names
        ]
        inbox.append(self._store, rosters)
        self._post([(person, "", 1) for person in range(count)])
        self._decide_all()
        for name in names:
            target = Target(Agreeable(name), self._store, self._clock, self._holder.playbook)  # type: ignore[arg-type]
            while deliver_batch(target):
                pass
        self._decide_all()

    def _decide_all(self) -> None:
        while self._decider.decide_batch():
            pass

    def _post(self, people: Sequence[tuple[int, str, int]]) -> None:
        """Put posts into the inbox; a copied person's address begins with the number of the copy."""
        now = self._clock.now()
        events = []
        for person, copy, visit in people:
            body = post(person, visit)
            body["email"] = copy + body["email"]
            payload = {"body": body, "query": {}, "headers": {}, "ip": "127.0.0.1"}
            event_id = f"{copy}{person}-{visit}-{now.timestamp()}"
            events.append(Event("website", event_id, EventKind.INTAKE, payload, now, now, SPACE))
        inbox.append(self._store, events)


def multiply(path: Path, times: int) -> None:
    """Copy the rows of all settled leads under other names until there are ``times`` as many."""
    connection = sqlite3.connect(path)
    connection.executescript(
        "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-400000; BEGIN"
    )
    last = {table: _last_id(connection, table) for table in ("inbox_events", "audit")}
    for table in OF_LEADS:
        columns = [row[1:3] for row in connection.execute(f"PRAGMA table_info({table})")]
        chosen = [(name, _copied(table, name, kind, last)) for name, kind in columns]
        chosen = [(name, how) for name, how in chosen if how]
        names, values = ", ".join(name for name, _ in chosen), ", ".join(how for _, how in chosen)
        connection.execute(f"CREATE TEMP TABLE first AS SELECT * FROM {table}")
        for copy in range(1, times):
            connection.execute(f"INSERT INTO {table} ({names}) SELECT {values} FROM first", {"copy": copy})
        connection.execute("DROP TABLE first")
    connection.execute("COMMIT")
    connection.close()


def _last_id(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT max(id) FROM {table}").fetchone()[0])


def _copied(table: str, name: str, kind: str, last: Mapping[str, int]) -> str:
    """Return the SQL of a copied column: keys get the copy's number, all else stays; ``""``: counted anew."""
    if name == "id" and table in last:
        return f"id + :copy * {last[table]}"
    if name == "id" and "INT" in kind.upper():
        return ""
    if name == "event":
        return f"event + :copy * {last['inbox_events']}"
    if name == "audit_id":
        return f"audit_id + :copy * {last['audit']}"
    if name in ("id", "lead_id", "entity_id", "event_id", "remote_id"):
        return f"{name} || '-' || :copy"
    if name == "email" or (table == "identities" and name == "value"):
        return f":copy || '.' || {name}"
    if table == "leads" and name == "fields":
        return "json_set(fields, '$.email', :copy || '.' || json_extract(fields, '$.email'))"
    return name
