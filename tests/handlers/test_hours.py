"""When people work: exact moments around shifts, nights, half days, holidays, and when the clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.hours import UNITS, Calendar, Span, is_open, next_start, said, start_of, worked

BERLIN, NEW_YORK, KOLKATA = (ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Asia/Kolkata"))
NINE_TO_FIVE = (Span(9 * 60, 17 * 60),)
NIGHT = (Span(22 * 60, 30 * 60),)
OFFICE = Calendar(
    "office",
    BERLIN,
    (NINE_TO_FIVE,) * 4 + ((Span(9 * 60, 13 * 60),), (), ()),
    {date(2026, 12, 24): (Span(9 * 60, 12 * 60),), date(2026, 12, 25): ()},
    frozenset({date(2026, 12, 24), date(2026, 12, 25), date(2027, 1, 1)}),
)
NIGHTS = Calendar("nights", BERLIN, (NIGHT,) * 7, {}, frozenset({date(2026, 5, 1)}))
DAWN = Calendar("dawn", BERLIN, ((Span(150, 240),),) * 7, {}, frozenset())  # 02:30-04:00


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("calendar", "moment", "expected"),
    [
        (OFFICE, "2026-03-02 07:59:59", False),  # a Monday in winter: 08:59:59 in Berlin
        (OFFICE, "2026-03-02 08:00", True),
        (OFFICE, "2026-03-02 15:59:59", True),
        (OFFICE, "2026-03-02 16:00", False),
        (OFFICE, "2026-07-06 07:00", True),  # in summer an hour earlier
        (OFFICE, "2026-07-06 15:00", False),
        (OFFICE, "2026-03-06 11:59", True),  # Friday is a half day
        (OFFICE, "2026-03-06 12:00", False),
        (OFFICE, "2026-03-07 10:00", False),
        (OFFICE, "2026-12-24 10:59", True),  # hours of its own, though a holiday
        (OFFICE, "2026-12-24 11:00", False),
        (OFFICE, "2027-01-01 10:00", False),
        (NIGHTS, "2026-03-02 20:59", False),
        (NIGHTS, "2026-03-02 21:00", True),
        (NIGHTS, "2026-03-03 04:59", True),
        (NIGHTS, "2026-03-03 05:00", False),
        (NIGHTS, "2026-05-01 03:59", True),  # the night before the holiday goes on into it
        (NIGHTS, "2026-05-01 20:30", False),  # and none begins on it
        (NIGHTS, "2026-05-02 03:00", False),
        (NIGHTS, "2026-03-29 03:59", True),  # the clock skips an hour: until 06:00, which is 04:00 UTC
        (NIGHTS, "2026-03-29 04:00", False),
        (NIGHTS, "2026-10-25 04:59", True),  # it shows one twice: until 06:00, which is 05:00 UTC
        (NIGHTS, "2026-10-25 05:00", False),
        (DAWN, "2026-03-29 01:29", False),  # 02:30 is skipped: as much later, 03:30
        (DAWN, "2026-03-29 01:30", True),
        (DAWN, "2026-10-25 00:29", False),  # 02:30 comes twice: the first counts
        (DAWN, "2026-10-25 00:30", True),
        (DAWN, "2026-10-25 01:15", True),  # 02:15 for the second time
        (DAWN, "2026-10-25 03:00", False),
    ],
)
def test_a_moment_is_within_hours_or_not(calendar, moment, expected):
    assert is_open(calendar, utc(moment)) is expected


@pytest.mark.parametrize(
    ("calendar", "now", "words"),
    [
        (OFFICE, "2026-03-06 12:00", "Mon 09:00"),
        (OFFICE, "2026-03-02 07:00", "Mon 09:00"),
        (OFFICE, "2026-03-02 08:00", "Tue 09:00"),
        (OFFICE, "2026-12-24 11:00", "Mon 09:00"),
        (NIGHTS, "2026-05-01 05:00", "Sat 22:00"),
        (DAWN, "2026-03-28 12:00", "Sun 03:30"),
    ],
)
def test_the_next_shift_is_said(calendar, now, words):
    start = next_start(calendar, utc(now))
    assert start is not None
    assert said(start, utc(now)) == words


def test_a_shift_in_a_week_or_more_is_said_with_its_date_and_one_that_never_comes_is_none():
    once = Calendar("once", BERLIN, ((),) * 7, {date(2027, 1, 4): NINE_TO_FIVE}, frozenset())
    start = next_start(once, utc("2026-12-20 12:00"))
    assert start is not None
    assert said(start, utc("2026-12-20 12:00")) == "Mon 4 January 09:00"
    assert next_start(once, utc("2027-01-04 12:00")) is None


@pytest.mark.parametrize(
    ("unit", "zone", "now", "since"),
    [
        ("hour", KOLKATA, "2026-03-02 10:15", "2026-03-02 09:30"),
        ("hour", BERLIN, "2026-10-25 01:40", "2026-10-25 01:00"),  # 02:40, the second time
        ("day", BERLIN, "2026-03-02 22:59", "2026-03-01 23:00"),
        ("day", BERLIN, "2026-03-02 23:00", "2026-03-02 23:00"),
        ("day", BERLIN, "2026-03-29 12:00", "2026-03-28 23:00"),
        ("day", NEW_YORK, "2026-03-02 04:59", "2026-03-01 05:00"),
        ("week", BERLIN, "2026-03-01 22:59", "2026-02-22 23:00"),  # Sunday
        ("week", BERLIN, "2026-03-01 23:00", "2026-03-01 23:00"),
        ("month", BERLIN, "2026-03-31 21:59", "2026-02-28 23:00"),
        ("month", BERLIN, "2026-03-31 22:00", "2026-03-31 22:00"),
    ],
)
def test_a_time_of_counting_begins_by_the_clock_of_the_zone(unit, zone, now, since):
    assert start_of(unit, utc(now), zone) == utc(since)


@pytest.mark.parametrize(
    ("calendar", "since", "until", "hours"),
    [
        (OFFICE, "2026-03-06 11:00", "2026-03-09 09:00", 2.0),  # Friday noon to Monday 10:00: an hour each
        (OFFICE, "2026-03-07 10:00", "2026-03-08 10:00", 0.0),  # a weekend
        (OFFICE, "2026-03-02 10:00", "2026-03-02 10:00", 0.0),
        (OFFICE, "2026-03-27 08:00", "2026-03-30 07:00", 4.0),  # the clock is put forward in between
        (NIGHTS, "2026-03-02 21:30", "2026-03-03 05:30", 7.5),
        (NIGHTS, "2026-03-03 00:00", "2026-03-03 02:00", 2.0),
    ],
)
def test_hours_worked_are_those_within_shifts(calendar, since, until, hours):
    assert worked(calendar, utc(since), utc(until)) == timedelta(hours=hours)


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(
    lambda each: each.replace(tzinfo=UTC)
)


@given(st.sampled_from([OFFICE, NIGHTS, DAWN]), MOMENTS)
def test_work_begins_at_the_next_start_and_not_between(calendar, now):
    start = next_start(calendar, now)
    assert start is not None
    assert start > now
    assert is_open(calendar, start)
    assert not is_open(calendar, start - timedelta(seconds=1))
    if not is_open(calendar, now):
        assert not is_open(calendar, now + (start - now) / 2)


@given(st.sampled_from(UNITS), st.sampled_from([BERLIN, NEW_YORK, KOLKATA]), MOMENTS)
def test_now_is_in_its_own_time_of_counting(unit, zone, now):
    since = start_of(unit, now, zone)
    assert since <= now < since + timedelta(days=32)
    assert start_of(unit, since, zone) == since
