"""Two spellings of one value are the same, so that only real changes are written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings import comparing
from mappings.comparing import same


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (None, "", True),
        ("  ", None, True),
        (None, 0, False),
        ("42", 42, True),
        (42, 42.0, True),
        ("42.0", 42, True),
        ("042", "42", False),  # two postal codes
        (True, "true", True),
        (False, "false", True),
        (True, 1, True),
        (False, None, False),
        ("Acme  Inc ", "Acme Inc", True),
        ("Acme", "ACME", False),
        ("Ada@Example.com", "ada@example.com", True),
        ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00.000+0000", True),
        ("2026-03-01T10:00:00Z", "2026-03-01T11:00:00+01:00", True),
        ("2026-03-01T10:00:00Z", "2026-03-01T10:00:01Z", False),
        (["a"], ["a"], True),
        ({"a": 1}, {"a": 2}, False),
    ],
)
def test_same(a, b, expected):
    assert same(a, b) is expected
    assert same(b, a) is expected


@pytest.mark.parametrize(
    ("compare", "a", "b", "expected"),
    [
        (comparing.same_phone, "+49 30 901820", "+4930901820", True),
        (comparing.same_phone, "030/901820", "030 901820", True),
        (comparing.same_phone, "+4930901820", "+4930901821", False),
        (comparing.same_country, "Germany", "DE", True),
        (comparing.same_country, "Germany", "AT", False),
        (comparing.same_country, "Freedonia", "freedonia ", True),
        (comparing.same_id, "0055g00000AAAAA", "0055g00000AAAAAAAY", True),
        (comparing.same_id, "0055g00000AAAAA", "0055g00000aaaaaAAY", False),
        (comparing.same_id, "12", "12", True),
        (comparing.same_moment, "1772359200000", "2026-03-01T10:00:00Z", True),
        (comparing.same_moment, 1772359200, "2026-03-01T10:00:00Z", True),
        (comparing.same_moment, "soon", "soon", True),
        (comparing.same_moment, "soon", "2026-03-01T10:00:00Z", False),
        (comparing.same_bool, "Yes", True, True),
        (comparing.same_bool, None, False, False),
        (comparing.same_number, "12", 12.0, True),
        (comparing.same_number, "nan", "nan", True),
        (comparing.same_number, "nan", 12, False),
    ],
)
def test_same_by_the_kind_of_field(compare, a, b, expected):
    assert compare(a, b) is expected


ANYTHING = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


@settings(deadline=None)
@given(ANYTHING, ANYTHING)
def test_comparing_never_fails_and_has_no_side(a, b):
    for compare in (same, *comparing.BY_KIND.values(), *comparing.BY_FIELD.values()):
        assert compare(a, b) is compare(b, a)
        assert compare(a, a) is True
