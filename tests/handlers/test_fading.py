"""When a score changes by time alone: what is said is when counting gives another number."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.fading import MINUTE, changes_at
from handlers.points import points
from handlers.score import Score
from mappings.playbook import Expiry, HalfLife, Linear
from model.decision import SetTimer
from model.lead import Activity
from tests.builders import NOON, a_context, a_lead, a_scoring, settle
from tests.builders import points as rule

DAY = timedelta(days=1)
MONTH = Linear(50, 30 * DAY)


def fading(amount=10, **given):
    return a_scoring(rule(amount, "download", "intent", activity="download", **given), intent=100)


def done(*days):
    return a_lead(activities=[Activity("download", NOON - day * DAY) for day in days])


@pytest.mark.parametrize(
    ("decay", "after"),
    [
        (None, None),
        (Expiry(30 * DAY), 30 * DAY),
        (MONTH, 3 * DAY),  # 10 points lose half of one in three days: 9.5 still rounds to 10
        (HalfLife(1 * DAY), timedelta(minutes=107)),  # 10 · 2^(-t) < 9.5 after 0.0740 days
    ],
)
def test_the_next_change_is_when_the_rounded_score_moves(decay, after):
    found = changes_at(done(0), fading(decay=decay), NOON)
    if after is None:
        assert found is None
    else:
        assert abs(found - NOON - after) <= MINUTE


def test_nothing_is_said_of_a_score_that_has_wholly_faded_or_is_far_above_its_cap_for_ever():
    assert changes_at(done(40), fading(decay=Expiry(30 * DAY)), NOON) is None
    assert changes_at(a_lead(), fading(decay=MONTH), NOON) is None


def test_what_lies_above_a_cap_goes_first_and_tells_only_when_the_cap_is_reached():
    scoring = a_scoring(
        rule(30, "download", "intent", activity="download", decay=Linear(50, 10 * DAY)), intent=10
    )
    found = changes_at(done(0), scoring, NOON)
    assert points(done(0), scoring, found).total == 9
    assert points(done(0), scoring, found - MINUTE).total == 10


decays = st.one_of(
    st.builds(Linear, st.integers(1, 100), st.integers(1, 60).map(lambda n: n * DAY)),
    st.builds(HalfLife, st.integers(1, 60).map(lambda n: n * DAY)),
    st.builds(Expiry, st.integers(1, 60).map(lambda n: n * DAY)),
)


@given(
    amounts=st.lists(st.tuples(st.integers(-20, 40), decays), min_size=1, max_size=4),
    days=st.lists(st.floats(0, 90), max_size=6),
    shares=st.lists(st.floats(0, 1, exclude_max=True), max_size=8),
)
def test_before_what_is_said_the_score_stays_and_points_of_one_sign_change_then(amounts, days, shares):
    scoring = a_scoring(
        *(
            rule(amount, f"r{n}", "intent", activity="download", max_times=3, decay=decay)
            for n, (amount, decay) in enumerate(amounts)
        ),
        intent=60,
    )
    lead = done(*days)
    now = points(lead, scoring, NOON).total
    found = changes_at(lead, scoring, NOON)
    until = (found or NOON + 4000 * DAY) - NOON
    for share in shares:
        moment = NOON + share * max(until - MINUTE, timedelta())
        assert points(lead, scoring, moment).total == now
    if found is not None and all(amount >= 0 for amount, _ in amounts):
        assert points(lead, scoring, found).total != now


def test_the_handler_sets_a_timer_for_it_and_drops_it_once_nothing_fades():
    score = Score(fading(decay=Expiry(30 * DAY)))
    lead, context = done(0), a_context(now=NOON)
    settle(lead, score(lead, context), context)
    [timer] = lead.timers.values()
    assert (timer.kind, timer.due_at, timer.since) == ("score", NOON + 30 * DAY, NOON)
    later = a_context(now=timer.due_at)
    settle(lead, score(lead, later), later)
    assert (lead.score, lead.timers) == (0, {})


def test_a_scoring_without_decay_asks_for_nothing():
    decision = Score(fading())(done(0), a_context(now=NOON))
    assert not any(isinstance(effect, SetTimer) for effect in decision.effects)


def test_gains_and_losses_that_fade_alike_do_not_have_the_lead_looked_at_each_minute():
    decay = Linear(100, 100 * DAY)
    scoring = a_scoring(
        rule(100, "download", "intent", activity="download", decay=decay),
        rule(-100, "bounce", "intent", activity="bounce", decay=decay),
        intent=100,
    )
    lead = a_lead(activities=[Activity("download", NOON), Activity("bounce", NOON - DAY / 2)])
    moment, looks = NOON, 0
    while moment is not None and moment < NOON + DAY and looks < 100:
        moment, looks = changes_at(lead, scoring, moment), looks + 1
    assert looks < 100
