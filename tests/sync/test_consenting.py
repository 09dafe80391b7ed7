"""The CRMs are asked first: of records that were merged, converted, deleted or never linked, too."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from model.lead import OPT_OUT, Lead
from sync import tables
from sync.delivery.settling import PATIENCE
from sync.edges import opt_outs
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house, house_playbook
from tests.sync.stores import rows
from tests.sync.test_effects import ADA, BOB, nobody_was_told, states, tell_all, telling_playbook

LATER = timedelta(minutes=16)  # longer than the records' opt-out stays known


@pytest.fixture
def house(store) -> House:
    return a_house(store, playbook=telling_playbook())


def linked(house: House, address: str = ADA) -> dict[str, str]:
    """Let a person be written to both CRMs, a while ago; return their records' ids."""
    house.post(email=address, title="CEO")
    house.settle()
    house.clock.advance(LATER.total_seconds())
    return {name: link.remote_id for name, link in house.lead(address).links.items()}


def waiting(house: House, target: str = "slack") -> str:
    """Return why the only effect of a target waits."""
    [row] = house.effects(target)
    assert row.state == "waiting"
    return row.error or ""


# Records that are not what they were -----------------------------------------------------------------------


def test_the_opt_out_of_the_record_that_a_merge_left_counts(house):
    ids = linked(house)
    crm = house.crms[HUBSPOT]
    crm.merged[ids[HUBSPOT]] = crm.put(email=ADA, unsubscribed=True)
    del crm.records[ids[HUBSPOT]]
    house.tell("slack")
    house.decide()
    tell_all(house)
    nobody_was_told(house)
    assert states(house) == ["withheld"] * 3
    assert house.lead(ADA).get(OPT_OUT) is True


def test_a_merge_into_who_did_not_opt_out_holds_nothing_up(house):
    ids = linked(house)
    crm = house.crms[HUBSPOT]
    crm.merged[ids[HUBSPOT]] = crm.put(email=ADA)
    del crm.records[ids[HUBSPOT]]
    assert house.tell("slack") == 1
    assert states(house, "slack") == ["sent"]


def test_two_people_whose_records_became_one_both_hear_of_its_opt_out(house):
    first, second = linked(house)[HUBSPOT], linked(house, BOB)[HUBSPOT]
    crm = house.crms[HUBSPOT]
    crm.merged[first] = second
    del crm.records[first]
    crm.edit(second, unsubscribed=True)
    house.tell("slack")
    nobody_was_told(house)
    assert states(house, "slack") == ["withheld"] * 2


def test_the_opt_out_of_the_contact_that_a_lead_became_counts(house):
    ids = linked(house)
    crm = house.crms[SALESFORCE]
    crm.became[ids[SALESFORCE]] = crm.put("Contact", email=ADA, unsubscribed=True)
    house.tell("slack")
    house.decide()
    tell_all(house)
    nobody_was_told(house)
    assert states(house) == ["withheld"] * 3
    assert house.lead(ADA).get(OPT_OUT) is True
    assert house.lead(ADA).links[SALESFORCE].remote_id == ids[SALESFORCE]  # nothing else was taken in


def test_the_contact_s_fields_are_tried_where_the_map_leaves_contacts_out(store):
    playbook = telling_playbook()
    crm = playbook.crms[SALESFORCE]
    leads_only = replace(crm, objects={"Lead": crm.objects["Lead"]})
    house = a_house(store, playbook=replace(playbook, crms={**playbook.crms, SALESFORCE: leads_only}))
    contact = house.crms[SALESFORCE].put("Contact", email=ADA)
    house.post(email=ADA)
    house.settle()
    assert house.lead(ADA).links[SALESFORCE].object == "Contact"
    house.crms[SALESFORCE].edit(contact, unsubscribed=True)
    tell_all(house)
    nobody_was_told(house)
    assert states(house) == ["withheld"] * 3


def test_where_the_record_is_gone_nothing_goes_out_and_that_ends_after_a_day(house):
    ids = linked(house)
    del house.crms[HUBSPOT].records[ids[HUBSPOT]]
    house.tell("slack")
    assert f"contacts {ids[HUBSPOT]} is not there any more" in waiting(house)
    until = house.clock.now() + PATIENCE + timedelta(hours=2)
    while house.clock.now() < until:
        house.clock.advance(900)
        house.tell("slack")
    nobody_was_told(house)
    [row] = house.effects("slack")
    assert row.state == "dead"
    assert row.error.startswith(
        "given up after 24 hours: whether the person opted out cannot be read in hubspot"
    )


def test_the_records_of_a_batch_that_are_there_hold_up_no_other(house):
    ids = linked(house)
    linked(house, BOB)
    del house.crms[HUBSPOT].records[ids[HUBSPOT]]
    house.tell("slack")
    assert [BOB in text for text in house.channel.texts] == [True]
    assert house.crms[HUBSPOT].called("read") == 1


def test_only_the_opt_out_of_what_was_read_is_taken_in(house):
    ids = linked(house)
    before = house.lead(ADA)
    house.crms[HUBSPOT].edit(ids[HUBSPOT], unsubscribed=True, title="CTO")  # perhaps ours, on its way
    house.tell("slack")
    house.decide()
    after = house.lead(ADA)
    assert after.get(OPT_OUT) is True
    assert after.get("title") == before.get("title") == "CEO"
    assert after.links[HUBSPOT].shadow == before.links[HUBSPOT].shadow


# Connections that cannot be asked --------------------------------------------------------------------------


def test_a_connection_that_cannot_be_reached_just_now_is_waited_for(house):
    ids = linked(house)
    house.crms[HUBSPOT].edit(ids[HUBSPOT], unsubscribed=True)
    outlet = house.outlets["slack"]
    readers = outlet.readers
    outlet.readers = lambda: {SALESFORCE: house.crms[SALESFORCE]}
    outlet.unreachable = lambda: {HUBSPOT}
    house.tell("slack")
    assert "cannot be read in hubspot: it cannot be reached just now" in waiting(house)
    outlet.readers, outlet.unreachable = readers, frozenset
    tell_all(house)
    nobody_was_told(house)


def test_a_connection_that_was_taken_away_on_purpose_is_not_waited_for(house):
    linked(house)
    house.outlets["slack"].readers = lambda: {SALESFORCE: house.crms[SALESFORCE]}
    assert house.tell("slack") == 1
    assert states(house, "slack") == ["sent"]


# Who is not linked there -----------------------------------------------------------------------------------


def alone(house: House, address: str = ADA) -> None:
    """Let a person be written to Salesforce, while HubSpot takes nothing for longer than a minute."""
    house.post(email=address)
    house.decide()
    house.deliver(SALESFORCE)
    house.clock.advance(61)


@pytest.mark.parametrize("target", ["slack", SALESFORCE])
def test_who_opted_out_where_nobody_linked_them_yet_is_looked_up_first(house, target):
    house.crms[HUBSPOT].put(email=ADA, unsubscribed=True)
    alone(house)
    house.tell(target)
    nobody_was_told(house)
    [row] = house.effects(target)
    assert (row.state, row.error) == (
        "withheld",
        "the person opted out: hubspot says so, read just before",
    )
    house.decide()
    assert house.lead(ADA).get(OPT_OUT) is True
    assert HUBSPOT not in house.lead(ADA).links  # the delivery that is on its way does that
    tell_all(house)
    nobody_was_told(house)
    assert HUBSPOT in house.lead(ADA).links


def test_a_connection_that_only_observes_is_asked_too(house):
    house.shut = {HUBSPOT: "hubspot is only observed"}
    house.crms[HUBSPOT].put(email=ADA, unsubscribed=True)
    house.post(email=ADA)
    house.decide()
    house.deliver(SALESFORCE)
    house.tell("slack")
    nobody_was_told(house)
    assert states(house, "slack") == ["withheld"]


def test_an_opt_out_on_another_lead_s_record_is_that_lead_s_and_stops_both(house):
    ids = linked(house, BOB)
    house.post(email=ADA)
    house.decide()
    house.deliver(SALESFORCE)
    house.crms[HUBSPOT].edit(ids[HUBSPOT], email=ADA, unsubscribed=True)
    house.clock.advance(61)
    house.tell("slack")
    nobody_was_told(house)
    assert states(house, "slack") == ["withheld"] * 2
    house.decide()
    assert house.lead(BOB).get(OPT_OUT) is True
    assert house.lead(ADA).get(OPT_OUT) is None  # a person is yet to say whether they are one
    assert not [row for row in rows(house.store, tables.inbox_events) if row["state"] == "review"]


@pytest.mark.parametrize("how", ["refused", "unauthorized"])
def test_where_the_look_up_fails_nothing_goes_out(house, how):
    alone(house)
    house.crms[HUBSPOT].next("find", **{how: "busy" if how == "refused" else True})
    house.tell("slack")
    nobody_was_told(house)
    assert "cannot be read in hubspot" in waiting(house)
    house.clock.advance(61)
    house.tell("slack")
    assert states(house, "slack") == ["sent"]


def test_the_people_of_a_batch_are_looked_up_in_one_call(house):
    for n in range(20):
        house.post(email=f"p{n}@example.com")
    house.decide()
    house.deliver(SALESFORCE)
    house.clock.advance(61)
    house.tell("slack")
    assert len(house.channel.got) == 1
    assert house.crms[HUBSPOT].called("find") == 1
    assert house.crms[HUBSPOT].called("read") == 0


def test_who_has_no_address_is_looked_up_nowhere_nor_where_no_field_would_say():
    playbook = telling_playbook()
    crms = {**playbook.crms, SALESFORCE: house_playbook().crms[SALESFORCE]}  # without an opt-out field
    playbook = replace(playbook, crms=crms)
    assert opt_outs.unlinked(Lead("ld_1", fields={"email": ADA}), playbook) == [HUBSPOT]
    assert opt_outs.unlinked(Lead("ld_1", fields={"phone": "+4930901820"}), playbook) == []
