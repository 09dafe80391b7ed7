"""The stage moved from the lead's page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mappings.playbook import Move
from tests.builders import place
from tests.dashboard.house import words
from tests.dashboard.test_masking import SECRET, mask
from tests.sync.followed import ADA, known

AT = place(3, "lifecycle.yaml")
MOVES = (
    Move("sal", frozenset({"page"}), AT),
    Move("nurture", frozenset({"page"}), AT, "message", ("Too early",)),
)


@pytest.fixture
def page(desk):
    """The address of a lead whose stage lists two moves."""
    known(desk.house)
    lead = desk.house.lead(ADA)
    plain = desk.house.playbook.lifecycle
    listed = [replace(one, moves=MOVES) if one.name == lead.stage else one for one in plain.stages]
    lifecycle = replace(plain, stages=tuple(listed))
    desk.house.playbook = replace(desk.house.playbook, lifecycle=lifecycle)
    return f"/leads/{lead.id}"


def move(desk, page, **values):
    given = {"from": desk.house.lead(ADA).stage, **values}
    return desk.send(f"{page}/stage", page, **given)


def test_the_page_offers_the_moves_and_takes_a_word(desk, page):
    here = desk.house.lead(ADA).stage
    text = desk.get(page).text
    assert f"not possible: {here} has no move to customer" in words(text)
    assert "<option>Too early</option>" in text
    answer = move(desk, page, stage="nurture", **{"reason-nurture": "Too early", "note": "in May"})
    assert (answer.status_code, answer.location) == (303, f"{page}?said=moved")
    desk.house.settle()
    assert desk.house.lead(ADA).stage == "nurture"
    told = words(desk.get(page).text)
    assert f"{here} → nurture: moved by (sandbox): Too early" in told
    assert "(sandbox): in May" in told


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({}, "No stage was chosen."),
        ({"stage": "customer"}, "has no move to customer"),
        ({"stage": "nurture"}, "a move to nurture needs a reason"),
        ({"stage": "sal", "from": "prospect"}, "now, not in prospect as when you looked"),
    ],
)
def test_what_cannot_be_done_is_said_on_the_page_and_nothing_follows(desk, page, values, why):
    before = desk.house.lead(ADA).stage
    answer = move(desk, page, **values)
    assert (answer.status_code, why in words(answer.text)) == (409, True)
    desk.house.settle()
    assert desk.house.lead(ADA).stage == before


def test_a_move_without_the_forms_key_or_of_nobody_is_refused(desk, page):
    values = {"stage": "sal", "from": desk.house.lead(ADA).stage}
    assert desk.client.post(f"{page}/stage", data=values).status_code in (400, 403)
    assert desk.send("/leads/ld_nobody/stage", page, **values).status_code == 404


def test_a_note_is_masked_as_free_text(desk, page):
    move(desk, page, stage="sal", note=f"call {SECRET}")
    desk.house.settle()
    assert SECRET in desk.get(page).text
    mask(desk)
    assert SECRET not in desk.get(page).text
