"""First and last touch, on time and late, direct and not."""

from __future__ import annotations

import pytest

from handlers.attribute import Attribute
from model.decision import AddTouch
from model.lead import Lead
from model.times import to_text
from tests.builders import a_context, a_reading, a_touch, apply, at, reasons

ADS = {"channel": "paid_search", "source": "google", "medium": "cpc", "campaign": "spring"}
MAIL = {"channel": "email", "source": "newsletter", "medium": "email"}
DIRECT = {"channel": "direct"}


def touched(*touches, skip_direct=True):
    lead = Lead("L1")
    for minutes, fields in touches:
        apply(Attribute(skip_direct), lead, a_context(a_reading(touch=a_touch(minutes, **fields))))
    return lead


@pytest.mark.parametrize(
    ("touches", "skip_direct", "first", "last"),
    [
        ([(0, ADS)], True, 0, 0),
        ([(0, ADS), (60, MAIL)], True, 0, 60),
        ([(60, MAIL), (0, ADS)], True, 0, 60),
        ([(0, ADS), (60, DIRECT)], True, 0, 0),
        ([(0, ADS), (60, DIRECT)], False, 0, 60),
        ([(60, DIRECT), (0, ADS)], True, 0, 0),
        ([(0, DIRECT), (60, ADS)], True, 0, 60),
        ([(0, DIRECT), (60, DIRECT)], True, 0, 60),
        ([(0, ADS), (20, ADS), (40, ADS)], True, 0, 40),
        ([(20, ADS), (40, ADS), (0, ADS)], True, 0, 40),
    ],
)
def test_the_earliest_touch_is_first_and_the_latest_last(touches, skip_direct, first, last):
    lead = touched(*touches, skip_direct=skip_direct)
    ends = lead.get("first_touch.at"), lead.get("last_touch.at")
    assert ends == (to_text(at(first)), to_text(at(last)))


@pytest.mark.parametrize(
    ("minutes", "fields", "counted"),
    [
        (29, ADS, False),
        (30, ADS, False),
        (31, ADS, True),
        (-30, ADS, False),
        (-31, ADS, True),
        (5, ADS | {"campaign": "autumn"}, True),
        (5, ADS | {"term": "crm"}, False),
        (5, MAIL, True),
        (5, DIRECT, True),
    ],
)
def test_the_same_source_within_half_an_hour_is_one_touch(minutes, fields, counted):
    assert len(touched((0, ADS), (minutes, fields)).touches) == 1 + counted


def test_a_touch_field_has_the_moment_as_text_and_the_sender_s_words():
    lead = touched((0, ADS))
    assert lead.get("first_touch") == {"at": to_text(at(0)), **ADS} == lead.get("last_touch")


def test_the_ledger_speaks_where_the_fields_do_not():
    lead = Lead("L1", touches=[a_touch(-90, **MAIL), a_touch(90, **MAIL)])
    apply(Attribute(True), lead, a_context(a_reading(touch=a_touch(0, **ADS))))
    assert lead.get("first_touch.source") == lead.get("last_touch.source") == "newsletter"


def test_a_touch_and_what_it_moved_are_said():
    decision = Attribute(True)(Lead("L1"), a_context(a_reading(touch=a_touch(0, **ADS))))
    assert decision.effects == (AddTouch(at(0), ADS),)
    moment = to_text(at(0))
    assert reasons(decision) == [
        "touch: paid_search",
        f"first touch is that of {moment}",
        f"last touch is that of {moment}",
    ]


def test_an_event_without_a_touch_changes_nothing():
    assert Attribute(True)(Lead("L1"), a_context(a_reading(email="ada@acme.com"))).fields == {}


def test_a_touch_that_is_not_counted_again_and_moves_an_end_says_that_it_is_of_the_same_visit():
    decision = Attribute(True)(touched((0, ADS)), a_context(a_reading(touch=a_touch(20, **ADS))))
    assert reasons(decision) == [
        "touch not counted again: the same source within 30 minutes",
        f"last touch is that of {to_text(at(20))}, of the same visit",
    ]
