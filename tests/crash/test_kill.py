"""kill -9 at any millisecond of a thousand posts: nobody is lost or doubled, nothing is done twice."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import pytest

from tests.crash.repeats import (
    InFlight,
    assert_created_once,
    assert_each_told_once,
    assert_nobody_told_twice,
    repeats,
)
from tests.journeys.crowd import Answers, a_crowd, assert_all_arrived, send
from tests.journeys.slack import HOOK, slack
from tests.waiting import eventually

__all__ = ["slack"]

pytestmark = pytest.mark.timeout(300)  # its messages alone take a minute on a busy machine

LANES = 4
SETTINGS = {
    "LEADRELAY_DELIVERY_LANES": str(LANES),
    "LEADRELAY_LEASE_SECONDS": "5",  # how long PostgreSQL keeps what a killed process had in hand
    "LEADRELAY_LOG_LEVEL": "info",
}


def soak_seeds():
    first, _, last = os.environ.get("SEEDS", "1:20").partition(":")
    return range(int(first), int(last or first) + 1)


def has_written_more(crms, before, sending):
    return sum(crm.writes_asked() for crm in crms.values()) > before or sending.done()


def kill_again_and_again(process, crms, chance, sending, kills):
    """Kill the daemon several times while posts come in and writes go out; return what was in flight."""
    found = []
    for number in range(kills):
        before = sum(crm.writes_asked() for crm in crms.values())
        if number and chance.random() < 0.2:
            time.sleep(chance.uniform(0, 1))  # on its way up
        else:
            process.wait_until_up()
            eventually(partial(has_written_more, crms, before, sending), "a write")
            time.sleep(chance.uniform(0, 0.3))
        process.kill()
        with process.books() as books:
            found.append(InFlight.of(books))
        process.start()
    return found


def run(seed, daemon, crms, slack, kills, posts):
    chance = random.Random(seed)
    for crm in crms.values():
        crm.faults(latency_ms={"min": 20, "max": 300}, seed=seed)
    crowd = a_crowd(seed, posts)
    process = daemon(**SETTINGS, LEADRELAY_SLACK_WEBHOOK_URL=slack + HOOK)
    tell_of_everybody(process.playbook / "notifications.yaml")
    process.start()
    with ThreadPoolExecutor(1) as pool:
        sending: Future[Answers] = pool.submit(send, crowd, lambda: process.url)
        in_flight = kill_again_and_again(process, crms, chance, sending, kills)
        answers = sending.result()
    with process.books() as books:
        books.settle()  # a thousand messages, in digests of one a second
        assert_all_arrived(crowd, answers, books, crms)
        effects = books.effects()
    process.terminate()
    assert process.exit_code() == 0
    for crm in crms.values():
        assert_each_told_once(crm, effects)
    assert_nobody_told_twice(slack, effects)
    repeated = {name: assert_nothing_done_twice(crm, in_flight) for name, crm in crms.items()}
    total = sum((kill.calls for kill in in_flight), Counter())
    assert total, "no kill met a call in flight"
    print(
        f"seed {seed}: {kills} kills, in flight {dict(total)}, repeated {repeated}, "
        f"{answers.tried_again} posts tried again"
    )


def assert_nothing_done_twice(crm, in_flight):
    """Only what was in flight at a kill was sent again, and it made no record and changed no value."""
    assert_created_once(crm)
    found = repeats(crm)
    leads = {lead for kill in in_flight for connection, lead in kill.leads if connection == crm.name}
    assert found.leads <= leads
    assert found.looked_up <= leads
    assert all(kill.calls[crm.name] <= LANES for kill in in_flight)
    assert len(found.calls) <= sum(kill.calls[crm.name] for kill in in_flight) <= LANES * len(in_flight)
    return len(found.calls)


def tell_of_everybody(notifications):
    """Let every assignment be told, with the lead's id, so that messages can be counted."""
    text = notifications.read_text(encoding="utf-8")
    text = text.replace("    when: {stage: {at_least: mql}}\n", "").replace(
        'title: "{name}', 'title: "{id} {name}'
    )
    notifications.write_text(text, encoding="utf-8")


def run_and_say_how_to_repeat(how, seed, daemon, crms, slack, kills, posts=1_000):
    try:
        run(seed, daemon, crms, slack, kills, posts)
    except BaseException:
        print(f"To repeat: {how}")
        raise


@pytest.mark.parametrize(("seed", "posts"), [(1, 1_000), (2, 400)])
def test_a_killed_daemon_loses_nobody_and_repeats_nothing(seed, posts, daemon, crms, slack, request):
    how = f"make test ARGS='{request.node.nodeid}'"
    run_and_say_how_to_repeat(how, seed, daemon, crms, slack, kills=3, posts=posts)


@pytest.mark.soak
@pytest.mark.parametrize("seed", soak_seeds())
def test_a_killed_daemon_loses_nobody_and_repeats_nothing_whatever_the_seed(
    seed, daemon, crms, slack, request
):
    store = request.node.callspec.params["store_url"]
    how = f"make soak SEEDS={seed}:{seed} ARGS='-k {store}'"
    run_and_say_how_to_repeat(how, seed, daemon, crms, slack, kills=5)
