"""`leadrelay diff`, `apply`, `rollback`, `versions`: with a daemon at work, and without one."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from leadrelay.clock import SystemClock
from leadrelay.playbooks import PlaybookHolder
from mappings.compile import texts_of
from mappings.problems import PlaybookError, Problem
from model.decision import Place
from sync import leases, register
from sync.database import open_store
from sync.deciding import turning
from sync.deciding.decider import Decider
from sync.register import APPLY, Wish
from tests.leadrelay.test_playbooks import AFTER, change, copied

DEMO = "{name: Demo requested, group: intent, points: 30, activity: demo_request}"
TOLD = "scoring: rule Demo requested: points: 30 → 25"


@pytest.fixture
def environ(empty_store, playbook):
    return {"LEADRELAY_DATABASE_URL": empty_store, "LEADRELAY_PLAYBOOK": str(playbook)}


def of_json(answer):
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def test_a_running_daemon_takes_in_what_is_applied_and_rolled_back(house, leadrelay, tmp_path):
    given = house.environ
    begun = house.daemon.holder.playbook()
    number, first = begun.number, begun.version
    folder = tmp_path / "elsewhere"
    written = leadrelay("versions", str(number), "--write", str(folder), **given)
    assert (written.code, f"of version {number} (" in written.out) == (0, True)
    change(folder, "scoring.yaml", DEMO, DEMO.replace("30", "25"))
    assert TOLD in leadrelay("diff", str(folder), **given).out
    answer = leadrelay("apply", str(folder), "--note", "agreed by sales", "--by", "ada", **given)
    assert (answer.code, answer.err) == (0, "")
    assert TOLD in answer.out
    second = house.daemon.holder.playbook()
    assert second.number == number + 1
    assert answer.out.endswith(f"Version {number + 1} ({second.version}) is in force.\n")
    assert leadrelay("apply", str(folder), **given).out.startswith(
        f"Nothing differs from version {number + 1} ("
    )
    back = leadrelay("rollback", "--by", "bo", **given)
    assert back.out.endswith(f"Version {number + 2} ({first}) is in force.\n")
    house.daemon.holder.look()  # the folder holds what it did when it last counted
    found = of_json(leadrelay("versions", "--json", **given))
    assert [(one["number"], one["how"], one["by"], one["note"], one["current"]) for one in found[:2]] == [
        (number + 2, "rollback", "bo", f"back to version {number}", True),
        (number + 1, "apply", "ada", "agreed by sales", False),
    ]
    between = ("--from", str(number), "--to", str(number + 1))
    [told] = of_json(leadrelay("diff", *between, "--json", **given))
    assert told == {
        "file": "scoring.yaml",
        "what": "scoring: rule Demo requested: points",
        "how": "changed",
        "old": "30",
        "new": "25",
    }
    lines = leadrelay("diff", *between, "--files", **given).out.splitlines()
    assert f"-  - {DEMO}" in lines
    assert f"+  - {DEMO.replace('30', '25')}" in lines


def test_without_a_daemon_it_waits_for_the_next_one(leadrelay, environ):
    answer = leadrelay("apply", **environ)
    assert answer.code == 0
    assert "it comes into force when a daemon decides next" in answer.out
    assert of_json(leadrelay("versions", "--json", **environ)) == []
    nothing = leadrelay("diff", **environ)
    assert (nothing.code, nothing.err) == (
        1,
        "No version has been in force yet: `leadrelay serve` makes the first one.\n",
    )


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("scoring.yaml", "points: 30", "points: thirty", "scoring.yaml:"),
        (
            "scoring.yaml",
            "activity: demo_request}",
            "activity: pricing_inquiry}",
            "not as expected  A demo request",
        ),
        ("tests/examples.yaml", "outcome: ", "outcame: ", "tests/examples.yaml:"),
    ],
)
def test_what_does_not_check_or_comes_out_otherwise_is_not_applied(
    leadrelay, environ, playbook, file, old, new, said
):
    change(playbook, file, old, new)
    answer = leadrelay("apply", **environ)
    assert answer.code == 1
    assert said in answer.out
    assert "nothing was changed" in answer.err


def test_who_signed_off_is_kept_with_the_version_and_asked_for_where_thresholds_change(
    house, leadrelay, tmp_path
):
    given, number = house.environ, house.daemon.holder.playbook().number
    folder = tmp_path / "elsewhere"
    leadrelay("versions", str(number), "--write", str(folder), **given)
    change(folder, "scoring.yaml", "write_back:", "sign_off: [Olga, Sam]\nwrite_back:")
    asked = leadrelay("apply", str(folder), "--signed-off-by", "Olga", **given)
    assert asked.code == 1
    assert "thresholds have changed without the word of Sam: sign_off: nobody → Olga, Sam" in asked.err
    assert '--signed-off-by "Olga" --signed-off-by "Sam"' in asked.err
    both = ("--signed-off-by", "olga", "--signed-off-by", "Sam")
    told = of_json(leadrelay("apply", str(folder), "--json", *both, **given))
    assert told["version"]["signed_off"] == ["olga", "Sam"]
    change(folder, "scoring.yaml", DEMO, DEMO.replace("30", "25"))
    assert leadrelay("apply", str(folder), **given).code == 0  # points are no threshold
    found = of_json(leadrelay("versions", "--json", **given))
    assert [one["signed_off"] for one in found[:3]] == [[], ["olga", "Sam"], []]
    assert "olga, Sam" in leadrelay("versions", **given).out
    late = of_json(leadrelay("apply", str(folder), "--json", "--signed-off-by", "Sam", **given))
    assert (late["version"]["number"], late["version"]["signed_off"]) == (number + 3, ["Sam"])
    wrong = leadrelay("apply", str(folder), "--signed-off-by", " ", **given)
    assert (wrong.code, wrong.err) == (2, "--signed-off-by takes a name of 1 to 64 characters.\n")
    assert leadrelay("rollback", str(number), **given).code == 0  # needs nobody's word


def test_there_is_no_way_back_from_nothing(leadrelay, environ):
    answer = leadrelay("rollback", **environ)
    assert (answer.code, answer.err) == (1, "There is no version before the one in force.\n")
    answer = leadrelay("versions", "7", **environ)
    assert (answer.code, answer.err) == (2, "There is no version 7; `leadrelay versions` lists them.\n")


def test_a_folder_that_is_not_watched_changes_nothing_until_it_is_applied(house, leadrelay):
    holder = house.daemon.holder
    number, ours = holder.playbook().number, holder._register
    holder._register = replace(ours, edits_count=False)
    try:
        change(house.playbook, "scoring.yaml", DEMO, f"{DEMO}  # as agreed")
        assert not holder.look()
        assert holder.playbook().number == number
        assert leadrelay("apply", **house.environ).code == 0
        assert holder.playbook().number == number + 1
    finally:
        holder._register = ours
        holder.look()  # it counts again, and holds what is in force
        house.edit("scoring.yaml", f"{DEMO}  # as agreed", DEMO)


def test_what_the_decider_refuses_ends_with_1_and_its_reason(house, leadrelay, tmp_path, monkeypatch):
    def stumbles(_texts, _number):
        raise PlaybookError([Problem(Place("scoring.yaml", 7), "of another leadrelay")])

    number = house.daemon.holder.playbook().number
    folder = tmp_path / "elsewhere"
    leadrelay("versions", str(number), "--write", str(folder), **house.environ)
    change(folder, "scoring.yaml", DEMO, DEMO.replace("30", "26"))
    monkeypatch.setattr(turning, "pipeline_of", stumbles)
    answer = leadrelay("apply", str(folder), **house.environ)
    assert answer.code == 1
    assert f"so version {number} (" in answer.err
    assert "scoring.yaml:7:1: of another leadrelay" in answer.err
    assert house.daemon.holder.playbook().number == number


def test_on_postgresql_what_needs_a_restart_is_refused_while_a_daemon_decides(
    leadrelay, migrated_postgres_url, playbook
):
    store, clock = open_store(migrated_postgres_url), SystemClock()
    with contextlib.closing(store):
        register.hand_in(store, "main", texts_of(playbook), Wish(APPLY, "ada"), clock.now())
        holder = PlaybookHolder(playbook)
        lease = leases.acquire(store, "decider:main", "elsewhere", clock.now(), timedelta(hours=1))
        assert Decider(store, clock, lease, holder.pipeline).decide_batch()
        copied(playbook, "crm/hubspot.yaml", "crm/second.yaml")
        given = {"LEADRELAY_DATABASE_URL": migrated_postgres_url, "LEADRELAY_PLAYBOOK": str(playbook)}
        answer = leadrelay("apply", **given)
        assert answer.code == 1
        assert 'crm/second.yaml:10:1: the connection "second" is new' in answer.err
        assert AFTER in answer.err
        leases.release(store, lease)  # now no process has to follow it
        answer = leadrelay("apply", **given)
        assert (answer.code, "when a daemon decides next" in answer.out) == (0, True)
