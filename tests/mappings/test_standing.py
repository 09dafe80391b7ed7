"""What is in a lead's way to the stages ahead, as people read it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mappings.playbook import Criterion, Gate, Move
from mappings.standing import standing
from model.lead import Activity, Provenance
from tests.builders import NOON, a_lead, a_lifecycle, at, moves_to, place

HERE = place(7, "lifecycle.yaml")
PLAIN = a_lifecycle(
    moves_to("prospect", "took an offer", line=20, activity="download"),
    moves_to("prospect", "took an offer", line=20, activity="webinar"),
    moves_to("mql", "hot", line=30, min_score=60),
    moves_to("mql", "asked", line=31, activity="demo_request"),
)
LABELS = {"prospect": "Prospect", "mql": "MQL", "sal": "SAL"}
GATES = {
    "prospect": {"exit": Gate((Criterion("Has time", HERE),), ("phone",))},
    "sal": {"moves": (Move("customer", frozenset({"crm"}), HERE),)},
    "mql": {"entry": Gate((), ("country",))},
}
LIFECYCLE = replace(
    PLAIN,
    stages=tuple(
        replace(one, label=LABELS.get(one.name, ""), **GATES.get(one.name, {})) for one in PLAIN.stages
    ),
)


def lines(**given):
    found = standing(LIFECYCLE, a_lead(**given))
    assert found is not None
    return found.lines()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"stage": "prospect", "score": 42, "country": "DE"},
            ["Prospect → MQL: missing phone; score 42 of 60 or asked (no demo_request yet)"],
        ),
        ({"stage": "prospect", "score": 60, "country": "DE"}, ["Prospect → MQL: missing phone"]),
        (
            {"stage": "prospect", "score": 60, "phone": "+49301", "country": "DE"},
            ["Prospect → MQL: nothing is in the way"],
        ),
        (
            {"stage": "suspect", "score": 1},
            [
                "suspect → Prospect: took an offer (no download or webinar yet)",
                "suspect → MQL: missing country; score 1 of 60 or asked (no demo_request yet)",
            ],
        ),
        ({"stage": "mql"}, ["MQL → SAL: nothing is in the way of people or a deal"]),
        ({"stage": "sal"}, ["SAL → customer: nothing is in the way of people or a deal"]),
        ({"stage": "customer"}, []),
        (
            {"stage": "prospect", "score": 75, "phone": "1", "country": "DE", "led_back_from": "sal"},
            ["Prospect → MQL: it went to Prospect since: it moves on by what it does from then on"],
        ),
    ],
)
def test_what_fails_now_is_named_for_each_stage_ahead(given, expected):
    assert lines(**given) == expected


def test_who_came_without_what_was_asked_is_flagged_and_people_see_what_to_judge():
    found = standing(LIFECYCLE, a_lead(stage="mql"))
    assert found is not None
    assert found.flags == ("missing country",)
    [ahead] = standing(LIFECYCLE, a_lead(stage="prospect")).ahead  # type: ignore[union-attr]
    assert ahead.judged == ("Has time",)


def test_who_did_something_since_it_was_led_back_is_told_no_more():
    deeds = {
        "activities": [Activity("email_open", at(5))],
        "provenance": {"stage": Provenance("rule", NOON, 3)},
    }
    given = {"stage": "prospect", "score": 75, "phone": "1", "country": "DE", "led_back_from": "sal"}
    assert lines(**given, **deeds) == ["Prospect → MQL: nothing is in the way"]


def test_an_unknown_stage_stands_nowhere():
    assert standing(LIFECYCLE, a_lead(stage="retired")) is None
