"""Which moves the stages allow, what is in a lead's way, and which pass it is on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.qualify import Qualify
from mappings.moving import CRM, DEALS, PAGE, RULES, entering, in_the_way, judge, pass_of, spelled
from mappings.playbook import Criterion, Gate, Lifecycle, Move
from model.decision import EnterStage
from model.lead import Activity, Provenance
from tests.builders import NOON, a_context, a_lead, a_lifecycle, at, field_is, moves_to, place, reasons

HERE = place(5, "lifecycle.yaml")
EVERYBODY = frozenset({RULES, DEALS, CRM, PAGE})
HOT = Criterion("Hot", HERE, min_score=60)
ASKED = Criterion("Asked", HERE, activities=("demo_request", "contact_sales"))
GERMAN = Criterion("At home", HERE, when=field_is("country", "DE"))
JUDGED = Criterion("Has a budget", HERE)
BACK = Move("prospect", EVERYBODY, HERE, reason="industry", reasons=("No budget", "Wrong person"))


def lifecycle(*rules, unmet="flag", forbidden="refuse", **stages) -> Lifecycle:
    """Build a lifecycle in which some stages ask for something."""
    plain = a_lifecycle(*rules)
    made = tuple(replace(one, **stages.get(one.name, {})) for one in plain.stages)
    return replace(plain, stages=made, unmet=unmet, forbidden=forbidden)


ASKS = lifecycle(
    moves_to("mql", "hot", min_score=60),
    moves_to("prospect", "raised a hand", min_score=20),
    prospect={"exit": Gate((HOT, JUDGED), ("phone", "first_touch.source"))},
    mql={"entry": Gate((Criterion("Ready", HERE, any_of=(ASKED, GERMAN)),))},
)


@pytest.mark.parametrize(
    ("given", "lacks"),
    [
        (
            {},
            (
                "missing phone, first_touch.source",
                "score 42 of 60",
                "Ready (Asked (no demo_request or contact_sales yet) or At home (not country in DE))",
            ),
        ),
        (
            {"phone": "+49301", "first_touch": {"source": "google"}, "score": 60},
            ("Ready (Asked (no demo_request or contact_sales yet) or At home (not country in DE))",),
        ),
        ({"phone": "+49301", "first_touch": {"source": "x"}, "score": 60, "country": "DE"}, ()),
        (
            {"phone": " ", "first_touch": {"source": "x"}, "activities": [Activity("demo_request", NOON)]},
            ("missing phone", "score 42 of 60"),
        ),
    ],
)
def test_what_is_in_the_way_is_named(given, lacks):
    lead = a_lead(**{"stage": "prospect", "score": 42, **given})
    assert in_the_way(ASKS, lead, "mql") == lacks
    ruling = judge(ASKS, lead, "mql", RULES)
    assert (ruling.allowed, ruling.why) == (not lacks, "; ".join(lacks))


def test_exits_are_asked_of_who_moves_on_and_entries_of_everybody():
    lead = a_lead(stage="prospect")
    assert in_the_way(ASKS, lead, "suspect") == in_the_way(ASKS, lead, "nurture") == ()
    assert len(in_the_way(ASKS, lead, "sal")) == 2
    assert len(in_the_way(ASKS, a_lead(stage="nurture"), "mql")) == 1


@pytest.mark.parametrize(("by", "unmet", "allowed"), [
    (RULES, "flag", False), (CRM, "flag", True), (CRM, "refuse", False), (PAGE, "flag", True),
    (PAGE, "refuse", False), (DEALS, "refuse", True),
])  # fmt: skip
def test_who_lacks_something_is_stopped_or_flagged(by, unmet, allowed):
    ruling = judge(replace(ASKS, unmet=unmet), a_lead(stage="prospect"), "mql", by)
    assert ruling.allowed is allowed
    assert len(ruling.lacks) == 3


def test_what_the_same_record_says_counts():
    said = {"phone": "+49301", "country": "DE", "score": 99, "stage": "mql", "city": None}
    lead = a_lead(stage="prospect", first_touch={"source": "x"}, city="Bonn")
    assert judge(ASKS, lead, "mql", CRM, said).lacks == ()


@pytest.mark.parametrize(
    ("here", "to", "by", "industry", "why"),
    [
        ("sal", "prospect", CRM, "no budget ", ""),
        ("sal", "prospect", CRM, None, "a move to prospect needs a reason: industry is blank"),
        ("sal", "prospect", PAGE, "Bored",
         "industry is none of the reasons for a move to prospect: No budget, Wrong person"),
        ("sal", "mql", CRM, "No budget", "sal has no move to mql"),
        ("sal", "sql", CRM, None, "from sal to sql only deals may move a lead"),
        ("sal", "sql", DEALS, None, ""),
        ("sal", "sal", CRM, None, ""),
        ("mql", "prospect", CRM, None, "a lead does not go back from mql to prospect"),
        ("mql", "prospect", PAGE, None, ""),
        ("mql", "sal", CRM, None, ""),
        ("nurture", "suspect", CRM, None, ""),
        ("retired", "suspect", CRM, None, ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("forbidden", ["refuse", "ask"])
def test_only_the_moves_of_a_stage_are_allowed_each_with_its_reason(here, to, by, industry, why, forbidden):
    moves = (BACK, Move("sql", frozenset({DEALS}), HERE))
    ruling = judge(
        lifecycle(forbidden=forbidden, sal={"moves": moves}), a_lead(stage=here, industry=industry), to, by
    )
    assert (ruling.why, ruling.allowed) == (why, not why)
    assert ruling.asks is (bool(why) and by == CRM and forbidden == "ask")


def test_a_rule_whose_move_lacks_something_leaves_the_turn_to_the_next_and_says_so():
    decision = Qualify(ASKS)(a_lead(stage="suspect", score=75), a_context())
    assert decision.fields["stage"] == "prospect"
    assert reasons(decision) == [
        "stays suspect, not mql: hot (score 75 reached 60), but "
        "Ready (Asked (no demo_request or contact_sales yet) or At home (not country in DE))",
        "suspect → prospect: raised a hand (score 75 reached 20)",
    ]


def test_a_new_lead_meets_what_its_first_stage_asks_for():
    asks = lifecycle(moves_to("mql", min_score=1), suspect={"exit": Gate((), ("phone",))})
    decision = Qualify(asks)(a_lead(score=75), a_context())
    assert decision.fields == {"stage": "suspect"}
    assert Qualify(asks)(a_lead(score=75, phone="+49301"), a_context()).fields["stage"] == "mql"


REJECTS = lifecycle(
    moves_to("mql", "hot", min_score=60),
    moves_to("sal", "asked", activity="demo_request"),
    moves_to("prospect", "rejected", starts=frozenset({"sal"}), when=field_is("city", "No")),
    sal={"moves": (Move("prospect", EVERYBODY, HERE), Move("sql", EVERYBODY, HERE))},
)


def test_a_rule_leads_back_from_the_stages_it_names_and_a_pass_begins():
    lead = a_lead(stage="sal", score=75, city="No")
    decision = Qualify(REJECTS)(lead, a_context())
    assert decision.fields == {"stage": "prospect", "stage_pass": 2, "led_back_from": "sal"}
    assert decision.effects == (EnterStage("prospect", "sal", RULES, 2),)
    assert reasons(decision) == [
        "sal → prospect: rejected (country in No), pass 2".replace("country", "city")
    ]
    assert Qualify(REJECTS)(a_lead(stage="mql", score=75, city="No"), a_context()).fields == {}


@pytest.mark.parametrize(
    ("kind", "minutes", "stage"),
    [
        ("email_open", -5, None),
        ("email_open", 5, "mql"),
        ("demo_request", -5, None),
        ("demo_request", 5, "sal"),
    ],
)
def test_who_was_led_back_moves_on_by_what_it_does_since(kind, minutes, stage):
    lead = a_lead(
        stage="prospect",
        score=75,
        stage_pass=2,
        led_back_from="sal",
        activities=[Activity(kind, at(minutes))],
        provenance={"stage": Provenance("rule", NOON, 3)},
    )
    decision = Qualify(REJECTS)(lead, a_context())
    assert decision.fields.get("stage") == stage
    if stage:
        assert decision.fields["led_back_from"] is None
        assert [one.pass_number for one in decision.effects] == [2]


STAGES = [one.name for one in a_lifecycle().stages]


@given(st.lists(st.sampled_from(STAGES), max_size=30))
def test_the_history_replayed_gives_stage_and_pass(ways):
    """Each turn back, and each return from beside, is one pass; the history alone says so."""
    plain = a_lifecycle()
    fields: dict = {"stage": "suspect"}
    history = []
    for to in ways:
        here = fields["stage"]
        fields |= {**entering(plain, fields, here, to), "stage": to}
        history.append((here, to, pass_of(fields)))
    again: dict = {"stage": "suspect"}
    for here, to, number in history:
        assert again["stage"] == here
        again |= {**entering(plain, again, here, to), "stage": to}
        assert pass_of(again) == number
    assert again == fields
    assert pass_of(fields) <= 1 + sum(a != b for a, b, _ in history)
    assert [n for _, _, n in history] == sorted(n for _, _, n in history)


@pytest.mark.parametrize(
    ("ways", "number", "since"),
    [
        (["prospect", "mql", "sal"], 1, None),
        (["mql", "prospect"], 2, "mql"),
        (["sal", "mql", "suspect"], 2, "sal"),  # further back before it moved on: still the same
        (["sal", "mql", "sal", "mql"], 3, "sal"),
        (["mql", "nurture"], 1, None),
        (["mql", "nurture", "mql"], 2, None),
        (["mql", "prospect", "nurture", "prospect"], 3, None),
        (["mql", "nurture", "disqualified", "suspect"], 2, None),
    ],
)
def test_a_pass_begins_where_a_lead_turns_back_or_comes_back(ways, number, since):
    plain, fields = a_lifecycle(), {"stage": "suspect"}
    for to in ways:
        fields |= {**entering(plain, fields, fields["stage"], to), "stage": to}
    assert (pass_of(fields), fields.get("led_back_from")) == (number, since)


def test_criteria_are_spelled_with_what_they_test():
    either = Criterion("Ready", HERE, any_of=(ASKED, GERMAN))
    assert [spelled(one) for one in (HOT, JUDGED, either)] == [
        "Hot (score 60)",
        "Has a budget",
        "Ready (Asked (did demo_request or contact_sales) or At home (country in DE))",
    ]
