"""`fairness`: what each member of a pool got, on the page and for machines."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from leadrelay.clock import SystemClock
from sync import tables
from sync.database import open_store

ANNA, CHLOE = "anna.keller@northlight.example", "chloe.martin@northlight.example"
GIVEN = [(ANNA, "turn", 1), (ANNA, "turn", 2), (ANNA, "sticky", 2), (CHLOE, "turn", 40), (CHLOE, "test", 1)]


@pytest.fixture
def fairness(empty_store, leadrelay, playbook):
    """Run the command on a store in which some leads were given."""
    store, now = open_store(empty_store), SystemClock().now()
    given = [
        {
            "space": "main",
            "lead_id": f"ld_{n}",
            "event": n,
            "at": now - timedelta(days=days),
            "owner": owner,
            "pool": "emea",
            "seq": n,
            "way": way,
        }
        for n, (owner, way, days) in enumerate(GIVEN)
    ]
    store.write(lambda on: on.execute(sa.insert(tables.assignments), given))
    store.close()
    environ = {"LEADRELAY_DATABASE_URL": empty_store, "LEADRELAY_PLAYBOOK": str(playbook)}
    return lambda *words: leadrelay("fairness", *words, **environ)


def test_each_member_is_told_with_what_was_expected(fairness):
    told = {one["email"]: one for one in json.loads(fairness("emea", "--json").out)}
    assert len(told) == 4
    assert told[ANNA] == {
        "pool": "emea",
        "email": ANNA,
        "weight": 1.0,
        "turns": 2,
        "sticky": 1,
        "given_back": 0,
        "got": 3,
        "expected": 0.75,
    }
    assert (told[CHLOE]["got"], told[CHLOE]["expected"]) == (0, 0.75)


def test_one_may_look_further_back_and_at_every_pool(fairness):
    told = json.loads(fairness("--since", "60d", "--json").out)
    assert {one["pool"] for one in told} == {"emea", "americas", "apac"}
    assert next(one for one in told if one["email"] == CHLOE)["got"] == 1
    page = fairness("emea")
    assert page.code == 0, page.err
    assert "+2.2" in page.out


@pytest.mark.parametrize(
    ("words", "said"),
    [(["emeaa"], 'There is no pool "emeaa"'), (["--since", "often"], '--since: "often" is no duration')],
)
def test_what_cannot_be_meant_is_said(fairness, words, said):
    answer = fairness(*words)
    assert (answer.code, said in answer.err) == (2, True)
