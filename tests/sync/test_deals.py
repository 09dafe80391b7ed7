"""Deals that people in the CRMs make: adopted, followed, found in the other CRM, told to their leads."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from model.deal import PEOPLE
from model.event import EventState, StoredEvent
from sync import holds, inbox, leads, tables
from sync.deciding import dealings, loads
from sync.deciding.batch import Batch
from sync.joins import Join
from sync.people import People
from sync.result import Result
from tests.sync.followed import a_bin, look
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house, a_post
from tests.sync.selling import (
    ADA,
    BO,
    Followed,
    all_deals,
    move,
    outcomes,
    pass_deals,
    person,
    sell,
    selling,
    the_deal,
)
from tests.sync.stores import rows
from tests.sync.test_following import hand_in, reviews
from tests.sync.test_matching import fill, match_all


@pytest.fixture
def house(store) -> House:
    """A house that makes no deals: what it writes is in ``test_deals_written``."""
    return a_house(store, playbook=selling(creates_deals=False))


def told(house: House, address: str = ADA) -> tuple[str | None, str | None, str | None]:
    """What a lead knows of its deals, and its stage."""
    fields = house.lead(address).fields
    return fields.get("deal_outcome"), fields.get("deal_reason"), fields.get("stage")


@pytest.mark.parametrize("name", [HUBSPOT, SALESFORCE])
def test_a_deal_with_somebody_known_is_adopted_and_what_was_won_makes_a_customer(house, name):
    ids = person(house)
    followed = Followed(house)
    deal = sell(house, name, ids[name])
    followed.look(name)
    one = the_deal(house)
    assert one.links[name].remote_id == deal
    assert (one.get("name"), one.get("amount"), one.get("close_date")) == ("Engine", "1200.00", "2026-12-24")
    assert one.lead_ids == (house.lead_id(ADA),)
    assert told(house) == ("open", None, "sql")
    move(house, name, deal, "won", won_reason="best offer")
    followed.look(name)
    assert told(house) == ("won", "best offer", "customer")
    assert outcomes(house) == [(None, "open"), ("open", "won")]
    assert the_deal(house).closed_at == house.crms[name].records[deal].modified_at


def test_what_was_lost_puts_the_person_aside_and_reopened_brings_them_back(house):
    ids = person(house)
    followed = Followed(house)
    deal = sell(house, HUBSPOT, ids[HUBSPOT])
    followed.look()
    move(house, HUBSPOT, deal, "lost", lost_reason="too dear")
    followed.look()
    assert told(house) == ("lost", "too dear", "nurture")
    move(house, HUBSPOT, deal, "offer")
    followed.look()
    assert told(house) == ("open", None, "sql")
    assert outcomes(house) == [(None, "open"), ("open", "lost"), ("lost", "open")]
    assert the_deal(house).closed_at is None


def test_what_was_lost_weighs_less_than_what_is_open_and_that_less_than_what_was_won(house):
    ids = person(house)
    followed = Followed(house)
    first, second = (sell(house, HUBSPOT, ids[HUBSPOT], name=each) for each in ("First", "Second"))
    followed.look()
    move(house, HUBSPOT, first, "lost", lost_reason="too dear")
    followed.look()
    assert told(house) == ("open", None, "sql")
    move(house, HUBSPOT, first, "won")
    move(house, HUBSPOT, second, "lost")
    followed.look()
    assert told(house)[::2] == ("won", "customer")


def test_a_customer_stays_one_when_the_deal_is_opened_again(house):
    ids = person(house)
    followed = Followed(house)
    deal = sell(house, HUBSPOT, ids[HUBSPOT], stage="won")
    followed.look()
    move(house, HUBSPOT, deal, "offer")
    followed.look()
    assert told(house)[::2] == ("open", "customer")


def test_all_people_of_a_deal_are_told_and_who_left_it_hears_of_it(house):
    ada, bo = person(house, ADA), person(house, BO)
    followed = Followed(house)
    deal = sell(house, HUBSPOT, ada[HUBSPOT], bo[HUBSPOT], stage="offer")
    followed.look()
    assert (told(house, ADA)[0], told(house, BO)[0]) == ("open", "open")
    house.crms[HUBSPOT].edit(deal, **{PEOPLE: [bo[HUBSPOT]]})
    followed.look()
    assert (told(house, ADA)[0], told(house, BO)[0]) == (None, "open")
    assert the_deal(house).lead_ids == (house.lead_id(BO),)


def test_a_deal_with_nobody_known_is_left_alone_and_adopted_once_its_person_is(house):
    person(house)
    followed = Followed(house)
    bo = house.crms[HUBSPOT].put(email=BO)
    deal = sell(house, HUBSPOT, bo)
    followed.look()
    assert all_deals(house) == []
    house.post(email=BO)  # HubSpot says that they are there
    house.settle()
    assert the_deal(house).links[HUBSPOT].remote_id == deal
    assert told(house, BO)[0] == "open"


def test_somebody_of_a_known_deal_who_becomes_a_lead_takes_part_in_it(house):
    ids = person(house)
    followed = Followed(house)
    bo = house.crms[HUBSPOT].put(email=BO)
    sell(house, HUBSPOT, ids[HUBSPOT], bo)
    followed.look()
    assert the_deal(house).lead_ids == (house.lead_id(ADA),)
    house.post(email=BO)
    house.settle()
    assert the_deal(house).lead_ids == (house.lead_id(ADA), house.lead_id(BO))
    assert told(house, BO)[0] == "open"


def test_deals_are_adopted_only_where_the_map_says_so(store):
    house = a_house(store, playbook=selling(adopts_deals=False))
    ids = person(house)
    followed = Followed(house)
    sell(house, HUBSPOT, ids[HUBSPOT])
    followed.look()
    assert all_deals(house) == []


def test_the_same_deal_in_the_other_crm_is_found_by_its_name_and_its_people(house):
    ids = person(house)
    followed = Followed(house)
    for name in (HUBSPOT, SALESFORCE):
        sell(house, name, ids[name], name="Engine  for Acme" if name == HUBSPOT else "engine for acme")
    followed.look()
    assert sorted(the_deal(house).links) == [HUBSPOT, SALESFORCE]


def test_the_same_deal_is_found_by_a_person_who_is_known_there_by_the_same_look(house):
    house.post(email=ADA)  # a Lead in Salesforce
    house.settle()
    followed = Followed(house)
    ids = {name: link.remote_id for name, link in house.lead(ADA).links.items()}
    sell(house, HUBSPOT, ids[HUBSPOT])
    followed.look()
    contact = house.crms[SALESFORCE].put("Contact", email=ADA)
    house.crms[SALESFORCE].convert(ids[SALESFORCE], contact)
    sold = sell(house, SALESFORCE, contact)
    followed.look()
    house.clock.advance(60)
    house.settle()
    assert the_deal(house).links[SALESFORCE].remote_id == sold


def test_of_several_deals_of_one_name_the_one_of_the_same_day_is_meant_else_a_person_says(house):
    ids = person(house)
    followed = Followed(house)
    for day in ("2026-12-01", "2026-12-02"):
        sell(house, HUBSPOT, ids[HUBSPOT], close_date=day)
    followed.look()
    sell(house, SALESFORCE, ids[SALESFORCE], close_date="2026-12-02")
    followed.look()
    assert sorted(deal.get("close_date") for deal in all_deals(house) if SALESFORCE in deal.links) == [
        "2026-12-02"
    ]
    for _ in range(2):
        sell(house, SALESFORCE, ids[SALESFORCE], name="Wheel")
    followed.look()
    sell(house, HUBSPOT, ids[HUBSPOT], name="Wheel", close_date="2027-01-01")
    followed.look()
    assert reviews(house) == ["same_deal"]


def test_a_deleted_deal_counts_no_more_and_is_followed_when_it_is_restored(house):
    ids = person(house)
    followed = Followed(house)
    deal = sell(house, SALESFORCE, ids[SALESFORCE])
    followed.look()
    house.crms[SALESFORCE].archive(deal)
    followed.look()
    assert the_deal(house).is_gone
    assert told(house)[0] is None
    house.crms[SALESFORCE].records[deal].archived = False
    house.crms[SALESFORCE].touch(deal)
    followed.look()
    assert not the_deal(house).is_gone
    assert told(house)[0] == "open"


def test_a_deal_in_the_recycle_bin_of_hubspot_is_met_there(house):
    ids = person(house)
    followed = Followed(house)
    deal = sell(house, HUBSPOT, ids[HUBSPOT])
    followed.look()
    house.crms[HUBSPOT].archive(deal)
    house.clock.advance(3600)
    bin_ = a_bin(house)
    while bin_.step() is not None:
        pass
    house.settle()
    assert the_deal(house).is_gone


def test_two_deals_whose_records_were_merged_stay_two_and_a_person_is_asked(house):
    ids = person(house)
    followed = Followed(house)
    kept, lost = (sell(house, HUBSPOT, ids[HUBSPOT], name=each) for each in ("Kept", "Lost"))
    followed.look()
    house.crms[HUBSPOT].unite(lost, kept)
    followed.look()
    found = {deal.get("name"): deal for deal in all_deals(house)}
    assert not found["Kept"].is_gone
    assert found["Lost"].is_gone
    assert reviews(house) == ["same_deal"]


def test_deals_that_were_there_before_are_adopted_by_the_pass_and_nobody_is_told(house):
    ids = person(house)
    deal = sell(house, HUBSPOT, ids[HUBSPOT], stage="won", close_date="2026-01-02")
    sell(house, HUBSPOT, house.crms[HUBSPOT].put(email="eve@else.org"), name="Of a stranger")
    fill(house, HUBSPOT)
    match_all(house, HUBSPOT)
    walked = house.crms[HUBSPOT].called("list")
    assert pass_deals(house, HUBSPOT) == 1
    assert house.crms[HUBSPOT].called("list") == walked
    one = the_deal(house)
    assert one.links[HUBSPOT].remote_id == deal
    assert one.closed_at.date().isoformat() == "2026-01-02"
    assert told(house)[::2] == ("won", "customer")
    assert pass_deals(house, HUBSPOT) == 0


def test_leads_that_turn_out_to_be_one_person_take_part_in_each_deal_once(house):
    ada, bo = person(house, ADA), person(house, BO)
    followed = Followed(house)
    sell(house, HUBSPOT, ada[HUBSPOT], bo[HUBSPOT], name="Both")
    sell(house, HUBSPOT, bo[HUBSPOT], name="Only Bo", stage="won")
    followed.look()
    house.crms[HUBSPOT].unite(bo[HUBSPOT], ada[HUBSPOT])
    followed.look()
    house.clock.advance(60)
    followed.look()
    assert {deal.lead_ids for deal in all_deals(house)} == {(house.lead_id(ADA),)}
    assert told(house)[0] == "won"


def test_a_stage_that_is_not_listed_is_left_alone(house):
    ids = person(house)
    followed = Followed(house)
    deal = sell(house, HUBSPOT, ids[HUBSPOT])
    followed.look()
    house.crms[HUBSPOT].edit(deal, stage="somethingelse")
    followed.look()
    assert the_deal(house).get("stage") == "talking"
    move(house, HUBSPOT, deal, "won")
    followed.look()
    assert the_deal(house).outcome == "won"


def test_the_ledger_keeps_what_it_was_worth_and_who_took_part(house):
    ids = person(house)
    followed = Followed(house)
    deal = sell(house, HUBSPOT, ids[HUBSPOT])
    followed.look()
    move(house, HUBSPOT, deal, "won", amount="1250.5", won_reason="price")
    followed.look()
    row = rows(house.store, tables.deal_outcomes)[-1]
    assert (row["amount"], row["currency"], row["reason"]) == ("1250.50", "USD", "price")
    assert row["leads"] == [house.lead_id(ADA)]
    assert row["since"] == house.crms[HUBSPOT].records[deal].modified_at


def test_a_deal_seen_again_as_it_is_changes_nothing(house):
    ids = person(house)
    followed = Followed(house)
    deal = sell(house, HUBSPOT, ids[HUBSPOT])
    followed.look()
    version, events = the_deal(house).version, len(rows(house.store, tables.inbox_events))
    house.crms[HUBSPOT].touch(deal)
    followed.look()
    assert the_deal(house).version == version
    assert len(rows(house.store, tables.inbox_events)) == events


def test_a_field_that_asks_a_person_is_held_and_their_choice_is_kept(store):
    house = a_house(store, playbook=selling("hold", creates_deals=False))
    ids = person(house)
    followed = Followed(house)
    sell(house, HUBSPOT, ids[HUBSPOT], amount="10")
    followed.look()
    sell(house, SALESFORCE, ids[SALESFORCE], amount="20")
    followed.look()
    with house.store.snapshot() as snapshot:
        [hold] = holds.open_holds(snapshot, "main", limit=9)
    assert (hold.entity_kind, hold.name, hold.object, hold.field) == (
        "deal",
        "Engine",
        "Opportunity",
        "amount",
    )
    inbox.append(house.store, [holds.choice_event(hold, "main", "theirs", by="ann", now=house.clock.now())])
    house.settle()
    assert the_deal(house).get("amount") == "20.00"
    with house.store.snapshot() as snapshot:
        assert holds.open_holds(snapshot, "main", limit=9) == []


def test_a_late_read_of_an_older_version_changes_nothing(house):
    ids = person(house)
    followed = Followed(house)
    deal = sell(house, HUBSPOT, ids[HUBSPOT])
    followed.look()
    crm = house.crms[HUBSPOT]
    old = crm._record(deal, crm.records[deal])
    old = replace(old, fields=dict(old.fields))
    house.clock.advance(60)
    move(house, HUBSPOT, deal, "won")
    followed.look()
    hand_in(house, old, by_id=False)
    assert the_deal(house).outcome == "won"


def test_a_crash_between_deal_and_lead_loses_nothing(house):
    ids = person(house)
    followed = Followed(house)
    deal = sell(house, HUBSPOT, ids[HUBSPOT])
    followed.look()
    move(house, HUBSPOT, deal, "won")
    look(followed.polls[HUBSPOT], 60)
    house.decider.decide_batch()  # the deal
    house.restart()
    house.clock.advance(timedelta(minutes=5).total_seconds())
    house.settle()
    assert told(house)[::2] == ("won", "customer")


@pytest.fixture
def loaded(monkeypatch) -> list[int]:
    """How many deals each batch of the decider read whole."""
    counts: list[int] = []
    real = loads.load_deals

    def load(batch, *given):
        real(batch, *given)
        counts.append(len(batch.deals.loaded))

    monkeypatch.setattr(loads, "load_deals", load)
    return counts


def test_of_a_person_with_many_deals_only_those_that_matter_are_read_whole(house, loaded):
    ids = person(house)
    followed = Followed(house)
    for number in range(40):
        sell(house, HUBSPOT, ids[HUBSPOT], name=f"Engine {number}")
    followed.look()
    loaded.clear()
    sell(house, SALESFORCE, ids[SALESFORCE], name="engine  7")
    followed.look(SALESFORCE)
    [seventh] = [deal for deal in all_deals(house) if SALESFORCE in deal.links]
    assert (seventh.get("name"), HUBSPOT in seventh.links) == ("engine 7", True)
    sell(house, SALESFORCE, ids[SALESFORCE], name="Wheel")
    followed.look(SALESFORCE)
    assert len(all_deals(house)) == 41
    assert max(loaded) == 2


def test_where_the_deal_that_counted_most_is_lost_the_next_one_counts(house):
    ids = person(house)
    followed = Followed(house)
    for number in range(5):
        sell(house, HUBSPOT, ids[HUBSPOT], name=f"Engine {number}")
    best = sell(house, HUBSPOT, ids[HUBSPOT], name="Best", stage="offer")
    followed.look()
    assert house.lead(ADA).fields["deal_stage"] == "offer"
    move(house, HUBSPOT, best, "lost")
    followed.look()
    assert (told(house)[0], house.lead(ADA).fields["deal_stage"]) == ("open", "talking")
    house.crms[HUBSPOT].archive(best)
    followed.look()
    assert told(house)[0] == "open"


def test_who_took_over_anothers_deals_is_looked_up_by_one_query_and_only_where_somebody_did(house):
    both = {address: person(house, address) for address in (ADA, BO)}
    followed = Followed(house)
    for number, address in enumerate((ADA, BO)):
        sell(house, HUBSPOT, both[address][HUBSPOT], name=f"Engine {number}")
    followed.look()
    now, said = house.clock.now(), list[str]()
    with house.store.snapshot() as snapshot:
        ids = [house.lead_id(address) for address in (ADA, BO)]
        loaded = leads.load(snapshot, ids)
        sa.event.listen(snapshot, "before_cursor_execute", lambda *given: said.append(given[2]))
        batch = Batch(People.load(snapshot, "main"))
        post = a_post("post-9", now)
        batch.results.append(Result(StoredEvent(9, post, 0, now, 9), EventState.DONE))
        said.clear()
        assert dealings.told(snapshot, batch, house.playbook, "main", now) == []
        assert said == []
        batch.joined = [Join(loaded[each], each, 9) for each in ids]
        heard = dealings.told(snapshot, batch, house.playbook, "main", now)
    assert {one.payload["lead_id"] for one in heard} == set(ids)
    assert len(said) == 1
