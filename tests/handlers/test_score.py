"""Points, groups, caps, and a line for each rule that counted."""

from __future__ import annotations

import pytest

from handlers.score import Score
from model.lead import Activity
from tests.builders import NOON, a_context, a_lead, a_scoring, field_is, place, points, reasons

SCORE = Score(
    a_scoring(
        points(15, "senior title", "fit", line=10, when=field_is("title", "CEO", "CTO")),
        points(20, "target country", "fit", line=11, when=field_is("country", "DE")),
        points(-50, "student", "fit", line=12, when=field_is("title", "Student")),
        points(30, "demo request", "intent", line=13, activity="demo_request"),
        points(10, "download", "intent", line=14, activity="download", max_times=3),
        points(5, "download from Germany", "intent", activity="download", when=field_is("country", "DE")),
        fit=30,
        intent=60,
    )
)


def did(*kinds):
    return [Activity(kind, NOON) for kind in kinds]


@pytest.mark.parametrize(
    ("lead", "score"),
    [
        (a_lead(), 0),
        (a_lead(title="CEO"), 15),
        (a_lead(title="CEO", country="DE"), 30),  # 35, capped
        (a_lead(title="Student", country="DE"), 0),  # -30, held at 0
        (a_lead(title="Student", activities=did("demo_request")), 30),  # one group does not eat another
        (a_lead(activities=did("demo_request", "demo_request")), 30),
        (a_lead(activities=did("download")), 10),
        (a_lead(activities=did(*["download"] * 5)), 30),
        (a_lead(country="DE", activities=did("download", "download")), 45),
        (a_lead(country="DE", activities=did("demo_request", *["download"] * 3)), 80),
    ],
)
def test_each_group_counts_its_rules_up_to_its_cap(lead, score):
    assert SCORE(lead, a_context()).fields == {"score": score}


def test_each_rule_that_counted_has_a_line_and_so_has_a_bound_that_cut():
    lead = a_lead(title="CEO", country="DE", activities=did("download", "download"))
    decision = SCORE(lead, a_context())
    assert reasons(decision) == [
        "+15 senior title (fit)",
        "+20 target country (fit)",
        "+20 download, 2 times (intent)",
        "+5 download from Germany (intent)",
        "fit capped at 30, was 35",
    ]
    assert [line.at for line in decision.because][:2] == [
        place(10, "scoring.yaml"),
        place(11, "scoring.yaml"),
    ]
    assert decision.because[-1].at == place(1, "scoring.yaml")
    assert reasons(SCORE(a_lead(title="Student"), a_context())) == [
        "-50 student (fit)",
        "fit held at 0, was -50",
    ]


def test_counting_again_changes_nothing():
    lead = a_lead(title="CEO", score=15)
    assert SCORE(lead, a_context()).fields == {}
