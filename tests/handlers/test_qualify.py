"""Forward only, by the furthest rule that holds; beside the ladder by rules of its own."""

from __future__ import annotations

import pytest

from handlers.qualify import Qualify
from model.decision import EnterStage
from model.lead import Activity, Lead, Provenance
from tests.builders import NOON, a_context, a_lead, a_lifecycle, at, field_is, moves_to, place, reasons

QUALIFY = Qualify(
    a_lifecycle(
        moves_to("prospect", "raised a hand", line=20, min_score=20),
        moves_to("mql", "hot", line=21, min_score=60),
        moves_to("mql", "asked for a demo", line=22, activity="demo_request", when=field_is("country", "DE")),
        moves_to("nurture", "not now", line=23, when=field_is("city", "Later")),
        moves_to("disqualified", "embargo", line=24, when=field_is("country", "KP")),
    )
)


def stage_of(lead, qualify=QUALIFY):
    return qualify(lead, a_context()).fields.get("stage", lead.stage)


def did(kind, minutes=0):
    return [Activity(kind, at(minutes))]


@pytest.mark.parametrize(
    ("lead", "stage"),
    [
        (a_lead(), "suspect"),
        (a_lead(score=20), "prospect"),
        (a_lead(score=75), "mql"),
        (a_lead(score=20, country="DE", activities=did("demo_request")), "mql"),
        (a_lead(country="FR", activities=did("demo_request")), "suspect"),
        (a_lead(stage="suspect", score=60), "mql"),
        (a_lead(stage="prospect", score=59), "prospect"),
        (a_lead(stage="mql", score=0), "mql"),
        (a_lead(stage="sql", score=99), "sql"),
        (a_lead(stage="customer", score=99, country="KP"), "customer"),
        (a_lead(stage="customer", city="Later"), "customer"),
        (a_lead(score=99, country="KP"), "disqualified"),
        (a_lead(score=99, city="Later", country="KP"), "disqualified"),
        (a_lead(stage="mql", score=99, city="Later"), "nurture"),
        (a_lead(stage="nurture", score=99), "nurture"),
        (a_lead(stage="nurture", country="KP"), "disqualified"),
        (a_lead(stage="disqualified", city="Later"), "disqualified"),
        (a_lead(stage="retired", score=99), "retired"),
    ],
)
def test_a_lead_moves_to_the_furthest_stage_whose_rule_holds(lead, stage):
    assert stage_of(lead) == stage


@pytest.mark.parametrize(
    ("stage", "minutes", "city", "then"),
    [
        ("nurture", 5, None, "mql"),  # asked for a demo while in nurture
        ("nurture", -5, None, "nurture"),  # that was before
        ("nurture", 0, None, "nurture"),
        ("nurture", 5, "Later", "nurture"),  # the rule that put it there still holds
        ("disqualified", 5, None, "disqualified"),  # a person decides
    ],
)
def test_nurture_is_left_by_what_the_lead_does_there_and_disqualified_by_a_person(stage, minutes, city, then):
    lead = a_lead(
        stage=stage,
        score=99,
        country="DE",
        city=city,
        activities=did("demo_request", minutes),
        provenance={"stage": Provenance("rule", NOON, 3)},
    )
    assert stage_of(lead) == then


def test_disqualified_wins_wherever_it_is_listed():
    stages = ("suspect", "mql", "customer", "disqualified", "nurture")
    rules = [moves_to("nurture", min_score=1), moves_to("disqualified", min_score=1)]
    qualify = Qualify(a_lifecycle(*rules, stages=stages))
    assert stage_of(a_lead(score=1), qualify) == "disqualified"
    assert stage_of(a_lead(stage="nurture", score=1), qualify) == "disqualified"
    assert stage_of(a_lead(stage="disqualified", score=1), qualify) == "disqualified"


def test_without_a_customer_stage_every_stage_is_on_the_ladder():
    qualify = Qualify(a_lifecycle(moves_to("won", min_score=1), stages=("new", "won"), start="new"))
    assert stage_of(a_lead(score=1), qualify) == "won"


def test_birth_and_move_are_one_effect_each_and_say_what_held():
    decision = QUALIFY(Lead("L1", fields={"score": 75}), a_context())
    assert decision.effects == (EnterStage("suspect", None), EnterStage("mql", "suspect"))
    assert [(line.text, line.at) for line in decision.because] == [
        ("starts as suspect", place(1, "lifecycle.yaml")),
        ("suspect → mql: hot (score 75 reached 60)", place(21, "lifecycle.yaml")),
    ]


def test_all_that_a_rule_asks_for_is_named():
    lead = a_lead(stage="prospect", country="DE", activities=did("demo_request"))
    decision = QUALIFY(lead, a_context())
    assert reasons(decision) == ["prospect → mql: asked for a demo (did demo_request; country in DE)"]
    assert decision.effects == (EnterStage("mql", "prospect"),)


def test_a_stage_the_playbook_no_longer_has_is_left_and_said():
    decision = QUALIFY(a_lead(stage="retired", score=99), a_context())
    assert decision.fields == {}
    assert "retired" in reasons(decision)[0]
