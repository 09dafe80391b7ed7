"""Processes that share a connection's limits: together they call no more than one alone might."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest
import sqlalchemy as sa

from connectors.base import Usage
from mappings.playbook import Limits
from model.errors import NoBudget
from model.priority import Priority
from sync.budgets import MemoryBudget
from sync.budgets.levels import StoredLevels
from sync.database import PostgresStore, Store
from sync.tables import call_levels
from tests.sync.test_budget import most_within


@pytest.fixture
def processes(migrated_postgres_url: str) -> Iterator[Callable[..., MemoryBudget]]:
    """Builds the budget of another process on the same store: ``processes(burst_calls=20, …)``."""
    stores: list[Store] = []

    def build(**limits: float) -> MemoryBudget:
        stores.append(PostgresStore(migrated_postgres_url))
        return MemoryBudget(Limits(**limits), shared=StoredLevels(stores[-1], "main", "hubspot"))

    yield build
    for one in stores:
        one.close()


def test_together_they_never_call_more_than_the_share(processes):
    budgets = [processes(burst_calls=40, burst_seconds=1.0, reserve=0.2) for _ in range(3)]
    moments: list[float] = []
    end = monotonic() + 2.5

    def call(budget: MemoryBudget) -> int:
        calls = 0
        while monotonic() < end:
            budget.spend()
            moments.append(monotonic())
            calls += 1
        return calls

    with ThreadPoolExecutor(6) as pool:
        by_process = [one.result() for one in [pool.submit(call, budgets[n % 3]) for n in range(6)]]
    moments.sort()
    assert most_within(moments, 0.9) <= 40 * 0.8  # a moment is noted a little after its call is let through
    assert len(moments) > 50, "the share is used"
    assert min(by_process) > 0


def test_a_pause_that_one_is_told_holds_for_all(processes):
    told, other = (processes(burst_calls=100, burst_seconds=10.0) for _ in range(2))
    told.refused(60.0)
    with pytest.raises(NoBudget) as put_off:
        other.spend()
    assert 50 < (put_off.value.wait or 0) <= 60


def test_a_pause_of_the_search_stops_searches_alone(processes):
    told, other = (processes(burst_calls=100, burst_seconds=10.0, search=5.0) for _ in range(2))
    told.refused(60.0, "search")
    other.spend()
    with pytest.raises(NoBudget):
        other.spend("search")


def test_a_window_that_others_fill_is_low_for_all(processes, migrated_postgres_url):
    told, other = (processes(burst_calls=100, burst_seconds=10.0, reserve=0.2) for _ in range(2))
    other.spend()
    told.learn([Usage(100, 98, 10.0)])
    with sa.create_engine(migrated_postgres_url).connect() as connection:
        assert connection.execute(sa.select(call_levels.c.burst)).scalar_one() <= 1.0


def test_what_stays_for_new_leads_stays_whoever_calls(processes):
    first, second = (processes(burst_calls=100, burst_seconds=1_000.0, reserve=0.0) for _ in range(2))
    for _ in range(5):
        first.spend(priority=Priority.BACKFILL)  # it leaves half of the ten that may go out at once
    assert second.ready_in(Priority.BACKFILL) == 0, "it has not seen yet what the other took"
    second.close()  # it waits for nothing any more
    with pytest.raises(NoBudget):
        second.spend(priority=Priority.BACKFILL)
    second.spend(priority=Priority.SPEED_TO_LEAD)


def test_where_the_store_is_away_a_call_is_put_off():
    store = PostgresStore("postgresql+psycopg://nobody@127.0.0.1:1/none")
    budget = MemoryBudget(Limits(burst_calls=10), shared=StoredLevels(store, "main", "hubspot"))
    with pytest.raises(NoBudget):
        budget.spend()
    budget.refused(1.0)  # is kept here
    assert budget.ready_in() > 0.5
    store.close()
