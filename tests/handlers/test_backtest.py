"""Scores of an earlier moment, and what thresholds find: nothing later leaks in."""

from __future__ import annotations

import copy
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from handlers.backtest import as_of, found_by, peak
from handlers.points import points
from mappings.playbook import HalfLife
from model.lead import Activity, Provenance, Touch
from tests.builders import NOON, a_lead, a_scoring, field_is
from tests.builders import points as rule

DAY = timedelta(days=1)
SCORING = a_scoring(
    rule(20, "boss", "fit", when=field_is("title", "CEO")),
    rule(10, "paid", "fit", when=field_is("last_touch.channel", "paid")),
    rule(40, "demo", "intent", activity="demo", decay=HalfLife(7 * DAY)),
    rule(10, "download", "intent", activity="download", max_times=2),
    fit=40,
    intent=60,
)


def known(*facts):
    """Build a lead with facts, each a kind and a day."""
    lead = a_lead(identities=())
    for what, day in facts:
        at = NOON + day * DAY
        if what in ("demo", "download"):
            lead.activities.append(Activity(what, at))
        elif what in ("paid", "direct"):
            lead.touches.append(Touch(at, {"channel": what}))
        else:
            lead.fields["title"] = what
            lead.provenance["title"] = Provenance("website", at, 1)
    return lead


def test_what_came_later_and_what_rules_decided_is_not_known():
    lead = known(("CEO", 5), ("demo", 1), ("paid", 2), ("direct", 3), ("paid", 9))
    lead.fields |= {"score": 70, "stage": "customer"}
    then = as_of(lead, NOON + 4 * DAY)
    assert set(then.fields) == {"first_touch", "last_touch"}
    assert then.fields["last_touch"]["channel"] == "paid"  # a direct visit replaces nothing
    assert [deed.kind for deed in then.activities] == ["demo"]
    assert as_of(lead, NOON + 6 * DAY).fields["title"] == "CEO"
    assert as_of(lead, NOON + 4 * DAY, skip_direct=False).fields["last_touch"]["channel"] == "direct"


def test_the_peak_is_that_of_the_moment_however_much_has_faded_since():
    found = peak(known(("demo", 0), ("CEO", 30)), SCORING, NOON + 60 * DAY)
    assert (found.score, found.facts, found.later) == (40, 2, 0)
    assert peak(known(("CEO", 0), ("demo", 30)), SCORING, NOON + 60 * DAY).score == 60


def test_what_is_done_at_the_moment_itself_or_later_does_not_count():
    found = peak(known(("demo", 0), ("CEO", 10), ("download", 11)), SCORING, NOON + 10 * DAY)
    assert (found.score, found.facts, found.later) == (40, 1, 2)
    assert peak(known(("demo", 3)), SCORING, NOON).facts == 0


FACTS = st.lists(
    st.tuples(st.sampled_from(["demo", "download", "paid", "direct"]), st.integers(0, 40)), max_size=8
)


@given(FACTS, FACTS, st.integers(1, 40))
def test_later_facts_change_nothing(facts, more, day):
    before = NOON + day * DAY
    later = [(what, day + further) for what, further in more]
    assert peak(known(*facts), SCORING, before).score == peak(known(*facts, *later), SCORING, before).score


@given(FACTS, st.integers(1, 60))
def test_it_is_the_score_that_was_counted_then(facts, day):
    lead, before = known(*facts), NOON + day * DAY
    kept = copy.deepcopy(lead)
    best = peak(lead, SCORING, before).score
    assert best >= points(as_of(lead, before), SCORING, before).total
    assert (lead.fields, lead.activities, lead.touches) == (kept.fields, kept.activities, kept.touches)


def test_precision_and_recall_by_threshold():
    judged = [(80, True), (70, False), (60, True), (55, False), (20, True)]
    found = found_by([50, 60, 80, 90], judged)
    assert [(one.volume, one.won, one.precision, one.recall) for one in found] == [
        (4, 2, 2 / 4, 2 / 3),
        (3, 2, 2 / 3, 2 / 3),
        (1, 1, 1.0, 1 / 3),
        (0, 0, None, 0.0),
    ]
    assert found_by([50], [(60, False)])[0].recall is None
