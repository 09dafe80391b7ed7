"""Numbers as people write them: read whole, or not at all."""

from __future__ import annotations

import pytest

from mappings.values.numbers import number
from mappings.values.texts import Unusable


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("12,34,567.50", 1234567.5),  # groups of two, as in India
        ("1,00,000", 100000),
        ("5 lakh", 500000),
        ("2 crores", 20000000),
        ("0,500", 0.5),  # no group of thousands begins with 0
        ("0.125", 0.125),
        ("1,234.5", 1234.5),
        ("1.234,5", 1234.5),
        ("1,234", 1234),
        ("1 000 000", 1000000),
        ("$5M", 5000000),
        ("50-200", 50),
        ("1,000+", 1000),
        ("0", 0),
    ],
)
def test_separators_mean_what_people_mean_by_them(written, read):
    assert number(written) == read


@pytest.mark.parametrize("written", ["12.34.567", "1.2.3", "1,23.45,6"])
def test_what_is_no_number_is_not_read_up_to_where_it_stops_being_one(written):
    with pytest.raises(Unusable):
        number(written)
