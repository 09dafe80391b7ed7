"""PostgreSQL: whoever writes locks rows in one order, so that nobody waits for another in a circle."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from mappings.playbook import Expiry, Person, Playbook
from model.change import Record
from model.errors import StoreBusy
from model.event import RecordRef
from model.lead import Identity
from model.listing import Listed
from sync import fetches, mirror, outbox, tables, timers
from sync.database import Store, open_store
from sync.delivery.deliverer import deliver_batch
from sync.delivery.target import Target
from sync.fetches import Wish
from sync.reading.backfill import Backfill, begin_again
from sync.reading.fetching import Fetcher
from sync.reading.polling import Poll
from sync.reading.recycling import RecycleBin
from tests.builders import a_lifecycle, a_pool, a_routing, a_scoring, field_is, moves_to, place, points
from tests.sync.clock import FakeClock
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house, house_playbook
from tests.sync.stores import rows

PEOPLE = 24
ROUNDS = 15
PAUSE = 0.001  # seconds after each statement that writes, so that transactions meet


class OneCall:
    """A CRM in memory that several threads may call: one call at a time."""

    def __init__(self, crm: Any) -> None:
        self._crm, self._lock = crm, threading.RLock()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._crm, name)
        if not callable(found):
            return found

        def call(*asked: Any, **more: Any) -> Any:
            with self._lock:
                answer = found(*asked, **more)
                return list(answer) if hasattr(answer, "__next__") else answer

        return call


class GoingClock(FakeClock):
    """A clock that never shows one moment twice: what is read twice is two events, as with any real clock."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            self.advance(0.000001)
            return super().now()


class Crowd:
    """Threads that do the same again and again until they are told to stop."""

    def __init__(self) -> None:
        self._over, self._threads = threading.Event(), []
        self.broken: list[BaseException] = []

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def add(self, step: Callable[[], Any]) -> None:
        thread = threading.Thread(target=self._run, args=(step,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self, step: Callable[[], Any]) -> None:
        while not self._over.wait(PAUSE):
            try:
                step()
            except StoreBusy as error:
                self.broken.append(error)
            except BaseException as error:  # noqa: BLE001 - the test must hear of it
                self.broken.append(error)
                return


@pytest.fixture
def stores(migrated_postgres_url: str):
    """Opens the store as each process does, with a pause after each statement that writes."""
    opened: list[Any] = []

    def open_one() -> Store:
        store: Any = open_store(migrated_postgres_url)
        opened.append(store)

        @sa.event.listens_for(store._engine, "after_cursor_execute")
        def _pause(connection, cursor, statement, parameters, context, executemany):
            if not statement.startswith("SELECT") or "FOR UPDATE" in statement:
                time.sleep(PAUSE)

        return store

    yield open_one
    for one in opened:
        one.close()


def a_process(house: House, store: Store, playbook: Callable[[], Playbook]) -> list[Callable[[], Any]]:
    """Return the steps of a process that delivers, follows and mirrors both CRMs."""
    steps: list[Callable[[], Any]] = []
    for name, crm in house.crms.items():
        target = Target(crm, store, house.clock, playbook)
        poll = Poll(crm, store, house.clock, playbook)
        filler = Backfill(crm, store, house.clock, playbook)
        fetcher = Fetcher(crm, store, house.clock, playbook)
        recycled = RecycleBin(crm, store, house.clock, playbook)

        def follow(poll: Poll = poll) -> None:
            poll.look_now()
            poll.step()

        def mirror(filler: Backfill = filler, name: str = name) -> None:
            if filler.step() is None:
                store.write(lambda on: begin_again(on, "main", name, house.clock.now()))

        steps += [
            lambda target=target: deliver_batch(target),
            follow,
            mirror,
            fetcher.step,
            recycled.step,
            lambda target=target: target.renew(),
        ]
    return [*steps, lambda: store.write(lambda on: outbox.give_up_orphans(on, "main", house.clock.now()))]


def a_playbook_with_timers() -> Playbook:
    """Build one whose points go after seconds, and whose leads wait for a place of one of two people."""
    fades = points(10, "demo", activity="demo_request", max_times=3, decay=Expiry(timedelta(seconds=3)))
    people = {one: Person(one, place(50), open_leads=2) for one in ("ann@example.com", "bo@example.com")}
    routing = a_routing(pools=[replace(a_pool("everyone", *people), if_nobody="queue_until_shift")])
    return house_playbook(
        scoring=a_scoring(fades),
        routing=replace(routing, people=people),
        lifecycle=a_lifecycle(moves_to("nurture", when=field_is("title", "CTO"))),
    )


def test_who_polls_decides_delivers_fetches_and_mirrors_at_once_never_waits_in_a_circle(stores):
    house = a_house(stores(), clock=GoingClock(), playbook=a_playbook_with_timers())
    random = Random(5)
    house.crms = {name: OneCall(crm) for name, crm in house.crms.items()}
    house.restart()
    with capture_logs() as logs, Crowd() as crowd:
        crowd.add(house.decider.decide_batch)
        for _ in range(2):
            for step in a_process(house, stores(), lambda: house.playbook):
                crowd.add(step)
            crowd.add(partial(_hand_in_timers, stores(), house))
        for number in range(ROUNDS):
            _happen(house, random, number)
            house.clock.advance(1)
            time.sleep(0.05)
    assert crowd.broken == []
    assert [one for one in logs if one["event"] == "store.write_again"] == []
    handed_in = [
        row["payload"]["kind"] for row in rows(house.store, tables.inbox_events) if row["kind"] == "timer"
    ]
    assert "score" in handed_in


def _hand_in_timers(store: Store, house: House) -> None:
    """Do what the job of timers does, however many events wait, and as if it were some minutes later."""
    later = house.clock.now() + timedelta(minutes=5)
    store.write(partial(timers.hand_in, space="main", now=later, limit=20))


def _happen(house: House, random: Random, number: int) -> None:
    """Let people post and edit, and CRMs tell of records in any order, now and then of a merge."""
    for _ in range(6):
        house.post(email=f"p{random.randrange(PEOPLE)}@example.com", title=random.choice(["CEO", "CTO"]))
    wishes = []
    for name in (HUBSPOT, SALESFORCE):
        crm = house.crms[name]
        there = [one for one, kept in list(crm.records.items()) if not kept.archived]
        random.shuffle(there)
        for one in there[:8]:
            crm.edit(one, company=random.choice(["Acme", "Zeta"]))
        if len(there) > 2 and number % 3 == 0:
            crm.unite(there[0], there[1])
        wishes += [Wish(name, crm.records[one].object, one) for one in there[:16]]
    house.store.write(lambda on: fetches.raise_wanted(on, "main", wishes, house.clock.now()))


def test_a_page_that_is_just_being_stored_leaves_no_key_of_a_record_that_is_forgotten(stores):
    house, other = a_house(stores()), stores()
    ref, now = RecordRef(HUBSPOT, "contacts", "7"), house.clock.now()
    listed = Listed(Record(ref, {"email": "ada@example.com"}, now), (Identity("email", "ada@example.com"),))
    is_written, may_end = threading.Event(), threading.Event()

    def page(connection: sa.Connection) -> None:
        mirror.write_page(connection, "main", [listed], now)
        is_written.set()
        assert may_end.wait(10)

    house.clock.advance(1)
    forget = partial(mirror.forget_records, space="main", refs=[ref], now=house.clock.now())
    polling = threading.Thread(target=house.store.write, args=(page,))
    forgetting = threading.Thread(target=other.write, args=(forget,))
    polling.start()
    assert is_written.wait(10)
    forgetting.start()
    forgetting.join(0.5)  # it waits, or it is through: the page is stored behind it
    may_end.set()
    polling.join()
    forgetting.join()
    [left] = rows(house.store, tables.mirror)
    assert (left["fields"], rows(house.store, tables.mirror_keys)) == ({mirror.FORGOTTEN: True}, [])
