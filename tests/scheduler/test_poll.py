"""Polls: what is read on a schedule comes in as events."""

from __future__ import annotations

from datetime import timedelta

import pytest

from model.change import OwnerRecord
from scheduler.poll import RosterPoll
from sync import tables, teammates
from sync.people import People
from tests.sync.clock import FakeClock
from tests.sync.fake_crm import FakeCrm
from tests.sync.house import HUBSPOT, a_house
from tests.sync.stores import rows


def test_owners_come_in_as_an_event_when_they_have_not_been_read_for_a_while(store):
    clock = FakeClock()
    crm = FakeCrm(HUBSPOT, clock)
    poll = RosterPoll(crm, store, clock, every=timedelta(minutes=5))
    poll.run()
    clock.advance(299)
    poll.run()
    assert crm.called("owners") == 1
    clock.advance(1)
    poll.run()
    found = rows(store, tables.inbox_events)
    assert [(row["kind"], row["source"]) for row in found] == [("roster", HUBSPOT)] * 2
    assert len(found[0]["payload"]["owners"]) == 3


def test_a_failure_is_shown_and_tried_again_on_the_next_run(store):
    clock = FakeClock()
    crm = FakeCrm(HUBSPOT, clock)
    crm.next("owners", unauthorized=True)
    poll = RosterPoll(crm, store, clock)
    poll.run()
    assert "token has expired" in str(poll.failure)
    assert rows(store, tables.inbox_events) == []
    poll.run()
    assert poll.failure is None
    assert len(rows(store, tables.inbox_events)) == 1


def test_a_failure_that_is_no_connectors_goes_up(store):
    clock = FakeClock()
    crm = FakeCrm(HUBSPOT, clock)

    def broken() -> None:
        raise ValueError("a bug")

    crm.next("owners", before=broken)
    with pytest.raises(ValueError, match="a bug"):
        RosterPoll(crm, store, clock).run()


def test_who_left_a_roster_stays_known_and_inactive(store):
    house = a_house(store)
    house.crms[HUBSPOT].staff = [one for one in house.crms[HUBSPOT].staff if one.id != "o1"]
    house.clock.advance(1)
    house.read_rosters()
    with store.snapshot() as snapshot:
        people = People.load(snapshot, "main")
        assert teammates.known_rosters(snapshot, "main") == {HUBSPOT, "salesforce"}
    ann = people.teammate("ann@example.com")
    assert ann is not None
    assert (ann.can_own_on(HUBSPOT), ann.can_own_on("salesforce")) == (False, True)
    assert people.teammate_by_id(HUBSPOT, "o1") == ann


@pytest.fixture
def staffed(store):
    """A store that knows eight active owners of a CRM, and the poll that read them."""
    clock = FakeClock()
    crm = FakeCrm(HUBSPOT, clock)
    crm.staff = [OwnerRecord(f"o{n}", f"mate{n}@example.com", f"Mate {n}", True) for n in range(8)]
    house = a_house(store)
    house.crms[HUBSPOT].staff = crm.staff
    house.clock.advance(1)
    house.read_rosters()
    return house, RosterPoll(house.crms[HUBSPOT], store, house.clock)


def active_on(store):
    with store.snapshot() as snapshot:
        known = teammates.load(snapshot, "main").values()
    return sum(mate.can_own_on(HUBSPOT) for mate in known)


@pytest.mark.parametrize("left", [0, 3])
def test_a_list_that_shrinks_to_next_to_nothing_is_not_believed(store, staffed, left):
    house, poll = staffed
    house.crms[HUBSPOT].staff = house.crms[HUBSPOT].staff[:left]
    house.clock.advance(301)
    poll.run()
    house.decide()
    assert f"lists {left} active owners, and 8 before" in str(poll.failure)
    assert active_on(store) == 8


def test_a_list_that_stays_short_is_believed_after_an_hour_but_never_an_empty_one(store, staffed):
    house, poll = staffed
    everybody = house.crms[HUBSPOT].staff
    for left, expected in ((3, 3), (0, 3)):
        house.crms[HUBSPOT].staff = everybody[:left]
        for _ in range(14):
            house.clock.advance(301)
            poll.run()
            house.decide()
        assert active_on(store) == expected
    assert "lists 0 active owners" in str(poll.failure)


def test_a_list_that_was_short_once_is_read_again_soon(store, staffed):
    house, poll = staffed
    everybody = house.crms[HUBSPOT].staff
    house.crms[HUBSPOT].staff = []
    house.clock.advance(301)
    poll.run()
    house.crms[HUBSPOT].staff = everybody
    house.clock.advance(60)
    poll.run()
    house.decide()
    assert poll.failure is None
    assert active_on(store) == 8


def test_some_may_leave_at_any_time(store, staffed):
    house, poll = staffed
    house.crms[HUBSPOT].staff = house.crms[HUBSPOT].staff[:4]
    house.clock.advance(301)
    poll.run()
    house.decide()
    assert active_on(store) == 4
