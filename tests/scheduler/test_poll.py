"""Polls: what is read on a schedule comes in as events."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scheduler.poll import RosterPoll
from sync import tables, teammates
from sync.batch import People
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
