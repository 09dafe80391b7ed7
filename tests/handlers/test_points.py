"""What points are worth with time, which deeds count, and the laws of the sum."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.points import POINT, points, worth
from handlers.score import Score
from mappings.playbook import Expiry, HalfLife, Linear, Scoring
from model.lead import Activity
from tests.builders import NOON, a_context, a_lead, a_scoring, field_is, reasons
from tests.builders import points as rule

DAY = timedelta(days=1)
MONTH = Linear(50, 30 * DAY)
FORTNIGHT = HalfLife(14 * DAY)
EXPIRES = Expiry(30 * DAY)


@pytest.mark.parametrize(
    ("amount", "decay", "days", "left"),
    [
        (10, None, 4000, 10),
        (10, MONTH, 0, 10),
        (10, MONTH, 15, 7.5),
        (10, MONTH, 30, 5),
        (10, MONTH, 60, 0),
        (10, MONTH, 600, 0),
        (-10, MONTH, 30, -5),
        (16, FORTNIGHT, 14, 8),
        (16, FORTNIGHT, 28, 4),
        (16, FORTNIGHT, 1_000_000, 0),
        (10, EXPIRES, 29.999, 10),
        (10, EXPIRES, 30, 0),
        (10, MONTH, -3, 10),  # a meeting that was agreed on
        (10, FORTNIGHT, -3, 10),
    ],
)
def test_points_go_as_their_decay_says(amount, decay, days, left):
    assert worth(amount, decay, days * DAY) == left * POINT


def counting(amount=10, **given):
    return a_scoring(rule(amount, "download", "intent", activity="download", **given), intent=100)


def downloads(*days, detail=""):
    return [Activity("download", NOON - day * DAY, detail) for day in days]


@pytest.mark.parametrize(
    ("given", "days_ago", "total"),
    [
        ({"max_times": 2, "per": 7 * DAY}, (0, 1, 2), 20),
        ({"max_times": 2, "per": 7 * DAY}, (0, 3, 7), 30),  # the first is seven days old: its turn is over
        ({"max_times": 2, "per": 7 * DAY}, (0, 3, 6.9), 20),
        ({"max_times": 1, "per": 7 * DAY}, (0, 6, 7, 8, 14), 30),  # those of 14, 7 and 0 days ago
        ({"max_times": 1, "decay": MONTH}, (60, 30), 5),  # a repeat renews
        ({"max_times": 1, "decay": MONTH}, (30, 0, 60), 10),
        ({"max_times": 2, "decay": EXPIRES}, (40, 10, 50), 10),
    ],
)
def test_a_rule_counts_so_many_for_ever_or_per_window(given, days_ago, total):
    assert points(a_lead(activities=downloads(*days_ago)), counting(**given), NOON).total == total


def test_the_same_form_counts_once_and_is_as_old_as_its_last_time():
    done = [*downloads(30, 60, detail="whitepaper"), *downloads(0, detail="price list")]
    each = counting(max_times=9, unique_by_detail=True)
    assert points(a_lead(activities=done), each, NOON).total == 20
    fading = counting(max_times=9, unique_by_detail=True, decay=MONTH)
    assert points(a_lead(activities=done), fading, NOON).total == 15


def test_to_do_something_again_takes_nothing_away():
    weekly = counting(max_times=1, per=7 * DAY, unique_by_detail=True)
    done = [*downloads(20, detail="a"), *downloads(12, detail="b")]
    assert points(a_lead(activities=done), weekly, NOON).total == 20
    again = [*done, *downloads(11, detail="a")]
    assert points(a_lead(activities=again), weekly, NOON).total == 20


def test_the_cap_of_a_group_holds_after_decay():
    scoring = a_scoring(
        rule(30, "download", "intent", activity="download", max_times=2, decay=MONTH), intent=40
    )
    lead = a_lead(activities=downloads(0, 0))
    assert [points(lead, scoring, NOON + day * DAY).total for day in (0, 10, 30)] == [40, 40, 30]


def test_only_the_total_is_rounded_and_halves_go_up():
    scoring = a_scoring(
        rule(1, "one", "fit", activity="download", decay=MONTH),
        rule(1, "two", "intent", activity="download", decay=MONTH),
        rule(1, "three", "more", activity="download", decay=MONTH),
        fit=30,
        intent=30,
        more=40,
    )
    lead = a_lead(activities=downloads(30))  # three halves
    found = points(lead, scoring, NOON)
    assert found.total == 2
    assert found.by_group == {"fit": POINT // 2, "intent": POINT // 2, "more": POINT // 2}


def test_a_line_says_what_is_left_and_what_it_was():
    lead = a_lead(activities=downloads(15, 15))
    score = Score(counting(max_times=2, decay=MONTH))
    assert reasons(score(lead, a_context(now=NOON))) == ["+15 download, 2 times, +20 when new (intent)"]
    assert reasons(score(lead, a_context(now=NOON - 7 * DAY))) == [
        "+17.3 download, 2 times, +20 when new (intent)"
    ]
    assert reasons(score(lead, a_context(now=NOON + 60 * DAY))) == []


def test_the_score_is_that_of_the_moment_of_the_decision():
    lead = a_lead(score=10, activities=downloads(0))
    score = Score(counting(decay=MONTH))
    assert score(lead, a_context(now=NOON)).fields == {}
    assert score(lead, a_context(now=NOON + 30 * DAY)).fields == {"score": 5}


# -- laws

DECAYS = st.sampled_from([None, MONTH, Linear(33, 7 * DAY), FORTNIGHT, EXPIRES])
RULES = st.lists(
    st.builds(
        lambda amount, group, kind, decay, times, per, unique: rule(
            amount, kind, group, activity=kind, decay=decay, max_times=times, per=per, unique_by_detail=unique
        ),
        st.integers(-100, 100),
        st.sampled_from(["intent", "engagement"]),
        st.sampled_from(["download", "demo"]),
        DECAYS,
        st.integers(1, 4),
        st.sampled_from([None, DAY, 7 * DAY]),
        st.booleans(),
    )
    | st.builds(
        lambda amount: rule(amount, "CEO", "fit", when=field_is("title", "CEO")), st.integers(-50, 50)
    ),
    max_size=6,
)
DEEDS = st.lists(
    st.builds(
        lambda kind, hours, detail: Activity(kind, NOON - timedelta(hours=hours), detail),
        st.sampled_from(["download", "demo", "other"]),
        st.integers(-48, 2400),
        st.sampled_from(["", "a", "b"]),
    ),
    max_size=12,
)
CAPS = {"fit": 40, "intent": 40, "engagement": 20}


@given(RULES, DEEDS, st.randoms(use_true_random=False))
def test_no_order_of_rules_groups_or_deeds_changes_a_number(rules, deeds, chance):
    scoring = a_scoring(*rules, **CAPS)
    found = points(a_lead(title="CEO", activities=deeds), scoring, NOON)
    again = points(
        a_lead(title="CEO", activities=chance.sample(deeds, len(deeds))),
        Scoring(
            tuple(chance.sample(scoring.groups, len(CAPS))),
            tuple(chance.sample(scoring.rules, len(rules))),
            scoring.place,
        ),
        NOON,
    )
    assert (again.total, again.by_group) == (found.total, found.by_group)


@given(RULES, DEEDS)
def test_counting_twice_at_one_moment_changes_nothing(rules, deeds):
    score = Score(a_scoring(*rules, **CAPS))
    lead = a_lead(title="CEO", activities=deeds)
    first = score(lead, a_context(now=NOON))
    lead.fields.update(first.fields)
    again = score(lead, a_context(now=NOON))
    assert again.fields == {}
    assert again.because == first.because


@given(RULES, DEEDS)
def test_a_score_is_a_whole_number_of_0_to_100_within_the_caps(rules, deeds):
    found = points(a_lead(title="CEO", activities=deeds), a_scoring(*rules, **CAPS), NOON)
    assert isinstance(found.total, int)
    assert 0 <= found.total <= 100
    assert all(0 <= found.by_group[name] <= cap * POINT for name, cap in CAPS.items())


@given(st.integers(-100, 100), DECAYS, st.integers(0, 10**7), st.integers(0, 10**7))
def test_age_never_adds_to_what_a_deed_is_worth(amount, decay, minutes, more):
    younger = worth(amount, decay, timedelta(minutes=minutes))
    older = worth(amount, decay, timedelta(minutes=minutes + more))
    assert abs(older) <= abs(younger) <= abs(amount) * POINT
    assert older * amount >= 0


@given(RULES, DEEDS, st.lists(st.integers(0, 10**6), max_size=6))
def test_by_time_alone_a_score_of_rules_that_only_give_never_grows(rules, deeds, minutes):
    scoring = a_scoring(*(one for one in rules if one.points >= 0), **CAPS)
    lead = a_lead(title="CEO", activities=deeds)
    totals = [points(lead, scoring, NOON + timedelta(minutes=one)).total for one in sorted(minutes)]
    assert totals == sorted(totals, reverse=True)


@given(RULES, DEEDS, st.integers(0, 10**6))
def test_a_score_can_be_counted_again_later_for_any_moment_before(rules, deeds, minutes):
    scoring, lead = a_scoring(*rules, **CAPS), a_lead(title="CEO", activities=deeds)
    then = points(lead, scoring, NOON)
    points(lead, scoring, NOON + timedelta(minutes=minutes))
    again = points(a_lead(title="CEO", score=99, band="hot", activities=deeds), scoring, NOON)
    assert (again.total, again.by_group, again.lines) == (then.total, then.by_group, then.lines)
