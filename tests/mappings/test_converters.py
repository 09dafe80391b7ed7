"""Each converter reads what senders really write, and says why it cannot use the rest."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.values.converters import CONVERTERS, Unusable
from mappings.values.dates import Dates
from model.times import from_text


def convert(name, value, region="US"):
    return CONVERTERS[name](value, region)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("email", "  Ada@Example.COM ", "ada@example.com"),
        ("email", "mailto:ada@example.com", "ada@example.com"),
        ("email", "Ada Lovelace <ada@example.com>", "ada@example.com"),
        ("email", "ada\u200b@example.com", "ada@example.com"),
        ("email", ["", "ada@example.com", "b@example.com"], "ada@example.com"),
        ("email", "ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("email", "o'brien+x@sub.example.co.uk", "o'brien+x@sub.example.co.uk"),
        ("phone", "(415) 555-2671", "+14155552671"),
        ("phone", "0049 30 901820", "+4930901820"),
        ("phone", "+44 20 7946 0958", "+442079460958"),
        ("phone", "(415) 555-2671 ext. 12", "+14155552671"),
        ("phone", 4155552671, "+14155552671"),
        ("country", "de", "DE"),
        ("country", "DEU", "DE"),
        ("country", "Germany", "DE"),
        ("country", "deutschland", "DE"),
        ("country", "U.S.A.", "US"),
        ("country", "The Netherlands", "NL"),
        ("country", "Côte d’Ivoire", "CI"),
        ("country", "cote d'ivoire", "CI"),
        ("country", "Bosnia & Herzegovina", "BA"),
        ("country", "UK", "GB"),
        ("country", "Norway", "NO"),
        ("integer", "50-200", 50),
        ("integer", "51–200 employees", 51),
        ("integer", "1,000+", 1000),
        ("integer", "1.000", 1000),
        ("integer", "5 000", 5000),
        ("integer", "10k", 10_000),
        ("integer", "<10", 1),
        ("integer", "über 500", 500),
        ("integer", 12.9, 12),
        ("integer", "0", 0),
        ("number", "1,234.5", 1234.5),
        ("number", "1.234,5", 1234.5),
        ("number", "$5M", 5_000_000.0),
        ("number", "USD 2.5 million", 2_500_000.0),
        ("number", "-3", -3.0),
        ("number", "0.000 000", 0.0),
        ("number", "١٢٣", 123.0),
        ("boolean", "on", True),
        ("boolean", "Yes", True),
        ("boolean", 0, False),
        ("boolean", ["", "true"], True),
        ("lower", " MiXed ", "mixed"),
        ("trim", "  a   b ", "a b"),
        ("title_name", "ADA", "Ada"),
        ("title_name", "grace o'brien-smith", "Grace O'Brien-Smith"),
        ("title_name", "LUDWIG VAN BEETHOVEN", "Ludwig van Beethoven"),
        ("title_name", "McDonald", "McDonald"),
        ("title_name", "Ödön von Horváth", "Ödön von Horváth"),
        ("title_name", "URSULA K. LE GUIN", "Ursula K. Le Guin"),
        ("first_of_name", "Ada Lovelace", "Ada"),
        ("first_of_name", "LOVELACE, ADA", "Ada"),
        ("first_of_name", "Juan Carlos de Borbón", "Juan Carlos"),
        ("first_of_name", "Dipl.-Ing. Karl Maier", "Karl"),
        ("first_of_name", "Cher", "Cher"),
        ("first_of_name", "Mrs Smith", ""),
        ("first_of_name", "J. R. R. Tolkien", "J. R. R."),
        ("first_of_name", "Smith, Dr.", ""),
        ("last_of_name", "Smith, Dr.", "Smith"),
        ("first_of_name", "Mr. and Mrs. Smith", ""),
        ("last_of_name", "Herr u. Frau Müller", "Müller"),
        ("first_of_name", "Mr. & Mrs. John Smith", "John"),
        ("first_of_name", "John and Mary Smith", "John and Mary"),
        ("first_of_name", "van der Berg", ""),
        ("last_of_name", "VAN DER BERG", "van der Berg"),
        ("last_of_name", "Dr. van der Berg", "van der Berg"),
        ("last_of_name", "von Trapp", "von Trapp"),
        ("first_of_name", "van morrison", "van"),
        ("first_of_name", "Al Gore", "Al"),
        ("first_of_name", "Smith, Jr., John", "John"),
        ("last_of_name", "Ahmed bin Salman", "bin Salman"),
        ("last_of_name", "de la Cruz, Maria", "de la Cruz"),
        ("last_of_name", "max von der heide", "von der Heide"),
        ("last_of_name", "Van Morrison", "Morrison"),
        ("last_of_name", "Dr. Grace B. Hopper, Ph.D.", "Hopper"),
        ("last_of_name", "Martin Luther King Jr.", "King"),
        ("last_of_name", "HENRY FORD II", "Ford"),
        ("last_of_name", "King, Jr., Martin Luther", "King"),
        ("last_of_name", "Mrs Smith", "Smith"),
        ("last_of_name", "Cher", ""),
        ("last_of_name", ", ", ""),
        ("state", "california", "CA"),
        ("state", "US-NY", "NY"),
        ("state", "D.C.", "DC"),
        ("currency", "usd", "USD"),
        ("currency", "€ 1.200,50", "EUR"),
        ("currency", "5k US Dollars", "USD"),
        ("currency", "$ 500 AUD", "AUD"),
        ("currency", "Franken", "CHF"),
        ("amount", "CHF 1'000", 1000.0),
        ("amount", "1.200,- €", 1200.0),
        ("amount", "-$5", -5.0),
        ("amount", "$5M", 5_000_000.0),
        ("amount", "1 200 kr", 1200.0),
        ("amount", 12, 12),
        ("date", "31.12.2026", "2026-12-31"),
        ("date", "12/31/26", "2026-12-31"),
        ("date", "1/1/71", "1971-01-01"),
        ("date", "Sun, 01 Mar 2026 10:00:00 +0100", "2026-03-01T09:00:00.000000Z"),
        ("date", "5. März 2026", "2026-03-05"),
        ("date", "March 5th, 2026 3:04 pm", "2026-03-05T15:04:00.000000Z"),
        ("date", "2026-03-01T12:00:00 am", "2026-03-01T00:00:00.000000Z"),
        ("date", 1772359200000, "2026-03-01T10:00:00.000000Z"),
        ("url", "Northlight.example/", "https://northlight.example"),
        ("url", "http://a.example:8080/x?y=1#z", "http://a.example:8080/x?y=1"),
        ("text", "a\x00b\u202ec\n d\ufeff", "abc d"),
        ("text", "e\u0301", "é"),
        ("text", 12345, "12345"),
        ("text", True, "true"),
        ("text", "\ud83dlone", "lone"),
        ("long_text", "a\r\nb\tc", "a\nb\tc"),
        ("join", ["CRM", " ", "Sync"], "CRM;Sync"),
        ("join", "CRM", "CRM"),
        ("datetime", "2026-03-01T10:00:00+02:00", "2026-03-01T08:00:00.000000Z"),
        ("datetime", "2026-03-01", "2026-03-01T00:00:00.000000Z"),
        ("datetime", 1772359200, "2026-03-01T10:00:00.000000Z"),
        ("datetime", 999999999000, "2001-09-09T01:46:39.000000Z"),
        ("date", "2026-03-01 00:00 +14:00", "2026-02-28T10:00:00.000000Z"),
        ("datetime", "1772359200000", "2026-03-01T10:00:00.000000Z"),
        ("datetime", "Sun, 01 Mar 2026 10:00:00 +0000", "2026-03-01T10:00:00.000000Z"),
    ],
)
def test_what_senders_write_becomes_canonical(name, value, expected):
    assert convert(name, value) == expected


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("email", "ada@@example.com", "is not an e-mail address"),
        ("email", "ada@localhost", "is not an e-mail address"),
        ("email", "ada.@example.com", "is not an e-mail address"),
        ("email", "nobody", "is not an e-mail address"),
        ("email", f"{'a' * 65}@example.com", "is not an e-mail address"),
        ("email", f"{'a' * 300}@example.com", "is too long for an e-mail address"),
        ("email", {"a": 1}, "is an object, not a value"),
        ("phone", "12", "is not a valid telephone number in US"),
        ("phone", "call me", "is not a telephone number"),
        ("phone", "1" * 100, "has 100 characters; at most 60"),
        ("country", "Atlantis", '"Atlantis" is not a country'),
        ("integer", "some", '"some" is not a number'),
        ("integer", True, '"true" is not a number'),
        ("number", float("nan"), "is not a usable number"),
        pytest.param("number", 10**400, "is not a usable number", id="huge"),
        ("date", "31/04/2026", '"31/04/2026" is not a date'),
        ("date", "03/04/2026", "say which as order: day_first or month_first"),
        ("date", "5 Foo 2026", '"5 Foo 2026" is not a date'),
        ("date", "2026-03-01 25:00", '"2026-03-01 25:00" is not a date'),
        ("date", "2026-03-01 13:00 pm", '"2026-03-01 13:00 pm" is not a date'),
        ("date", "01/01/0001", '"01/01/0001" is not a date'),
        ("date", "202611301230", "or milliseconds: say which by date: {form: YYYYMMDDHHmm}"),
        ("date", 20261130123059, "or milliseconds: say which by date: {form: YYYYMMDDHHmmss}"),
        ("date", "99999999999", '"99999999999" is neither seconds nor milliseconds since 1970'),
        ("date", "9999999999999", '"9999999999999" is neither seconds nor milliseconds since 1970'),
        ("date", "2026-11-30 12:00 +99:99", " is no distance from UTC: clocks are at most 14:00 away"),
        ("date", "2026-11-30 12:00 +02:75", " is no distance from UTC: clocks are at most 14:00 away"),
        ("datetime", "202611301230", "or milliseconds: say which by date: {form: YYYYMMDDHHmm}"),
        ("datetime", "99999999999", '"99999999999" is neither seconds nor milliseconds since 1970'),
        ("state", "Bavaria", '"Bavaria" is not a state of US'),
        ("currency", "1,200", '"1,200" names no currency'),
        ("currency", "5 clams", '"5 clams" names no currency'),
        ("amount", "5 clams", '"5 clams" is not an amount'),
        ("amount", "EUR", '"EUR" is not an amount'),
        ("boolean", "perhaps", '"perhaps" is neither yes nor no'),
        ("url", "javascript:alert(1)", '"https://javascript:alert(1)" is not a web address'),
        ("url", "ftp://a.example", '"ftp://a.example" is not a web address'),
        ("url", "intranet", '"https://intranet" is not a web address'),
        ("url", "http://[::1", '"http://[::1" is not a web address'),
        ("text", "x" * 2_000, "has 2,000 characters; at most 1,000"),
        ("text", "x" * 2**20, "has 1,048,576 characters; at most 1,000"),
        ("text", [["x"]], "is a list of lists"),
        ("text", float("inf"), "is not a usable number"),
        pytest.param("text", 10**5000, "is a number of absurd length", id="absurd"),
        ("join", ["x"] * 201, "has 201 values; at most 200"),
        ("datetime", "yesterday", '"yesterday" is not a point in time'),
        ("datetime", "9999-99-99", '"9999-99-99" is not a point in time'),
    ],
)
def test_what_cannot_be_used_has_a_reason(name, value, reason):
    with pytest.raises(Unusable) as raised:
        convert(name, value)
    assert raised.value.reason.endswith(reason)


def test_the_source_region_says_how_a_national_number_is_meant():
    assert convert("phone", "030 901820", "DE") == "+4930901820"
    assert convert("phone", "+4930901820", "ZZ") == "+4930901820"
    with pytest.raises(Unusable):
        convert("phone", "030 901820", "ZZ")


@pytest.mark.parametrize(
    ("name", "value", "country", "expected"),
    [
        ("state", "Bavaria", "DE", "BY"),
        ("state", "WA", "AU", "WA"),
        ("state", "western australia", "AU", "WA"),
        ("state", "Québec", "CA", "QC"),
        ("state", "Zürich", "CH", "ZH"),
        ("state", "são paulo", "BR", "SP"),
        ("state", "Île-de-France", "FR", "Île-de-France"),
        ("state", "Bavaria", "", "Bavaria"),
        ("currency", "$5", "CA", "CAD"),
        ("currency", "$5", "DE", "USD"),
        ("currency", "5 kr", "SE", "SEK"),
        ("currency", "¥ 100", "CN", "CNY"),
    ],
)
def test_the_country_says_what_is_meant(name, value, country, expected):
    assert convert(name, value, country) == expected


def test_a_currency_that_only_the_country_would_tell_is_refused_elsewhere():
    with pytest.raises(Unusable):
        convert("currency", "5 kr", "DE")


BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
ZONES = (BERLIN, NEW_YORK, "Asia/Kolkata", "Australia/Lord_Howe")  # the last moves by half an hour


@pytest.mark.parametrize(
    ("dates", "written", "expected"),
    [
        (Dates("dmy"), "03/04/2026", "2026-04-03"),
        (Dates("mdy"), "03/04/2026", "2026-03-04"),
        (Dates("ymd"), "26/03/04", "2026-03-04"),
        (Dates("mdy"), "2026-03-04", "2026-03-04"),  # four digits in front are a year, whatever the order
        (Dates("dmy", BERLIN), "28.03.2026 02:30", "2026-03-28T01:30:00.000000Z"),
        (Dates("dmy", BERLIN), "29.03.2026 02:30", "2026-03-29T01:30:00.000000Z"),  # no clock showed it
        (Dates("dmy", BERLIN), "29.03.2026 03:30", "2026-03-29T01:30:00.000000Z"),
        (Dates("dmy", BERLIN), "25.10.2026 02:30", "2026-10-25T00:30:00.000000Z"),  # twice: the first
        (Dates("dmy", BERLIN), "25.10.2026 03:30", "2026-10-25T02:30:00.000000Z"),
        (Dates("mdy", NEW_YORK), "11/01/2026 1:30 AM", "2026-11-01T05:30:00.000000Z"),
        (Dates("dmy", BERLIN), "29.03.2026", "2026-03-29"),  # a day is no moment, and no zone moves it
        (Dates("dmy", NEW_YORK), "2026-03-01T10:00:00+02:00", "2026-03-01T08:00:00.000000Z"),
        (Dates("dmy", NEW_YORK), "2026-03-01T10:00:00Z", "2026-03-01T10:00:00.000000Z"),
        (Dates(form="D de MMM, YYYY"), "5 de Marzo, 2026", "2026-03-05"),
        (Dates(form="YYYYMMDD"), "20260305", "2026-03-05"),
        (Dates(form="DD.MM.YYYY HH:mm", zone=BERLIN), "05.07.2026 09:00", "2026-07-05T07:00:00.000000Z"),
    ],
)
def test_dates_in_the_order_zone_and_form_of_the_sender(dates, written, expected):
    assert dates.read(written) == expected


@pytest.mark.parametrize(
    ("dates", "written"),
    [
        (Dates("dmy"), "12/31/2026"),
        (Dates("mdy"), "31/12/2026"),
        (Dates(form="DD.MM.YYYY"), "5.3.2026"),
        (Dates(form="DD.MM.YYYY"), "05.03.2026 10:00"),
        (Dates(form="YYYY-MM-DD"), "2026-02-30"),
        (Dates(form="D MMM YYYY"), "5 Foo 2026"),
    ],
)
def test_a_date_of_another_order_or_form_is_refused_rather_than_guessed(dates, written):
    with pytest.raises(Unusable) as raised:
        dates.read(written)
    assert written in raised.value.reason


@given(
    st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2099, 1, 1)),
    st.sampled_from(ZONES),
)
def test_a_local_time_comes_back_as_it_was_but_where_the_clock_left_it_out(local, zone):
    local = local.replace(second=0, microsecond=0)
    at = from_text(Dates("dmy", zone).read(local.strftime("%d/%m/%Y %H:%M"))).astimezone(ZoneInfo(zone))
    shown = at.replace(tzinfo=None)
    assert shown == local or timedelta() < shown - local <= timedelta(hours=2)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.text(alphabet="0123456789.,-+@:/ $kM"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("name", sorted(CONVERTERS))
@settings(deadline=None)
@given(value=ANYTHING, region=st.sampled_from(["US", "DE", "ZZ", ""]))
def test_a_converter_answers_or_says_unusable_and_nothing_else(name, value, region):
    try:
        result = convert(name, value, region)
    except Unusable:
        return
    assert isinstance(result, str | int | float | bool)
    if isinstance(result, str):
        result.encode()  # no lone surrogate is left
        assert "\x00" not in result


@settings(deadline=None)
@given(st.emails())
def test_reading_an_address_twice_changes_nothing(address):
    try:
        once = convert("email", address)
    except Unusable:
        return
    assert convert("email", once) == once
