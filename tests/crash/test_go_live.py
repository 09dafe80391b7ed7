"""kill -9 while an account is opened: what had gathered is written once, within what was agreed to."""

from __future__ import annotations

import json
import random
import time
from functools import partial

import pytest
from typer.testing import CliRunner

from leadrelay.cli import app
from sync import cursors, status
from sync.releases import DONE
from tests.crash.repeats import assert_created_once
from tests.journeys.crowd import a_crowd, assert_all_arrived, send
from tests.journeys.house import SPACE, WRITING
from tests.waiting import eventually

SETTINGS = {"LEADRELAY_SANDBOX": "false", "LEADRELAY_LEASE_SECONDS": "5", "LEADRELAY_LOG_LEVEL": "info"}


def command(process, *words):
    result = CliRunner().invoke(app, [*words, "--json"], env=process.environ, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def has_gathered(books):
    matched = {
        one.connection
        for one in books.read(lambda snapshot: cursors.load(snapshot, SPACE))
        if one.job == cursors.MATCH and not one.is_walking
    }
    queues = books.read(lambda snapshot: status.queues(snapshot, SPACE, books.clock.now()))
    return matched == set(WRITING) and not queues.events["waiting"]


def are_done(books):
    found = books.status().releases
    return set(found) == set(WRITING) and {one.state for one in found.values()} == {DONE}


def killed_while_it_is_let_out(process, crms, chance, kills):
    """Kill the daemon again and again, each time soon after it has written more."""
    for _ in range(kills):
        process.wait_until_up()
        before = sum(crm.writes_asked() for crm in crms.values())
        eventually(partial(has_written, crms, before), "a write")
        time.sleep(chance.uniform(0, 0.3))
        process.kill()
        with process.books() as books:
            if are_done(books):
                raise AssertionError("all was written before the kill")
        process.start()


def has_written(crms, before):
    return sum(crm.writes_asked() for crm in crms.values()) > before


@pytest.mark.parametrize("seed", [1])
def test_a_daemon_killed_while_it_goes_live_writes_everybody_once(seed, daemon, crms):
    chance, crowd = random.Random(seed), a_crowd(seed, posts=500)
    for crm in crms.values():
        crm.faults(latency_ms={"min": 50, "max": 300}, seed=seed)
    process = daemon(**SETTINGS)
    process.start()
    process.wait_until_up()
    answers = send(crowd, lambda: process.url)
    with process.books() as books:
        eventually(lambda: has_gathered(books), "all decisions, and both mirrors")
    assert [crm.writes_asked() for crm in crms.values()] == [0, 0]
    for name in WRITING:
        command(process, "go-live", name, "--yes")
    killed_while_it_is_let_out(process, crms, chance, kills=3)
    with process.books() as books:
        eventually(lambda: are_done(books), "both releases")
        books.settle()
        releases = books.status().releases
        assert_all_arrived(crowd, answers, books, crms)
    process.terminate()
    assert process.exit_code() == 0
    for name, crm in crms.items():
        assert_created_once(crm)
        assert releases[name].written <= releases[name].at_most
        assert crm.tasks() == []  # wanted while observing: withheld for good
