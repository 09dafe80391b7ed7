"""What the daemon does for its budgets: keeps the day, learns when it begins, tells where it is heading."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from connectors.inspection import Account
from connectors.registry import INSPECTORS
from connectors.tokens import Credentials
from leadrelay.budgets import BudgetDesk
from leadrelay.connected import Connected
from leadrelay.settings import ConnectionSettings
from mappings.playbook import Limits
from model.errors import NotAuthorized
from sync.budgets import MemoryBudget, keeper
from sync.database import Store, open_store
from tests.builders import a_crm
from tests.connectors.endpoints import an_endpoint
from tests.sync.clock import FakeClock

DAY = Limits(daily_calls=1000, day="midnight")


@dataclass
class Told:
    """An inspector of an account in a zone."""

    zone: str | None
    asked: int = 0

    def account(self) -> Account:
        self.asked += 1
        if self.zone is None:
            raise NotAuthorized("no scope for it")
        return Account("1", "portal 1", time_zone=self.zone)


@pytest.fixture
def store(empty_store: str) -> Iterator[Store]:
    with closing(open_store(empty_store)) as opened:
        yield opened


def a_connection(limits: Limits, clock: FakeClock) -> Connected:
    crm = replace(a_crm("hubspot", "contacts"), kind="hubspot", limits=limits)
    url = "http://127.0.0.1:9"
    reach = ConnectionSettings(url, Credentials(token="pat-secret"), "2026-09")
    budget = MemoryBudget(limits, now=clock.now)
    return Connected(crm, an_endpoint(url), budget, writes=True, reach=reach)


def told_by(monkeypatch: pytest.MonkeyPatch, zone: str | None) -> Told:
    told = Told(zone)
    inspector: Any = lambda _endpoint: told  # noqa: E731
    monkeypatch.setitem(INSPECTORS, "hubspot", inspector)
    return told


def test_the_accounts_zone_is_asked_for_once_and_kept(store, monkeypatch):
    clock, told = FakeClock(), told_by(monkeypatch, "America/New_York")
    desk, one = BudgetDesk(store, clock, "main"), a_connection(DAY, clock)
    for _ in range(3):
        desk.run({"hubspot": one})
    assert told.asked == 1
    with store.snapshot() as snapshot:
        assert keeper.load(snapshot, "main")["hubspot"].zone == "America/New_York"
    renews = desk.forecasts({"hubspot": one})["hubspot"].renews_at
    assert renews is not None
    assert renews.astimezone(UTC).hour in (4, 5)


def test_a_zone_that_is_not_told_is_asked_for_again_in_an_hour_only(store, monkeypatch):
    clock, told = FakeClock(), told_by(monkeypatch, None)
    desk, one = BudgetDesk(store, clock, "main"), a_connection(DAY, clock)
    desk.run({"hubspot": one})
    desk.run({"hubspot": one})
    assert told.asked == 1
    clock.advance(3600)
    desk.run({"hubspot": one})
    assert told.asked == 2


@pytest.mark.parametrize("limits", [Limits(burst_calls=110, day="midnight"), Limits(daily_calls=1000)])
def test_where_no_midnight_counts_nobody_is_asked(store, monkeypatch, limits):
    clock, told = FakeClock(), told_by(monkeypatch, "UTC")
    BudgetDesk(store, clock, "main").run({"hubspot": a_connection(limits, clock)})
    assert told.asked == 0


def test_a_day_that_runs_short_is_logged_once(store, monkeypatch):
    clock = FakeClock()
    told_by(monkeypatch, "UTC")
    desk, one = BudgetDesk(store, clock, "main"), a_connection(DAY, clock)
    with capture_logs() as logs:
        desk.run({"hubspot": one})
        one.budget.day(lambda day: day.count(790, clock.now()))
        desk.run({"hubspot": one})
        desk.run({"hubspot": one})
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["budget.runs_short"]


def test_what_other_processes_called_is_known_after_the_next_look(store, monkeypatch):
    clock = FakeClock()
    told_by(monkeypatch, "UTC")
    ours, theirs = a_connection(DAY, clock), a_connection(DAY, clock)
    theirs.budget.day(lambda day: day.count(40, clock.now()))
    desk = BudgetDesk(store, clock, "main")
    desk.keep("hubspot", theirs.budget)
    desk.run({"hubspot": ours})
    assert ours.budget.day(lambda day: day.used(clock.now())) == 40


def test_a_forecast_is_plain_data_for_pages_and_commands(store):
    clock = FakeClock()
    found = BudgetDesk(store, clock, "main").forecasts({"hubspot": a_connection(DAY, clock)})["hubspot"]
    told = found.as_dict()
    assert (told["share"], told["used"], told["is_short"], told["runs_out_at"]) == (800, 0, False, None)
    assert datetime.fromisoformat(told["renews_at"]).tzinfo is not None
