"""Once a stay in the band a person is asked, and not where a verdict would change nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers.qualify import Qualify
from mappings.playbook import Review
from model.decision import AskReview, SettleReviews
from tests.builders import a_context, a_lead, a_lifecycle, moves_to, place

REVIEW = Review("warm", "mql", "disqualified", "message", ("No budget",), place(9, "lifecycle.yaml"))
PLAIN = a_lifecycle(moves_to("mql", "hot", min_score=60))
QUALIFY = Qualify(replace(PLAIN, review=REVIEW))
ASKED, SETTLED = AskReview("borderline", {"band": "warm"}), SettleReviews("borderline")


@pytest.mark.parametrize(
    ("lead", "asked"),
    [
        ({"stage": "suspect", "band": "warm"}, True),
        ({"band": "warm"}, True),  # a new lead
        ({"stage": "suspect", "band": "cold"}, False),
        ({"stage": "suspect"}, False),
        ({"stage": "mql", "band": "warm"}, False),
        ({"stage": "customer", "band": "warm"}, False),
        ({"stage": "nurture", "band": "warm"}, False),
        ({"stage": "disqualified", "band": "warm"}, False),
        ({"stage": "retired", "band": "warm"}, False),
        ({"stage": "suspect", "band": "warm", "score": 60}, False),  # a rule leads it on
        ({"stage": "suspect", "band": "warm", "in_review": True}, False),
        ({"stage": "suspect", "band": "warm", "in_review": False, "reviewed_band": "warm"}, False),
        ({"stage": "suspect", "band": "warm", "in_review": False}, True),
    ],
)
def test_a_person_is_asked_once_of_a_lead_in_the_band_that_is_not_as_far(lead, asked):
    decision = QUALIFY(a_lead(**lead), a_context())
    assert (ASKED in decision.effects) is asked
    assert (decision.fields.get("in_review") is True) is asked


@pytest.mark.parametrize(
    ("lead", "judged"),
    [
        ({"stage": "suspect", "band": "cold"}, None),
        ({"stage": "suspect", "band": "hot"}, None),
        ({"stage": "mql", "band": "warm"}, "warm"),
        ({"stage": "disqualified", "band": "warm"}, "warm"),
        ({"stage": "suspect", "band": "warm", "score": 60}, "warm"),
        ({"stage": "suspect", "band": "warm", "reviewed_band": "warm"}, "warm"),  # as another lead
    ],
)
def test_the_question_settles_itself_where_the_lead_leaves_the_band_or_moves(lead, judged):
    decision = QUALIFY(a_lead(in_review=True, **lead), a_context())
    assert SETTLED in decision.effects
    assert decision.fields["in_review"] is False
    assert decision.fields.get("reviewed_band", lead.get("reviewed_band")) == judged


def test_a_verdict_is_forgotten_once_the_lead_has_left_the_band():
    left = QUALIFY(a_lead(stage="suspect", band="cold", in_review=False, reviewed_band="warm"), a_context())
    assert (dict(left.fields), left.effects) == ({"reviewed_band": None}, ())


def test_without_a_review_in_the_playbook_what_was_asked_is_settled_and_else_nothing_is_done():
    lead = a_lead(stage="suspect", band="warm")
    assert Qualify(PLAIN)(lead, a_context()).fields == {}
    waiting = Qualify(PLAIN)(a_lead(stage="suspect", band="warm", in_review=True), a_context())
    assert (waiting.effects, waiting.fields["in_review"]) == ((SETTLED,), False)
