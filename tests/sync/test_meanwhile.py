"""What happens between two steps of a delivery: an edit, a read and its merge, while a call is in the air."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from model.deal import PEOPLE
from model.decision import EntityKind
from model.event import RecordRef
from sync import fetches, inbox
from sync.delivery.claiming import claim
from sync.delivery.ended import Ended, Moved, Written
from sync.delivery.sending import send
from sync.delivery.settling import settle
from sync.delivery.target import Claimed
from sync.fetches import Wish
from sync.reading.polling import changed_event
from tests.sync.followed import ADA, BO, known
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house
from tests.sync.selling import STAGES, Followed, move, person, records, sell, selling, the_deal
from tests.sync.test_accounts import account_of, companies, with_companies
from tests.sync.test_following import lost

OBJECTS = {HUBSPOT: "contacts", SALESFORCE: "Lead"}


def in_the_air(house: House, name: str) -> tuple[Claimed, list[Ended]]:
    """Claim what is due and make the calls; nothing of what came of them is recorded yet."""
    claimed = claim(house.targets[name])
    assert claimed is not None
    return claimed, list(send(house.targets[name], claimed.sendings))


def land(house: House, name: str, claimed: Claimed, outcomes: list[Ended]) -> None:
    """Record what came of the calls."""
    house.store.write(partial(settle, target=house.targets[name], claimed=claimed, outcomes=outcomes))


def hear_of(house: House, name: str, remote_id: str) -> None:
    """Let another process read a record by id, as a webhook named it, and the decider decide that."""
    wish = Wish(name, house.crms[name].records[remote_id].object, remote_id)
    house.store.write(partial(fetches.raise_wanted, space="main", wishes=[wish], now=house.clock.now()))
    assert house.fetchers[name].step() == 1
    house.decide()


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("seconds", [0, 5])
def test_what_a_slow_delivery_read_does_not_undo_an_edit_that_was_heard_of_meanwhile(store, name, seconds):
    house = a_house(store)
    record = known(house, ADA, title="CTO", company="Acme")[name]
    crm = house.crms[name]
    house.post(email=ADA, title="CEO")
    house.decide()
    crm.edit(record, company="First")
    slow = in_the_air(house, name)
    house.clock.advance(seconds)
    crm.edit(record, company="Second")
    hear_of(house, name, record)
    assert house.lead(ADA).fields["company"] == "Second"
    land(house, name, *slow)
    house.decide()
    assert house.lead(ADA).fields["company"] == "Second"
    house.settle()
    assert {crm.one(ADA)["company"] for crm in house.crms.values()} == {"Second"}
    assert crm.one(ADA)["title"] == "CEO"


def test_what_somebody_typed_before_the_same_was_written_is_their_word(store):
    house = a_house(store)
    ids = known(house, ADA, title="Intern")
    hubspot, force = (house.crms[name] for name in (HUBSPOT, SALESFORCE))
    hubspot.edit(ids[HUBSPOT], title="CTO")
    hear_of(house, HUBSPOT, ids[HUBSPOT])
    house.clock.advance(60)
    hubspot.edit(ids[HUBSPOT], title="CEO")  # nobody has read it yet
    house.clock.advance(60)
    force.edit(ids[SALESFORCE], title="CTO")
    house.deliver(SALESFORCE)  # reads the record before it writes, and writes nothing
    house.decide()
    hear_of(house, HUBSPOT, ids[HUBSPOT])
    house.settle()
    assert house.lead(ADA).fields["title"] == hubspot.one(ADA)["title"] == "CTO"
    assert ("title", "CEO") in lost(house)


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("seconds", [0, 5])
def test_an_edit_made_after_a_write_and_merged_before_its_answer_is_recorded_is_not_lost_sight_of(
    store, name, seconds
):
    house = a_house(store)
    record = known(house, ADA, title="CTO", country="AT")[name]
    crm = house.crms[name]
    house.post(email=ADA, country="DE")  # ours to say where both have changed it
    house.decide()
    slow = in_the_air(house, name)
    assert crm.one(ADA)["country"] == "DE"
    house.clock.advance(seconds)
    crm.edit(record, country="FR")
    hear_of(house, name, record)
    land(house, name, *slow)
    house.settle()
    assert {crm.one(ADA)["country"] for crm in house.crms.values()} == {house.lead(ADA).fields["country"]}


def test_of_two_reads_within_one_second_of_the_crms_stamp_the_one_decided_last_need_not_be_the_later(store):
    house = a_house(store)
    record = known(house, ADA, company="Acme")[SALESFORCE]
    crm, ref = house.crms[SALESFORCE], RecordRef(SALESFORCE, "Lead", record)
    reads = []
    stamp = house.clock.now()
    for company in ("First", "Second"):
        crm.edit(record, company=company)
        crm.records[record].modified_at = stamp  # in whole seconds, as Salesforce tells it
        [found] = crm.read([ref], {"Lead": ("company",)})
        at = house.clock.now()
        reads.append(changed_event(found, at, at, "main", by_id=True))
        house.clock.advance(0.2)
    inbox.append(store, reads[::-1])  # two processes read, and the one that read first stored last
    house.decide()
    house.settle()
    assert house.lead(ADA).fields["company"] == "Second"
    assert {crm.one(ADA)["company"] for crm in house.crms.values()} == {"Second"}


def test_a_read_by_a_machine_whose_clock_is_ahead_is_not_taken_for_one_made_after_a_write(store):
    house = a_house(store)
    record = known(house, ADA, company="Acme")[SALESFORCE]
    crm = house.crms[SALESFORCE]
    [before] = crm.read([RecordRef(SALESFORCE, "Lead", record)], {"Lead": ("company",)})
    ahead = house.clock.now() + timedelta(seconds=1.5)
    house.clock.advance(1)
    house.post(email=ADA, company="Zeta")
    house.decide()
    house.deliver()
    inbox.append(store, [changed_event(before, ahead, house.clock.now(), "main", by_id=True)])
    house.settle()
    assert house.lead(ADA).fields["company"] == "Zeta"
    assert {crm.one(ADA)["company"] for crm in house.crms.values()} == {"Zeta"}


def test_what_may_have_reached_the_record_of_a_lead_is_ours_still_once_that_lead_was_taken_into_another(
    store,
):
    house = a_house(store)
    hubspot, salesforce = house.crms[HUBSPOT], house.crms[SALESFORCE]
    salesforce.next("create", rejects=ADA)
    loser, winner = "", known(house, ADA, title="CEO")[HUBSPOT]
    loser = known(house, BO, title="Boss")[HUBSPOT]
    house.post(email=BO, title="CTO")
    house.decide()
    salesforce.next("update", lost=True)
    house.deliver()
    assert salesforce.one(BO)["title"] == "CTO"  # which nobody has told us
    hubspot.unite(loser, winner)
    hear_of(house, HUBSPOT, loser)
    house.settle()
    assert house.lead(ADA).id == house.lead(BO).id
    assert house.lead(ADA).fields["title"] == "CEO"
    assert [kept.fields["title"] for kept in salesforce.records.values()] == ["CEO"]


@pytest.mark.parametrize("seconds", [0, 5])
def test_nor_does_what_it_read_of_a_company(store, seconds):
    house = a_house(store, playbook=with_companies())
    house.crms[SALESFORCE].companies = ("Account", ("name", "domain", "country"))
    house.post(email="ada@acme.com", company="Acme", country="DE")
    house.settle()
    house.clock.advance(60)
    [ours], [theirs] = companies(house, HUBSPOT), companies(house, SALESFORCE)
    crm = house.crms[SALESFORCE]
    house.crms[HUBSPOT].edit(ours, country="FR")
    hear_of(house, HUBSPOT, ours)
    crm.edit(theirs, name="First")
    slow = in_the_air(house, SALESFORCE)
    house.clock.advance(seconds)
    crm.edit(theirs, name="Second")
    hear_of(house, SALESFORCE, theirs)
    land(house, SALESFORCE, *slow)
    house.decide()
    assert account_of(house).get("name") == "Second"
    house.settle()
    held = [each for name in OBJECTS for each in companies(house, name).values()]
    assert [(one["name"], one["country"]) for one in held] == [("Second", "FR")] * 2


@pytest.mark.parametrize("seconds", [0, 5])
def test_nor_does_what_it_read_of_a_deal(store, seconds):
    house = a_house(store, playbook=selling())
    people = person(house)
    followed = Followed(house)
    ours = sell(house, HUBSPOT, people[HUBSPOT])
    followed.look()
    [theirs] = [one for one, kept in house.crms[SALESFORCE].records.items() if kept.object == "Opportunity"]
    crm = house.crms[SALESFORCE]
    house.clock.advance(60)
    move(house, HUBSPOT, ours, "offer")
    hear_of(house, HUBSPOT, ours)
    crm.edit(theirs, amount="20")
    slow = in_the_air(house, SALESFORCE)
    house.clock.advance(seconds)
    crm.edit(theirs, amount="30")
    hear_of(house, SALESFORCE, theirs)
    land(house, SALESFORCE, *slow)
    house.decide()
    assert the_deal(house).get("amount") == "30.00"
    house.settle()
    for name in OBJECTS:
        [held] = records(house, name)
        assert (float(held["amount"]), held["stage"]) == (30, STAGES[name]["offer"])


def test_what_is_due_to_a_deal_is_written_though_its_people_are_written_between_plan_and_read(store):
    """The read shows more than was planned with, and nothing that is not known by then."""
    house = a_house(store, playbook=selling())
    followed = Followed(house)
    ada, bo = person(house), person(house, BO)
    ours = sell(house, HUBSPOT, ada[HUBSPOT])
    followed.look()
    theirs = the_deal(house).links[SALESFORCE].remote_id
    hear_of(house, HUBSPOT, ours)
    house.clock.advance(600)
    crm = house.crms[SALESFORCE]
    crm.edit(theirs, amount="30", **{PEOPLE: [ada[SALESFORCE], bo[SALESFORCE]]})
    hear_of(house, SALESFORCE, theirs)
    while (planned := claim(house.targets[HUBSPOT])) and planned.sendings[0].row.kind is EntityKind.LEAD:
        land(house, HUBSPOT, planned, list(send(house.targets[HUBSPOT], planned.sendings)))
    assert [one.row.kind for one in planned.sendings] == [EntityKind.DEAL]
    house.deliver(HUBSPOT)
    assert house.crms[HUBSPOT].records[ours].fields[PEOPLE] == [ada[HUBSPOT], bo[HUBSPOT]]
    outcomes = list(send(house.targets[HUBSPOT], planned.sendings))
    assert [type(one) for one in outcomes] == [Moved]
    land(house, HUBSPOT, planned, outcomes)
    house.settle()
    assert float(house.crms[HUBSPOT].records[ours].fields["amount"]) == 30


@pytest.mark.parametrize("is_read", [False, True])
def test_a_record_that_was_let_go_of_while_it_was_written_is_not_linked_again(store, is_read):
    house = a_house(store)
    crms = house.playbook.crms
    unlinking = replace(crms[HUBSPOT], on_delete="unlink")
    house.playbook = replace(house.playbook, crms={**crms, HUBSPOT: unlinking})
    record = known(house, ADA, country="AT")[HUBSPOT]
    house.post(email=ADA, country="DE")
    house.decide()
    if is_read:
        house.crms[HUBSPOT].edit(record, company="Acme")
    slow = in_the_air(house, HUBSPOT)
    assert isinstance(slow[1][0], Moved if is_read else Written)
    house.crms[HUBSPOT].archive(record)
    hear_of(house, HUBSPOT, record)
    assert HUBSPOT not in house.lead(ADA).links
    land(house, HUBSPOT, *slow)
    house.settle()
    assert HUBSPOT not in house.lead(ADA).links
