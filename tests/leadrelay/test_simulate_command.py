"""`simulate --threshold`: what thresholds would have found among deals that were won or lost."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from leadrelay.clock import SystemClock
from model.lead import Lead
from sync import leads, tables
from sync.database import open_store

# id, what they did and how many days ago, deals as (outcome, days ago), whether a test lead
PEOPLE = [
    ("hot", [("demo_request", 90), ("content_download", 89)], [("open", 80), ("won", 20)], False),
    ("warm", [("demo_request", 90)], [("lost", 50)], False),
    ("cold", [("newsletter", 90), ("demo_request", 30), ("pricing_inquiry", 29)], [("won", 40)], False),
    ("late", [("demo_request", 10)], [("won", 40)], False),
    ("open", [("demo_request", 90)], [("open", 40)], False),
    ("none", [("demo_request", 90)], [], False),
    ("test", [("demo_request", 90)], [("won", 40)], True),
]


@pytest.fixture
def simulate(empty_store, leadrelay, playbook):
    """Run the command on a store with some people and what became of them."""
    store, now = open_store(empty_store), SystemClock().now()
    people = [Lead(name, is_test=test, created_at=now) for name, _, _, test in PEOPLE]
    store.write(lambda on: leads.save(on, people, {}, now))
    base = {"space": "main", "event": 1}
    deeds = [
        base | {"lead_id": name, "at": now - timedelta(days=days), "kind": kind, "detail": ""}
        for name, did, _, _ in PEOPLE
        for kind, days in did
    ]
    outcomes = [
        base
        | {
            "deal_id": f"deal_{name}",
            "outcome": outcome,
            "currency": "EUR",
            "leads": [name],
            "since": now - timedelta(days=days),
            "at": now,
        }
        for name, _, deals, _ in PEOPLE
        for outcome, days in deals
    ]
    store.write(lambda on: on.execute(sa.insert(tables.activities), deeds))
    store.write(lambda on: on.execute(sa.insert(tables.deal_outcomes), outcomes))
    store.close()
    environ = {"LEADRELAY_DATABASE_URL": empty_store, "LEADRELAY_PLAYBOOK": str(playbook)}
    return lambda *words: leadrelay("simulate", *words, **environ)


def test_each_threshold_is_judged_by_the_scores_before_the_deals(simulate):
    told = json.loads(simulate("--threshold", "5..40", "--step", "25", "--json").out)
    assert [(one["threshold"], one["volume"], one["won"]) for one in told["thresholds"]] == [
        (5, 3, 2),
        (30, 2, 1),
        (40, 1, 1),
    ]
    assert told["thresholds"][1] | {"threshold": 0} == {
        "threshold": 0,
        "volume": 2,
        "won": 1,
        "precision": 0.5,
        "recall": 0.5,
    }
    assert (told["leads"], told["won"], told["with_later_facts"]) == (3, 2, 1)
    assert told["left_out"] == {
        "nothing was known of them before their deal": 1,
        "a deal of theirs is open, and none was won": 1,
        "no deal of theirs was won or lost": 1,
        "test leads": 1,
    }


def test_people_read_a_table_and_who_was_left_out(simulate):
    answer = simulate("--threshold", "30")
    assert answer.code == 0
    assert "Of 3 leads whose deals were decided, 2 won" in answer.out
    assert "50%" in answer.out
    assert "left out: 1, test leads\n" in answer.out


@pytest.mark.parametrize("text", ["80..50", "50..101", "sixty", "50.."])
def test_what_is_no_threshold_is_refused(simulate, text):
    answer = simulate("--threshold", text)
    assert answer.code == 2
    assert f'"{text}" is no score and no range; write 60 or 50..80' in answer.err


ICP = """\
criteria:
  - {name: Asked, when: {first_touch: {is_blank: true}}, weight: 1}
  - {name: Firm, when: {company: {is_blank: false}}, weight: 1}
tiers: {A: 100, B: 50}
"""


def test_the_win_rate_of_each_tier_is_that_of_what_was_known_before_the_deals(simulate, playbook):
    assert "no icp.yaml" in simulate("--icp").err
    (playbook / "icp.yaml").write_text(ICP, encoding="utf-8")
    told = json.loads(simulate("--icp", "--json").out)
    assert told["tiers"] == [
        {"tier": "A", "leads": 0, "won": 0, "win_rate": None},
        {"tier": "B", "leads": 3, "won": 2, "win_rate": 2 / 3},
    ]
    assert simulate().code == 2
