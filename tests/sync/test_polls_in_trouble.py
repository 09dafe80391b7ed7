"""Polls where something is wrong: what cannot be settled, a CRM that is slow, half known or gone."""

from __future__ import annotations

import pytest

from sync.backfill import Backfill
from tests.sync.followed import ADA, a_poll, known, look, told
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house


@pytest.fixture
def house(store) -> House:
    return a_house(store)


# What the decider cannot settle


def test_what_is_not_settled_is_not_told_at_every_look(house):
    ids, poll = known(house, title="Intern"), a_poll(house)
    look(poll)
    house.crms[HUBSPOT].edit(ids[HUBSPOT], title="CTO")
    assert look(poll, 30) == 1
    assert [look(poll, 30) for _ in range(10)] == [0] * 10  # nobody decides
    walk = Backfill(house.crms[HUBSPOT], house.store, house.clock, lambda: house.playbook)
    while walk.step():
        pass
    assert look(poll, 30) == 0
    assert told(house) == [ids[HUBSPOT]]


def test_another_value_within_the_second_of_a_stamp_is_told(house):
    ids, poll = known(house, title="Intern"), a_poll(house, SALESFORCE)
    look(poll)
    crm = house.crms[SALESFORCE]
    crm.edit(ids[SALESFORCE], title="CTO")
    stamp = crm.records[ids[SALESFORCE]].modified_at
    assert look(poll, 30) == 1
    crm.edit(ids[SALESFORCE], title="CEO")
    crm.records[ids[SALESFORCE]].modified_at = stamp
    assert look(poll, 30) == 1
    assert look(poll, 30) == 0
    house.decide()
    assert house.lead(ADA).fields["title"] == "CEO"
