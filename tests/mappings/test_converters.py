"""Each converter reads what senders really write, and says why it cannot use the rest."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.converters import CONVERTERS, Unusable


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
