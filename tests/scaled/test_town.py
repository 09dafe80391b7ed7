"""Two webs, three workers and a scheduler: each lead decided once, delivered once, whoever is killed."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from typer.testing import CliRunner

from leadrelay.cli import app
from tests.crash.repeats import assert_created_once, assert_each_told_once, assert_nobody_told_twice
from tests.crash.test_kill import tell_of_everybody
from tests.journeys.crowd import Answers, Crowd, a_crowd, assert_all_arrived, send
from tests.journeys.slack import HOOK, slack
from tests.scaled.town import ROLES
from tests.waiting import eventually

__all__ = ["slack"]

pytestmark = pytest.mark.timeout(400)  # it starts seven processes and a broker, on a busy machine


def assert_done_once(town, crms, slack, crowd, answers):
    town.settle()
    assert_all_arrived(crowd, answers, town, crms)
    effects = town.effects()
    for crm in crms.values():
        assert_created_once(crm)
        assert_each_told_once(crm, effects)
    assert_nobody_told_twice(slack, effects)


def told(town):
    """What `leadrelay status --json` says."""
    answer = CliRunner().invoke(app, ["status", "--json"], env=town.environ)
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


def kill_in(town, crms, one, crowd):
    """Kill a process while these posts come in and writes go out, and start it again."""
    before = sum(crm.writes_asked() for crm in crms.values())
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send, crowd, town.url)
        eventually(
            lambda: sum(crm.writes_asked() for crm in crms.values()) > before or sending.done(), "a write"
        )
        one.kill()
        one.start()
        return sending.result()


def are_all_at_work(town):
    """Say whether status shows each process, one of them deciding, and nobody else: the killed are silent."""
    living = [one for one in told(town)["processes"] if one["lives"]]
    roles, deciding = sorted(one["role"] for one in living), sum(one["deciding"] for one in living)
    return (roles, deciding) == (sorted(ROLES), 1) and not any(one["trouble"] for one in living)


def assert_all_at_work(town):
    eventually(lambda: are_all_at_work(town), "a status with all processes and nobody else")

    def is_ready():
        answer = requests.get(f"{town.url()}/readyz", timeout=60).json()
        counted = {"scheduler": 1, "web": 2, "worker": 3}
        return (answer["status"], answer["missing"], answer["processes"]) == ("ready", [], counted)

    eventually(is_ready, "a web that knows of all")


def test_each_lead_is_decided_once_and_delivered_once_whoever_is_killed(town, crms, slack, broker):
    for crm in crms.values():
        crm.faults(latency_ms={"min": 20, "max": 200}, seed=1)
    town = town(LEADRELAY_SLACK_WEBHOOK_URL=slack + HOOK)
    tell_of_everybody(town.playbook / "notifications.yaml")
    town.start()
    crowd, parts = a_crowd(2, 240), len(town.members) + 2
    size = len(crowd.posts) // parts + 1
    pieces = [Crowd(crowd.posts[at : at + size]) for at in range(0, len(crowd.posts), size)]
    answers = [send(pieces[0], town.url)]
    assert_all_at_work(town)
    decider = town.holder("decider:main")
    for one in [decider, *(each for each in town.members.values() if each is not decider)]:
        answers.append(kill_in(town, crms, one, pieces[len(answers)]))
    eventually(town.is_up, "all processes")
    broker.kill()
    answers.append(send(pieces[-1], town.url))
    broker.start()
    told_all = [each for part in answers for each in part.found]
    everything = Answers(told_all, sum(part.tried_again for part in answers))
    assert_done_once(town, crms, slack, crowd, everything)
    assert_all_at_work(town)
    for one in town.members.values():
        one.terminate()
    assert [one.exit_code() for one in town.members.values()] == [0] * len(ROLES)
    assert not any(one["lives"] for one in told(town)["processes"]), "who ends in order is missed by nobody"
