"""What came of a call is recorded though the store is away for a moment, or somebody stores the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from model.errors import StoreBusy
from model.lead import Link
from sync import links, tables
from sync.database import PostgresStore, Store, open_store
from sync.delivery.deliverer import deliver_batch
from tests.sync.followed import ADA
from tests.sync.house import HUBSPOT, House, a_house
from tests.sync.stores import rows
from tests.sync.test_effects import states, telling_playbook

ONCE = (0.0,)


@dataclass
class Restarting:
    """A store that is started again once, at the n-th write; with ``after`` it has committed that one."""

    store: Store
    at: int
    after: bool

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def write(self, work: Callable[[sa.Connection], Any]) -> Any:
        self.at -= 1
        if self.at == 0:
            if self.after:
                self.store.write(work)
            raise StoreBusy("the database system is shutting down")
        return self.store.write(work)


@pytest.mark.parametrize("after", [False, True])
def test_an_answer_is_recorded_once_the_database_is_back(store, after):
    house = a_house(store)
    house.post(email=ADA)
    house.decide()
    target = house.targets[HUBSPOT]
    target.store, target.waits = Restarting(store, 2, after), ONCE
    assert deliver_batch(target) == 1
    assert house.crms[HUBSPOT].called("read") == 0
    assert house.lead(ADA).links[HUBSPOT].remote_id == house.crms[HUBSPOT].by_email(ADA)[0]
    [row] = [one for one in rows(store, tables.outbox_changes) if one["connection"] == HUBSPOT]
    assert (row["wanted"], row["in_flight"], row["lease_token"]) == (row["done"], None, None)


@pytest.mark.parametrize("after", [False, True])
def test_a_message_that_was_sent_is_known_to_be_sent_once_the_database_is_back(store, after):
    house = a_house(store, playbook=telling_playbook())
    house.post(email=ADA)
    house.settle()
    outlet = house.outlets[house.channel.name]
    outlet.store, outlet.waits = Restarting(store, 3, after), ONCE  # leased, held, settled
    assert house.tell(house.channel.name) == 1
    assert len(house.channel.got) == 1
    assert states(house, house.channel.name) == ["sent"]


def link_of(house: House) -> Link:
    """Return the link to a new record as a decider makes it that adopts the record."""
    [record] = house.crms[HUBSPOT].by_email(ADA)
    return Link(HUBSPOT, "contacts", record, {"email": ADA}, {})


def test_an_answer_about_a_record_that_is_linked_at_this_very_moment_is_recorded(migrated_postgres_url):
    store, other = (open_store(migrated_postgres_url) for _ in range(2))
    assert isinstance(other, PostgresStore)
    house = a_house(store)
    house.post(email=ADA)
    house.decide()
    target, lead = house.targets[HUBSPOT], house.lead_id(ADA)
    target.waits = ONCE
    made, linked = threading.Event(), threading.Event()
    house.crms[HUBSPOT].next("create", after=lambda: made.set() or linked.wait(20))
    with ThreadPoolExecutor(1) as pool:
        settling = pool.submit(deliver_batch, target)
        assert made.wait(20)
        with other._engine.begin() as connection:
            links.LEADS.save(connection, "main", [(lead, link_of(house))])
            linked.set()
            wait_for_a_lock(connection)
        assert settling.result(20) == 1
    [row] = [one for one in rows(store, tables.outbox_changes) if one["connection"] == HUBSPOT]
    assert (row["wanted"], row["in_flight"]) == (row["done"], None)
    assert house.lead(ADA).links[HUBSPOT].rev == 2
    for one in (store, other):
        one.close()


def wait_for_a_lock(connection: sa.Connection) -> None:
    """Return once another session waits for what this transaction has written."""
    me = sa.text("SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))")
    until = time.monotonic() + 20
    while not connection.execute(me).scalar_one():
        assert time.monotonic() < until, "nobody waits"
