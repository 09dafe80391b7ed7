"""A person moves a lead: decided like any other event, in both CRMs, with who and why."""

from __future__ import annotations

from dataclasses import replace

from sync import inbox
from sync.stage_moves import move_event
from tests.sync.followed import ADA, known
from tests.sync.house import House
from tests.sync.test_stages import BACK, edit, going_back, history, said, stages_there


def move(house: House, to: str, *, reason: str = "", note: str = "", seen: str = "") -> None:
    house.clock.advance(60)
    lead = house.lead(ADA)
    looked_at = replace(lead, fields={**lead.fields, "stage": seen or lead.stage})
    event = move_event("main", looked_at, to, reason=reason, note=note, by="eva", now=house.clock.now())
    inbox.append(house.store, [event])
    house.settle()


def test_a_lead_that_is_moved_is_there_in_both_crms_with_who_and_why(store):
    house = going_back(store, reason="message")
    known(house, country="DE")
    assert stages_there(house) == ["mql"] * 3
    move(house, "prospect", reason="No budget", note="They\nask again in May")
    assert stages_there(house) == ["prospect"] * 3  # back, and no rule that held before leads it on
    lead = house.lead(ADA)
    assert (lead.get("message"), lead.get("stage_pass"), lead.get("led_back_from")) == ("No budget", 2, "mql")
    assert history(house)[-1] == ("mql", "prospect", "page: eva", 2)
    assert "mql → prospect: moved by eva: No budget" in said(house)
    assert "eva: They ask again in May" in said(house)


def test_what_is_missing_is_said_of_a_move_that_goes_without(store):
    house = going_back(store)
    known(house, country="DE")
    move(house, "sql")
    assert stages_there(house) == ["mql"] * 3  # its stage lists no such move
    assert "eva said mql → sql; nothing was done: mql has no move to sql" in said(house)
    move(house, "sal")
    assert stages_there(house) == ["sal"] * 3


def test_who_looked_before_somebody_else_moved_it_moves_nothing(store):
    house = going_back(store, moves=BACK)
    known(house, country="DE")
    edit(house, "hubspot", stage="sal")
    move(house, "nurture", seen="mql")
    assert stages_there(house) == ["sal"] * 3
    assert "eva said mql → nurture; nothing was done: the lead is in sal now" in said(house)
