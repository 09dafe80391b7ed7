"""Record ids of 15 and 18 characters."""

from __future__ import annotations

import pytest

from connectors.salesforce.ids import is_id, long_id, object_of


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("70130000001tcyI", "70130000001tcyIAAQ"),
        ("a0D30000001n7Pi", "a0D30000001n7PiEAI"),
        ("0017e00001W4GYR", "0017e00001W4GYRAA3"),
        ("0012300000bVTq1", "0012300000bVTq1AAG"),
        ("0037e00001WZ30q", "0037e00001WZ30qAAD"),
    ],
)
def test_a_short_id_has_one_long_form(short, full):
    assert long_id(short) == long_id(full) == full


@pytest.mark.parametrize(
    "text", ["", "7", "999999", "00Q5g0000000001AA", "00Q5g000000000é", "ada@example.com"]
)
def test_what_is_no_id_is_told_and_left_alone(text):
    assert not is_id(text)
    assert long_id(text) == text


def test_an_id_tells_its_object():
    ids = ["00Q5g0000000001EAA", "0035g0000000001AAA", "a0D30000001n7PiEAI"]
    assert [object_of(each) for each in ids] == ["Lead", "Contact", None]
