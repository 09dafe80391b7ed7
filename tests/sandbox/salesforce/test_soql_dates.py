"""Date literals: spans of days by the virtual clock, in the user's time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from sandbox.salesforce.soql.spans import Span, span

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)  # a Saturday


@pytest.mark.parametrize(
    ("literal", "first", "after"),
    [
        ("TODAY", "2026-11-21", "2026-11-22"),
        ("YESTERDAY", "2026-11-20", "2026-11-21"),
        ("TOMORROW", "2026-11-22", "2026-11-23"),
        ("THIS_WEEK", "2026-11-15", "2026-11-22"),
        ("LAST_WEEK", "2026-11-08", "2026-11-15"),
        ("NEXT_WEEK", "2026-11-22", "2026-11-29"),
        ("THIS_MONTH", "2026-11-01", "2026-12-01"),
        ("LAST_MONTH", "2026-10-01", "2026-11-01"),
        ("NEXT_MONTH", "2026-12-01", "2027-01-01"),
        ("THIS_QUARTER", "2026-10-01", "2027-01-01"),
        ("LAST_FISCAL_QUARTER", "2026-07-01", "2026-10-01"),
        ("THIS_YEAR", "2026-01-01", "2027-01-01"),
        ("NEXT_FISCAL_YEAR", "2027-01-01", "2028-01-01"),
        ("LAST_90_DAYS", "2026-08-23", "2026-11-22"),
        ("NEXT_90_DAYS", "2026-11-22", "2027-02-20"),
        ("LAST_N_DAYS:0", "2026-11-21", "2026-11-22"),
        ("LAST_N_DAYS:30", "2026-10-22", "2026-11-22"),
        ("NEXT_N_DAYS:7", "2026-11-22", "2026-11-29"),
        ("N_DAYS_AGO:2", "2026-11-19", "2026-11-20"),
        ("LAST_N_WEEKS:2", "2026-11-01", "2026-11-15"),
        ("NEXT_N_MONTHS:2", "2026-12-01", "2027-02-01"),
        ("LAST_N_MONTHS:12", "2025-11-01", "2026-11-01"),
        ("N_QUARTERS_AGO:1", "2026-07-01", "2026-10-01"),
        ("LAST_N_YEARS:3", "2023-01-01", "2026-01-01"),
    ],
)
def test_spans(literal, first, after):
    assert span(literal, "date", NOW, UTC) == Span(first, after)
    date.fromisoformat(first)


def test_a_span_of_time_begins_at_the_users_midnight_also_where_clocks_change():
    zone = ZoneInfo("America/Los_Angeles")
    assert span("YESTERDAY", "datetime", datetime(2026, 11, 2, 1, tzinfo=UTC), zone) == Span(
        "2026-10-31T07:00:00.000+0000", "2026-11-01T07:00:00.000+0000"
    )
    assert span("TODAY", "datetime", datetime(2026, 11, 2, 1, tzinfo=UTC), zone) == Span(
        "2026-11-01T07:00:00.000+0000", "2026-11-02T08:00:00.000+0000"
    )


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("CreatedDate = TODAY", "CD"),
        ("CreatedDate != TODAY", "AB"),
        ("CreatedDate < TODAY", "AB"),
        ("CreatedDate <= YESTERDAY", "AB"),
        ("CreatedDate > YESTERDAY", "CD"),
        ("CreatedDate >= yesterday", "BCD"),
        ("CreatedDate = LAST_N_DAYS:1", "BCD"),
        ("SystemModstamp >= TODAY AND FirstName = 'D'", "D"),
        ("SystemModstamp = LAST_N_DAYS:2", "ABCD"),
        ("SystemModstamp > TODAY", ""),
        ("NOT CreatedDate = LAST_WEEK", "ABCD"),
    ],
)
def test_the_virtual_clock_says_what_today_is(api, where, found):
    for name, at in {"A": "19T12:00", "B": "20T23:59", "C": "21T00:00", "D": "21T10:00"}.items():
        api.control("clock", {"now": f"2026-11-{at}:00Z", "frozen": True})
        api.lead(FirstName=name)
    rows = api.rows(f"SELECT FirstName FROM Lead WHERE {where} ORDER BY FirstName")
    assert "".join(row["FirstName"] for row in rows) == found


def test_dates_without_a_time_know_no_zone(api):
    api.control("clock", {"now": "2026-11-21T10:00:00Z", "frozen": True})
    for day in ("2026-11-20", "2026-11-21", "2026-12-01"):
        api.make("Task", ActivityDate=day, Subject=day)
    rows = api.rows("SELECT Subject FROM Task WHERE ActivityDate = THIS_MONTH ORDER BY Subject")
    assert [row["Subject"] for row in rows] == ["2026-11-20", "2026-11-21"]


def test_the_zone_is_that_of_the_user_who_asks(api):
    user = api.user("integration@northlight.example")
    api.control("clock", {"now": "2026-11-21T03:00:00Z", "frozen": True})
    api.lead()
    api.control("clock", {"now": "2026-11-21T10:00:00Z", "frozen": True})
    count = "SELECT COUNT() FROM Lead WHERE CreatedDate = TODAY"
    assert api.query(count).json()["totalSize"] == 1
    api.patch(f"sobjects/User/{user}", {"TimeZoneSidKey": "America/Los_Angeles"})
    assert api.query(count).json()["totalSize"] == 0


@pytest.mark.parametrize("literal", ["LAST_N_DAYS", "LAST_N_DAYS:x", "TODAY:3", "LAST_N_MOONS:3"])
def test_what_is_no_date_literal(api, literal):
    answer = api.query(f"SELECT Id FROM Lead WHERE CreatedDate = {literal}")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "MALFORMED_QUERY")


def test_a_date_literal_is_for_dates(api):
    answer = api.query("SELECT Id FROM Lead WHERE Title = TODAY")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_FIELD")
