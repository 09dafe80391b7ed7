"""Stores with many settled leads in them, each with its decider, in this process: no HTTP, no CRM."""

from __future__ import annotations

import contextlib
import itertools
import random
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from benchmarks.posts import post
from leadrelay.clock import SystemClock
from leadrelay.playbooks import PlaybookHolder
from model.account import account_id
from model.change import Association, Created, Outcome, OwnerRecord, Record, RecordChange, Updated
from model.event import Event, EventKind, JsonValue, RecordRef
from sync import inbox, leases, migrate, teammates
from sync.database import open_store
from sync.deciding.decider import Decider
from sync.deciding.pipeline import Pipeline
from sync.delivery.deliverer import deliver_batch
from sync.delivery.target import Target

SPACE = "main"
SETTLED = 1_000  # leads that go all the way; those of a larger store are copies of their rows
TEAM = ("anna.keller", "ben.carter", "chloe.martin", "david.nguyen",
        "elena.rossi", "farid.haddad", "mei.tanaka", "grace.obrien")  # fmt: skip
OF_LEADS = ("inbox_events", "leads", "identities", "links", "touches", "activities", "stage_history",
            "assignments", "scores", "outbox_changes", "audit", "audit_details", "person_keys",
            "accounts", "account_links", "outbox_effects")  # fmt: skip
REMOTE_ID = re.compile(r'"((?:hubspot|salesforce)-\d+)"')  # as ``Agreeable`` gives them


class Agreeable:
    """A CRM that takes everything at once; as much of ``connectors.base.Connector`` as the full job needs."""

    asks_before_create = False
    batch_size = association_batch_size = 200

    def __init__(self, name: str) -> None:
        self.name = name
        self._ids = itertools.count(1)
        self._records: dict[RecordRef, Mapping[str, JsonValue]] = {}

    def find(
        self, _changes: Sequence[RecordChange], _fields: Mapping[str, Sequence[str]]
    ) -> Iterator[Outcome]:
        """Find nobody: all are new."""
        yield from ()

    def create(
        self, changes: Sequence[RecordChange], _fields: Mapping[str, Sequence[str]]
    ) -> Iterator[Outcome]:
        """Create everybody."""
        for change in changes:
            ref = RecordRef(self.name, change.object, f"{self.name}-{next(self._ids)}")
            self._records[ref] = change.fields
            yield Created(change.key, ref, change.fields)

    def read(self, refs: Sequence[RecordRef], _fields: Mapping[str, Sequence[str]]) -> Iterator[Record]:
        """Return what was written."""
        yield from (Record(ref, self._records[ref]) for ref in refs)

    def update(self, changes: Sequence[RecordChange]) -> Iterator[Outcome]:
        """Write everything."""
        for change in changes:
            ref = RecordRef(self.name, change.object, change.remote_id or "")
            self._records[ref] = {**self._records[ref], **change.fields}
            yield Updated(change.key, ref, change.fields)

    def associate(self, pairs: Sequence[Association]) -> Iterator[Outcome]:
        """Associate all."""
        yield from (Updated(pair.key, pair.person, {}) for pair in pairs)


class Filled:
    """A store of so many leads, and events to decide on it."""

    def __init__(self, home: Path, playbook: Path, leads: int) -> None:
        self.leads = leads
        self._clock = SystemClock()
        self._holder = PlaybookHolder(playbook)
        self._next = 8_000_000
        self._met: set[int] = set()
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
        """Return decided events a second: half of them new people, half known ones on their second visit."""
        people = []
        for _ in range(count // 2):
            self._next += 1
            people += [(self._next, 0, 1), self._known(chance)]
        self._post(people)
        began, decided = time.perf_counter(), 0
        while batch := self._decider.decide_batch():
            decided += batch
        return decided / (time.perf_counter() - began)

    def _known(self, chance: random.Random) -> tuple[int, int, int]:
        """Return the second visit of somebody: each once, so that a small store has no less to decide."""
        if len(self._met) == self.leads:
            self._met.clear()
        number = next(n for n in iter(lambda: chance.randrange(self.leads), None) if n not in self._met)
        self._met.add(number)
        return number % SETTLED, number // SETTLED, 2

    def pipeline(self) -> Pipeline:
        """Return the handlers of the playbook."""
        return self._holder.pipeline()

    def use(self, pipeline: Callable[[], Pipeline]) -> None:
        """Decide with these handlers from now on."""
        self._decider.pipeline = pipeline

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
        self._post([(person, 0, 1) for person in range(count)])
        self._decide_all()
        targets = [
            Target(Agreeable(name), self._store, self._clock, self._holder.playbook)  # type: ignore[arg-type]
            for name in names
        ]
        for target in targets * 2:  # the second time each CRM is told the ids that the other one gave
            while deliver_batch(target):
                pass
            self._decide_all()
        with contextlib.closing(sqlite3.connect(self._store.path)) as connection, connection:
            # Chats and mail are not measured here: all were told.
            connection.execute("UPDATE outbox_effects SET state = 'sent', settled_at = raised_at")

    def _decide_all(self) -> None:
        while self._decider.decide_batch():
            pass

    def _post(self, people: Sequence[tuple[int, int, int]]) -> None:
        """Put posts into the inbox: of a person, or of a copy of theirs, on a visit."""
        now = self._clock.now()
        events = []
        for person, copy, visit in people:
            body = post(person, visit)
            if copy:
                body["email"] = body["email"].replace("@", f"@{_of_copy(copy)}")
            payload = {"body": body, "query": {}, "headers": {}, "ip": "127.0.0.1"}
            event_id = f"{copy}.{person}-{visit}-{now.timestamp()}"
            events.append(Event("website", event_id, EventKind.INTAKE, payload, now, now, SPACE))
        inbox.append(self._store, events)


def _of_copy(copy: int) -> str:
    """Return what a copied company's domain begins with: copies work elsewhere."""
    return f"c{copy}-"


def multiply(path: Path, times: int) -> None:
    """Copy the rows of all settled leads and accounts under other names until there are ``times`` as many."""
    connection = sqlite3.connect(path)
    domains = dict(connection.execute("SELECT id, domain FROM accounts"))

    def account_of(old: str, copy: int) -> str:
        return account_id(SPACE, _of_copy(copy) + domains[old]) if old in domains else f"{old}-{copy}"

    def agreed(shadow: str, copy: int) -> str:
        return REMOTE_ID.sub(rf'"\1-{copy}"', shadow)

    connection.create_function("account_of", 2, account_of, deterministic=True)
    connection.create_function("agreed", 2, agreed, deterministic=True)
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
    if name in ("entity_id", "account_id") or (table == "accounts" and name == "id"):
        return f"CASE WHEN {name} IS NOT NULL THEN account_of({name}, :copy) END"
    if name in ("id", "lead_id", "event_id", "remote_id") or (table == "outbox_effects" and name == "key"):
        return f"{name} || '-' || :copy"
    if name in ("shadow", "written"):
        return f"agreed({name}, :copy)"
    if name == "email" or (table == "identities" and name == "value"):
        return f"replace({name}, '@', '@c' || :copy || '-')"
    if table == "accounts" and name == "domain":
        return "'c' || :copy || '-' || domain"
    if table == "accounts" and name == "fields":
        return "json_set(fields, '$.domain', 'c' || :copy || '-' || domain)"
    if table == "leads" and name == "fields":
        address = _copied(table, "email", "TEXT", last)
        return f"json_set(fields, '$.email', {address}, '$.account', account_of(account_id, :copy))"
    return name
