"""Ids of 15 and 18 characters."""

from __future__ import annotations

import pytest

from sandbox.salesforce import ids


@pytest.mark.parametrize(
    ("short", "long"),
    [("70130000001tcyI", "70130000001tcyIAAQ"), ("a0D30000001n7Pi", "a0D30000001n7PiEAI")],
)
def test_the_last_three_characters_tell_the_case_of_the_others(short, long):
    assert ids.long_form(short) == long
    assert ids.parse(short) == ids.parse(long) == long


@pytest.mark.parametrize(
    "text", ["", "foo", "70130000001tcyIAAA", "70130000001tcyIA", "70130000001tcy!", None, 5, "7" * 19]
)
def test_what_is_no_id_is_none(text):
    assert ids.parse(text) is None


def test_minted_ids_sort_in_their_order_and_carry_the_prefix():
    minted = [ids.mint("00Q", number) for number in range(3_900, 4_000)]
    assert minted == sorted(minted)
    assert {len(one) for one in minted} == {18}
    assert {one[:3] for one in minted} == {"00Q"}
    assert all(ids.parse(one[:15]) == one for one in minted)


def test_a_short_id_works_wherever_a_long_one_does(api):
    lead = api.lead()
    assert api.get(f"sobjects/Lead/{lead[:15]}").json()["Id"] == lead
    assert api.rows(f"SELECT Id FROM Lead WHERE Id = '{lead[:15]}'") == [{"Id": lead}]
    assert api.patch(f"sobjects/Lead/{lead[:15]}", {"Title": "CTO"}).status_code == 204
    assert api.delete(f"composite/sobjects?ids={lead[:15]}").json() == [
        {"id": lead, "success": True, "errors": []}
    ]
