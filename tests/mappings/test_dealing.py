"""Amounts to the cent and days of the calendar, in the forms that the CRMs write and take."""

from __future__ import annotations

import pytest

from mappings.dealing import day, money, money_number, money_text, noon_of, same_day_in, same_money
from mappings.values.converters import Unusable


@pytest.mark.parametrize(
    ("given", "read_as"),
    [
        ("1200", "1200.00"),
        (1200.5, "1200.50"),
        ("0.1", "0.10"),
        (0.1 + 0.2, "0.30"),
        ("1200.005", "1200.01"),
        (-5, "-5.00"),
        ("1.2E+3", "1200.00"),
        (0, "0.00"),
        ("9007199254740993.11", "9007199254740993.11"),
    ],
)
def test_an_amount_is_exact_to_the_cent(given, read_as):
    assert money(given) == read_as


@pytest.mark.parametrize("given", ["much", "", True, "NaN", "Infinity", "1,200", None, [1], "1e17"])
def test_what_is_no_amount_is_said_to_be_none(given):
    with pytest.raises(Unusable):
        money(given)


@pytest.mark.parametrize(
    ("amount", "number", "text"),
    [
        ("1200.00", 1200, "1200"),
        ("1200.50", 1200.5, "1200.50"),
        ("-0.01", -0.01, "-0.01"),
        ("much", None, None),
    ],
)
def test_an_amount_is_written_as_each_crm_takes_it(amount, number, text):
    assert money_number(amount) == number
    assert money_text(amount) == text


def test_an_amount_that_a_number_would_not_carry_exactly_is_not_written_as_one():
    assert money_number("90071992547409.93") is None
    assert money_text("90071992547409.93") == "90071992547409.93"


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("1200", 1200.0, True),
        ("1200.004", "1200", True),
        ("1200.01", "1200", False),
        (None, "", True),
        (None, 0, False),
        ("much", "much", True),
    ],
)
def test_two_amounts_are_the_same_to_the_cent(one, other, alike):
    assert same_money(one, other) is alike


@pytest.mark.parametrize(
    ("given", "zone", "meant"),
    [
        ("2026-11-30", "America/New_York", "2026-11-30"),  # Salesforce: a day has no zone
        ("2026-11-30T00:00:00Z", "America/New_York", "2026-11-30"),  # a program wrote a day
        ("2026-11-30T00:00:00.000Z", "America/New_York", "2026-11-30"),
        ("2026-12-01T03:30:00.000Z", "America/New_York", "2026-11-30"),  # somebody won it in the evening
        ("2026-11-30T23:30:00Z", "Europe/Berlin", "2026-12-01"),
        ("1796083200000", "UTC", "2026-12-01"),  # milliseconds, as a webhook has them
    ],
)
def test_a_close_date_is_the_day_that_people_saw(given, zone, meant):
    assert day(given, zone) == meant


@pytest.mark.parametrize("given", ["soon", "2026-13-01", "2026-02-30", True, 1.5, "99999999999999999999"])
def test_what_is_no_day_is_said_to_be_none(given):
    with pytest.raises(Unusable):
        day(given)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata"])
def test_a_day_written_to_hubspot_is_read_back_as_that_day(zone):
    written = noon_of(zone)("2026-07-15")
    assert day(written, zone) == "2026-07-15"
    assert same_day_in(zone)(written, "2026-07-15")


def test_a_day_that_is_none_is_not_written():
    assert noon_of("UTC")("soon") is None
