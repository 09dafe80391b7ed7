"""A PostgreSQL that is ended and started again under all processes: each lead once, and nobody has to act."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from sync import migrate
from tests import postgres
from tests.conftest import SHARED
from tests.crash.test_kill import tell_of_everybody
from tests.journeys.crowd import a_crowd, send
from tests.journeys.slack import HOOK, slack
from tests.scaled.test_town import assert_all_at_work, assert_done_once
from tests.scaled.town import Town
from tests.waiting import eventually

__all__ = ["slack"]

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

RESTARTS = 2
SETTINGS = {"LEADRELAY_LEASE_SECONDS": "10"}  # calls whose answers could not be stored wait for its end


@pytest.fixture
def server() -> Iterator[Path]:
    """The folder of a server that nobody else uses."""
    if postgres.binaries() is None:
        pytest.skip("install PostgreSQL")
    home = Path(os.environ[SHARED]) / "restarted"
    try:
        yield home
    finally:
        postgres.stop(home)


def test_a_database_that_is_restarted_costs_a_moment(server, broker, crms, slack, tmp_path):
    for crm in crms.values():
        crm.faults(latency_ms={"min": 20, "max": 200}, seed=1)
    url = f"{postgres.start(server)}/postgres"
    migrate.upgrade(url)
    town = Town(url, broker.url, tmp_path, crms, **SETTINGS, LEADRELAY_SLACK_WEBHOOK_URL=slack + HOOK)
    try:
        tell_of_everybody(town.playbook / "notifications.yaml")
        town.start()
        crowd = a_crowd(3, 120)
        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(send, crowd, town.url)
            for _ in range(RESTARTS):
                writes = sum(crm.writes_asked() for crm in crms.values())
                eventually(partial(has_written, crms, writes), "a write")
                postgres.restart(server)
            answers = sending.result()
        assert_done_once(town, crms, slack, crowd, answers)
        assert_all_at_work(town)
    finally:
        town.close()


def has_written(crms, before):
    return sum(crm.writes_asked() for crm in crms.values()) > before
