"""The sandbox CRMs, as new for each test, and a house on each store."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import structlog

from leadrelay import chores, connected, messengers, wiring
from scheduler import backfills, loops
from sync.budgets import pace
from tests.journeys.crms import Crm, running_crms
from tests.journeys.house import Clock, House


@pytest.fixture(autouse=True)
def _log_of_the_daemon() -> Iterator[None]:
    """Keep what the daemon logs out of what a command prints: here both are threads of one process."""
    before = structlog.get_config()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.__stderr__))
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def running_sandboxes() -> Iterator[Mapping[str, Crm]]:
    """Run both sandboxes for all journeys of this worker."""
    with running_crms() as crms:
        yield crms


@pytest.fixture
def crms(running_sandboxes: Mapping[str, Crm]) -> Mapping[str, Crm]:
    """Both CRMs, as new."""
    for crm in running_sandboxes.values():
        crm.reset()
    return running_sandboxes


@pytest.fixture
def hubspot(crms: Mapping[str, Crm]) -> Crm:
    """The sandbox HubSpot."""
    return crms["hubspot"]


@pytest.fixture
def salesforce(crms: Mapping[str, Crm]) -> Crm:
    """The sandbox Salesforce."""
    return crms["salesforce"]


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store: a SQLite file, then a PostgreSQL database."""
    if request.param == "sqlite":
        path = tmp_path / "store" / "leadrelay.db"
        path.parent.mkdir()
        shutil.copy(request.getfixturevalue("migrated_file"), path)
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("migrated_postgres_url")
    return url


@pytest.fixture
def closed_house(
    store_url: str, tmp_path: Path, crms: Mapping[str, Crm], monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    """A house with the starter playbook that has not been opened yet; its clock can be moved on."""
    clock = Clock()
    monkeypatch.setattr(wiring, "SystemClock", lambda: clock)
    monkeypatch.setattr(chores, "ORPHANS_EVERY", 1)
    monkeypatch.setattr(chores, "ROSTER_EVERY", 1)
    monkeypatch.setattr(connected, "MemoryBudget", clock.budget)
    monkeypatch.setattr(pace, "DAILY_PACE", 100.0)  # how a day's calls are spread is test_budget_day's
    monkeypatch.setattr(messengers, "TASK_PACE", 0.1)
    monkeypatch.setattr(loops, "IDLE_WAIT", 0.2)  # when time flies, what falls due is to be seen soon
    monkeypatch.setattr(backfills, "LONGEST_PAUSE", 0.1)
    monkeypatch.setattr(backfills, "IDLE_WAIT", 0.5)
    house = House(store_url, tmp_path, crms, clock)
    yield house
    house.close()


@pytest.fixture
def house(closed_house: House) -> House:
    """A house that takes posts and writes to both CRMs."""
    return closed_house.start().settle_in()
