"""Bands with hysteresis, grades, and what the CRMs are told of a score."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.bands import settled
from handlers.score import Score
from mappings.playbook import Band, HalfLife, Scale
from model.lead import Activity
from tests.builders import NOON, a_context, a_lead, a_scoring, field_is, place, reasons
from tests.builders import points as rule

DAY = timedelta(days=1)
AT = place(3, "scoring.yaml")
COLD = Band("cold", 0, 0, timedelta(), AT)
WARM = Band("warm", 30, 20, timedelta(), AT)
HOT = Band("hot", 60, 50, 7 * DAY, AT)
BANDS = (COLD, WARM, HOT)


def lived(*scores):
    """Return the bands of a lead with these scores, each a number of days after the start."""
    band, since, found = None, None, []
    for day, score in scores:
        band, since = settled(BANDS, band, since, score, NOON + day * DAY)
        found.append(band)
    return found


@pytest.mark.parametrize(
    ("scores", "bands"),
    [
        ([(0, 0), (1, 30), (2, 60)], ["cold", "warm", "hot"]),
        ([(0, 100), (1, 50), (90, 50)], ["hot", "hot", "hot"]),  # 50 is not below 50
        ([(0, 60), (1, 49), (7.9, 49), (8, 49)], ["hot", "hot", "hot", "warm"]),
        ([(0, 60), (1, 49), (5, 50), (6, 49), (12, 49), (13, 49)], ["hot"] * 5 + ["warm"]),  # counted anew
        ([(0, 60), (1, 19), (8, 19)], ["hot", "hot", "cold"]),
        ([(0, 60), (1, 25), (8, 25)], ["hot", "hot", "warm"]),  # 25 keeps warm, though it does not lead there
        ([(0, 25)], ["cold"]),
        ([(0, 30), (1, 19)], ["warm", "cold"]),  # without a time it falls at once
    ],
)
def test_a_lead_rises_at_once_and_falls_after_its_time(scores, bands):
    assert lived(*scores) == bands


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 100)), min_size=1, max_size=30))
def test_no_lead_is_in_a_band_that_it_did_not_reach_or_did_not_have_to_leave(steps):
    day, band, since, by_name = 0, None, None, {one.name: one for one in BANDS}
    for later, score in steps:
        day += later
        before, was_since = band, since
        band, since = settled(BANDS, band, since, score, NOON + day * DAY)
        found = by_name[band]
        assert (since is None) == (score >= found.down)
        if before is None or found.up > by_name[before].up:
            assert score >= found.up
        if before is not None and found.up < by_name[before].up:
            long = NOON + day * DAY - (was_since or NOON + day * DAY)
            assert score < by_name[before].down
            assert long >= by_name[before].after
            assert score >= found.down


def test_a_band_that_is_no_more_counts_as_none():
    assert settled(BANDS, "boiling", NOON, 35, NOON) == ("warm", None)


FADING = replace(
    a_scoring(
        rule(70, "demo", "intent", activity="demo", decay=HalfLife(14 * DAY)),
        rule(20, "boss", "fit", when=field_is("title", "CEO")),
        fit=30,
        intent=70,
    ),
    bands=BANDS,
    grade=(Scale("fit", ((20, "A"), (0, "B"))), Scale("intent", ((40, "1"), (0, "2")))),
    write_points=5,
)


def aged(days, lead=None, scoring=FADING, **settings):
    """Return the lead as ``score`` leaves it so many days after noon, and the decision."""
    lead = lead or a_lead(activities=[Activity("demo", NOON)])
    decision = Score(scoring, **settings)(lead, a_context(now=NOON + days * DAY))
    lead.fields |= decision.fields
    return lead, decision


def test_the_band_and_why_it_is_kept_are_said():
    lead, decision = aged(0)
    assert decision.fields == {
        "score": 70,
        "band": "hot",
        "grade": "B1",
        "told_score": 70,
        "score_reasons": "+70 demo (intent)",
    }
    assert "band hot" in reasons(decision)
    lead, decision = aged(7, lead)
    assert lead.fields["score"] == 49
    assert (
        f"band hot kept until {(NOON + 14 * DAY).isoformat(timespec='microseconds')[:10]}"
        in reasons(decision)[-1]
    )
    lead, decision = aged(14, lead)
    assert (lead.fields["band"], lead.fields["grade"]) == ("warm", "B2")
    assert lead.fields["band_below_since"] is None
    assert "band hot → warm" in reasons(decision)


def test_the_crms_are_told_in_steps_and_the_score_is_exact():
    lead, _ = aged(0)
    lead, decision = aged(1, lead)
    assert (lead.fields["score"], lead.fields["told_score"]) == (67, 70)
    assert "the CRMs keep 70 points until more changes" in reasons(decision)
    lead, _ = aged(1.5, lead)
    assert (lead.fields["score"], lead.fields["told_score"]) == (65, 65)
    assert lead.fields["score_reasons"] == "+65 demo, +70 when new (intent)"


def test_a_threshold_of_the_lifecycle_that_is_passed_is_told_at_once():
    lead, _ = aged(0)
    lead, _ = aged(1, lead, thresholds=(69,))
    assert lead.fields["told_score"] == 67


def test_a_change_of_the_band_is_told_at_once():
    few = replace(FADING, bands=(COLD, replace(HOT, up=70, down=68, after=timedelta())))
    lead, _ = aged(0, scoring=few)
    lead, _ = aged(1, lead, scoring=few)
    assert (lead.fields["band"], lead.fields["told_score"]) == ("cold", 67)


def test_what_the_playbook_no_longer_has_is_taken_off_the_lead():
    lead, _ = aged(0)
    plain = replace(FADING, bands=(), grade=(), write_points=None)
    lead, _ = aged(0, lead, scoring=plain)
    assert {name: value for name, value in lead.fields.items() if value is not None} == {"score": 70}


@given(st.lists(st.floats(0, 60), min_size=1, max_size=20))
def test_what_the_crms_are_told_is_never_far_from_the_score_and_never_wavers(days):
    lead = None
    for day in sorted(days):
        before = lead.fields.get("told_score") if lead else None
        band = lead.fields.get("band") if lead else None
        lead, _ = aged(day, lead)
        told = lead.fields["told_score"]
        assert abs(told - lead.fields["score"]) < 5
        if before is not None and told != before:
            assert abs(told - before) >= 5 or lead.fields["band"] != band


def test_a_timer_wakes_the_lead_when_it_falls_out_of_its_band():
    plain = replace(a_scoring(rule(60, "boss", "fit", when=field_is("title", "CEO")), fit=100), bands=BANDS)
    lead = a_lead(title="CEO")
    lead, decision = aged(0, lead, plain)
    assert decision.effects == ()
    lead.fields["title"] = "Student"
    lead, decision = aged(1, lead, plain)
    [timer] = decision.effects
    assert (timer.kind, timer.due_at, timer.why) == ("score", NOON + 8 * DAY, "falls out of the band hot")
    lead, decision = aged(8, lead, plain)
    assert lead.fields["band"] == "cold"


def test_whose_points_come_back_in_time_waits_for_nothing():
    plain = replace(a_scoring(rule(60, "boss", "fit", when=field_is("title", "CEO")), fit=100), bands=BANDS)
    lead, _ = aged(0, a_lead(title="CEO"), plain)
    lead.fields["title"] = "Student"
    lead, decision = aged(1, lead, plain)
    lead.timers[("score", "")] = decision.effects[0]
    lead.fields["title"] = "CEO"
    lead, decision = aged(2, lead, plain)
    assert [effect.due_at for effect in decision.effects] == [None]
    assert lead.fields["band_below_since"] is None


def test_the_earlier_of_fading_and_falling_wakes_the_lead():
    lead, _ = aged(0)
    lead, decision = aged(13.999, lead)
    assert decision.effects[0].why == "points that go with time"
    lead.fields["band_below_since"] = (NOON + 7 * DAY).isoformat().replace("+00:00", "Z")
    lead, decision = aged(13.99999, lead)
    assert decision.effects[0].why == "falls out of the band hot"
    assert decision.effects[0].due_at == NOON + 14 * DAY
