"""Deals that leadrelay writes: made in the other CRM, kept the same there, with who takes part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from mappings.playbook import Breaker, Playbook
from model.deal import COMPANIES, PEOPLE
from sync import inbox, outbox, tables
from sync.replays import letters, replay
from tests.builders import mapped
from tests.sync.followed import look
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house
from tests.sync.selling import (
    ADA,
    BO,
    OBJECTS,
    STAGES,
    Followed,
    all_deals,
    look_and_give_up,
    move,
    person,
    records,
    sell,
    selling,
    the_deal,
)
from tests.sync.stores import rows
from tests.sync.test_accounts import account_of, company_map
from tests.sync.test_following import reviews, see


def with_accounts(playbook: Playbook) -> Playbook:
    """Return the playbook with companies in both CRMs."""
    crms = {name: replace(crm, account=company_map(name)) for name, crm in playbook.crms.items()}
    return replace(playbook, crms=crms)


OTHER = {HUBSPOT: SALESFORCE, SALESFORCE: HUBSPOT}


@pytest.fixture
def house(store) -> House:
    return a_house(store, playbook=selling())


def dead(house: House) -> list[str]:
    with house.store.snapshot() as snapshot:
        return [one.error for one in outbox.dead_letters(snapshot, "main")]


def again_all(house: House) -> None:
    """Ask for every dead letter once more, as the page does."""
    shelf = letters.SHELVES[letters.CHANGE]
    with house.store.snapshot() as snapshot:
        ids = [one.id for one in outbox.dead_letters(snapshot, "main")]
        events = replay.of_shelf(snapshot, "main", shelf, ids, by="ann", now=house.clock.now())
    inbox.append(house.store, events)


def calls(house: House) -> int:
    """Return how many calls wrote a deal or who takes part in one."""
    return sum(crm.called(each) for crm in house.crms.values() for each in ("create", "update", "take_part"))


def in_both(house: House, *people: Mapping[str, str]) -> tuple[Followed, str, str]:
    """Sell something to these people in HubSpot, and have it made in Salesforce; return its ids there."""
    followed = Followed(house)
    deal = sell(house, HUBSPOT, *(ids[HUBSPOT] for ids in people))
    followed.look()
    return followed, deal, the_deal(house).links[SALESFORCE].remote_id


@pytest.mark.parametrize("here", [HUBSPOT, SALESFORCE])
def test_a_deal_of_one_crm_is_made_in_the_other_with_its_people(house, here):
    ids, there = person(house), OTHER[here]
    followed = Followed(house)
    sell(house, here, ids[here], name="Engine", amount="1200.50", stage="offer")
    followed.look()
    [made] = records(house, there)
    assert (made["name"], made["stage"], made["close_date"][:10]) == (
        "Engine",
        STAGES[there]["offer"],
        "2026-12-24",
    )
    assert float(made["amount"]) == 1200.5
    assert made[PEOPLE] == [ids[there]]
    assert made["lead_id"] == the_deal(house).id
    assert dead(house) == []


def test_what_is_changed_in_either_is_in_both_and_then_nothing_is_written_any_more(house):
    followed, deal, other = in_both(house, person(house))
    house.crms[HUBSPOT].edit(deal, amount="99.90")
    followed.look()
    assert float(house.crms[SALESFORCE].records[other].fields["amount"]) == 99.9
    move(house, SALESFORCE, other, "won", won_reason="price")
    followed.look()
    assert house.crms[HUBSPOT].records[deal].fields["stage"] == STAGES[HUBSPOT]["won"]
    assert house.crms[HUBSPOT].records[deal].fields["won_reason"] == "price"
    assert house.lead(ADA).stage == "customer"
    followed.look()
    before = calls(house)
    followed.look()
    followed.look()
    assert calls(house) == before
    assert dead(house) == []


def test_of_two_changes_of_one_field_the_later_stands_and_the_other_is_kept(house):
    followed, deal, other = in_both(house, person(house))
    house.crms[HUBSPOT].edit(deal, name="Hub")
    house.clock.advance(5)
    house.crms[SALESFORCE].edit(other, name="Force")
    followed.look()
    followed.look()
    both = ((HUBSPOT, deal), (SALESFORCE, other))
    names = {house.crms[name].records[each].fields["name"] for name, each in both}
    assert names == {"Force"}
    assert [(row["field"], row["lost"]) for row in rows(house.store, tables.conflicts)] == [("name", "Hub")]


def test_what_one_side_won_stays_won_though_the_other_moved_it_later(house):
    followed, deal, other = in_both(house, person(house))
    move(house, HUBSPOT, deal, "won")
    house.clock.advance(5)
    move(house, SALESFORCE, other, "lost", lost_reason="silence")
    followed.look()
    followed.look()
    assert the_deal(house).outcome == "won"
    assert house.crms[SALESFORCE].records[other].fields["stage"] == STAGES[SALESFORCE]["won"]
    move(house, SALESFORCE, other, "offer")  # both agreed: somebody reopens it
    followed.look()
    followed.look()
    assert house.crms[HUBSPOT].records[deal].fields["stage"] == STAGES[HUBSPOT]["offer"]


def test_who_is_added_in_one_crm_takes_part_in_the_other_and_nobody_is_taken_away(house):
    ada, bo = person(house, ADA), person(house, BO)
    followed, deal, other = in_both(house, ada)
    stranger = house.crms[SALESFORCE].put("Contact", email="eve@else.org")
    force = house.crms[SALESFORCE]
    force.edit(other, **{PEOPLE: [*force.records[other].fields[PEOPLE], stranger]})
    followed.look()
    house.crms[HUBSPOT].edit(deal, **{PEOPLE: [ada[HUBSPOT], bo[HUBSPOT]]})
    followed.look()
    assert set(force.records[other].fields[PEOPLE]) == {ada[SALESFORCE], bo[SALESFORCE], stranger}


def test_whom_a_person_took_out_in_one_crm_is_not_put_back(house):
    ada, bo = person(house, ADA), person(house, BO)
    followed, _, other = in_both(house, ada, bo)
    house.crms[SALESFORCE].edit(other, **{PEOPLE: [ada[SALESFORCE]]})
    followed.look()
    followed.look()
    assert house.crms[SALESFORCE].records[other].fields[PEOPLE] == [ada[SALESFORCE]]


def parties(house: House, name: str = PEOPLE) -> dict[str, list[str]]:
    """Return what the deal's records say of who takes part."""
    links = the_deal(house).links
    return {each: house.crms[each].records[links[each].remote_id].fields.get(name, []) for each in links}


@pytest.fixture
def both(house) -> tuple[House, Followed, dict[str, dict[str, str]], dict[str, str]]:
    """A deal of two people in both CRMs: the house, its polls, their records and the deal's."""
    ids = {address: person(house, address) for address in (ADA, BO)}
    followed = Followed(house)
    sell(house, HUBSPOT, *(ids[each][HUBSPOT] for each in (ADA, BO)))
    followed.look()
    return house, followed, ids, {name: link.remote_id for name, link in the_deal(house).links.items()}


@pytest.mark.parametrize("here", [HUBSPOT, SALESFORCE])
def test_whom_a_person_takes_out_of_a_deal_is_taken_out_in_the_other_crm_and_once(both, here):
    house, followed, ids, deal = both
    house.crms[here].edit(deal[here], **{PEOPLE: [ids[ADA][here]]})
    for _ in range(3):
        followed.look()
    assert parties(house) == {name: [ids[ADA][name]] for name in deal}
    assert the_deal(house).lead_ids == (house.lead_id(ADA),)
    before = calls(house)
    for _ in range(3):
        followed.look()
    assert calls(house) == before
    house.crms[here].edit(deal[here], **{PEOPLE: [ids[ADA][here], ids[BO][here]]})
    for _ in range(3):
        followed.look()
    assert {name: set(named) for name, named in parties(house).items()} == {
        name: {ids[ADA][name], ids[BO][name]} for name in deal
    }


def test_a_stranger_whom_somebody_takes_out_takes_nobody_along(both):
    house, followed, ids, deal = both
    force = house.crms[SALESFORCE]
    eve = force.put("Contact", email="eve@else.org")
    force.edit(deal[SALESFORCE], **{PEOPLE: [*force.records[deal[SALESFORCE]].fields[PEOPLE], eve]})
    followed.look()
    force.edit(deal[SALESFORCE], **{PEOPLE: [ids[ADA][SALESFORCE], ids[BO][SALESFORCE]]})
    before = calls(house)
    for _ in range(3):
        followed.look()
    assert set(parties(house)[HUBSPOT]) == {ids[ADA][HUBSPOT], ids[BO][HUBSPOT]}
    assert calls(house) == before


def test_a_contact_who_is_merged_into_another_is_not_taken_out_elsewhere(both):
    house, followed, ids, deal = both
    hub = house.crms[HUBSPOT]
    new = hub.put("contacts", email="bo@new.com")
    hub.unite(ids[BO][HUBSPOT], new)
    hub.edit(deal[HUBSPOT], **{PEOPLE: [ids[ADA][HUBSPOT], new]})
    for _ in range(3):
        followed.look()
    assert set(parties(house)[SALESFORCE]) == {ids[ADA][SALESFORCE], ids[BO][SALESFORCE]}
    assert house.lead(BO).links[HUBSPOT].remote_id == new


def test_a_contact_who_is_deleted_is_not_taken_out_elsewhere(both):
    house, followed, ids, deal = both
    hub = house.crms[HUBSPOT]
    hub.archive(ids[BO][HUBSPOT])
    hub.edit(deal[HUBSPOT], **{PEOPLE: [ids[ADA][HUBSPOT]]})
    for _ in range(3):
        followed.look()
    assert set(parties(house)[SALESFORCE]) == {ids[ADA][SALESFORCE], ids[BO][SALESFORCE]}


def test_who_is_back_before_it_is_certain_that_they_left_was_never_taken_out(both):
    house, followed, ids, deal = both
    named = [ids[ADA][HUBSPOT], ids[BO][HUBSPOT]]
    house.crms[HUBSPOT].edit(deal[HUBSPOT], **{PEOPLE: named[:1]})
    look(followed.polls[HUBSPOT], 60)
    house.decide()
    house.crms[HUBSPOT].edit(deal[HUBSPOT], **{PEOPLE: named})
    before = calls(house)
    for _ in range(3):
        followed.look()
    assert set(parties(house)[SALESFORCE]) == {ids[ADA][SALESFORCE], ids[BO][SALESFORCE]}
    assert calls(house) == before


def test_what_somebody_changes_while_people_are_written_is_decided_and_not_lost(both):
    house, followed, ids, deal = both
    force, eve = house.crms[SALESFORCE], person(house, "eve@acme.com")
    house.crms[HUBSPOT].edit(deal[HUBSPOT], **{PEOPLE: [ids[ADA][HUBSPOT], ids[BO][HUBSPOT], eve[HUBSPOT]]})
    kept = force.records[deal[SALESFORCE]]
    without = [ids[ADA][SALESFORCE]]
    force.next("take_part", before=lambda: kept.fields.update({PEOPLE: without}))  # as roles: no new stamp
    for _ in range(4):
        followed.look()
    assert set(parties(house)[SALESFORCE]) == {ids[ADA][SALESFORCE], eve[SALESFORCE]}
    assert set(parties(house)[HUBSPOT]) == {ids[ADA][HUBSPOT], eve[HUBSPOT]}


def test_a_lost_answer_takes_nobody_out_twice(both):
    house, followed, ids, deal = both
    house.crms[SALESFORCE].next("take_part", lost=True)
    house.crms[HUBSPOT].edit(deal[HUBSPOT], **{PEOPLE: [ids[ADA][HUBSPOT]]})
    for _ in range(3):
        followed.look()
    assert parties(house)[SALESFORCE] == [ids[ADA][SALESFORCE]]
    assert dead(house) == []


def test_two_systems_that_undo_each_other_are_left_alone(both):
    house, followed, ids, deal = both
    hub, force = house.crms[HUBSPOT], house.crms[SALESFORCE]
    crms = {name: replace(crm, breaker=Breaker(flips=1)) for name, crm in house.playbook.crms.items()}
    house.playbook = replace(house.playbook, crms=crms)
    for _ in range(3):
        hub.edit(deal[HUBSPOT], **{PEOPLE: [ids[ADA][HUBSPOT]]})
        for _ in range(2):
            followed.look()
        force.edit(deal[SALESFORCE], **{PEOPLE: [ids[ADA][SALESFORCE], ids[BO][SALESFORCE]]})
        for _ in range(2):
            followed.look()
    said = str([row["details"] for row in rows(house.store, tables.audit_details)])
    assert f"{ids[BO][HUBSPOT]} goes and comes in hubspot again and again" in said
    hub.edit(deal[HUBSPOT], **{PEOPLE: [ids[ADA][HUBSPOT]]})
    for _ in range(3):
        followed.look()
    assert {name: len(named) for name, named in parties(house).items()} == {HUBSPOT: 1, SALESFORCE: 2}


@pytest.mark.parametrize("here", [HUBSPOT, SALESFORCE])
def test_a_company_that_a_person_changes_is_changed_in_the_other_crm(store, here):
    house = a_house(store, playbook=with_accounts(selling()))
    ids, there = person(house), OTHER[here]
    known = {domain: house.post(email=f"x@{domain}") for domain in ("acme.com", "zeta.com")}
    assert known
    house.settle()
    followed = Followed(house)
    records = {
        domain: {name: link.remote_id for name, link in account_of(house, domain).links.items()}
        for domain in known
    }
    sell(house, here, ids[here], company=records["acme.com"][here])
    for _ in range(2):
        followed.look()
    deal = {name: link.remote_id for name, link in the_deal(house).links.items()}
    assert parties(house, COMPANIES) == {name: [records["acme.com"][name]] for name in deal}
    house.crms[here].edit(deal[here], **{COMPANIES: [records["zeta.com"][here]]})
    for _ in range(3):
        followed.look()
    assert parties(house, COMPANIES) == {name: [records["zeta.com"][name]] for name in deal}
    before = calls(house)
    for _ in range(3):
        followed.look()
    assert calls(house) == before
    house.crms[there].edit(deal[there], **{COMPANIES: []})  # a blank overwrites nothing
    for _ in range(2):
        followed.look()
    assert parties(house, COMPANIES)[here] == [records["zeta.com"][here]]


def test_a_company_that_differed_from_the_start_is_left_as_it_is(store):
    house = a_house(store, playbook=with_accounts(selling()))
    ids = person(house)
    for domain in ("zeta.com", "iota.com"):
        house.post(email=f"x@{domain}")
    house.settle()
    followed = Followed(house)
    on = {
        domain: {name: link.remote_id for name, link in account_of(house, domain).links.items()}
        for domain in ("acme.com", "zeta.com", "iota.com")
    }
    sell(house, HUBSPOT, ids[HUBSPOT], company=on["acme.com"][HUBSPOT])
    sell(house, SALESFORCE, ids[SALESFORCE], company=on["zeta.com"][SALESFORCE])
    followed.look()
    deal = {name: link.remote_id for name, link in the_deal(house).links.items()}
    house.crms[HUBSPOT].edit(deal[HUBSPOT], **{COMPANIES: [on["iota.com"][HUBSPOT]]})
    for _ in range(3):
        followed.look()
    assert parties(house, COMPANIES)[SALESFORCE] == [on["zeta.com"][SALESFORCE]]


def test_a_company_that_nobody_knows_here_gives_way_to_none(store):
    house = a_house(store, playbook=with_accounts(selling()))
    house.crms[SALESFORCE].put("Contact", email="zoe@gmail.com")
    house.post(email="zoe@gmail.com")  # of no company
    house.post(email="x@zeta.com")
    house.settle()
    followed = Followed(house)
    ids = {link.connection: link.remote_id for link in house.lead("zoe@gmail.com").links.values()}
    stranger = house.crms[SALESFORCE].put("Account", name="Unheard of")
    sell(house, HUBSPOT, ids[HUBSPOT])
    sell(house, SALESFORCE, ids[SALESFORCE], company=stranger)
    followed.look()
    deal = {name: link.remote_id for name, link in the_deal(house).links.items()}
    zeta = account_of(house, "zeta.com").links[HUBSPOT].remote_id
    house.crms[HUBSPOT].edit(deal[HUBSPOT], **{COMPANIES: [zeta]})
    for _ in range(3):
        followed.look()
    assert parties(house, COMPANIES) == {HUBSPOT: [zeta], SALESFORCE: [stranger]}


CHANGES = tables.outbox_changes
PUT_OFF, LET_OUT, GIVEN_UP = (
    {"due_at": datetime(2100, 1, 1, tzinfo=UTC)},
    {"due_at": outbox.PARKED},  # when a person lets it out
    {"dead": CHANGES.c.wanted},
)


@pytest.mark.parametrize(("company", "made"), [(PUT_OFF, 0), (LET_OUT, 1), (GIVEN_UP, 1)])
def test_a_new_deal_waits_for_a_company_that_is_on_its_way_there(store, company, made):
    house = a_house(store, playbook=with_accounts(selling()))
    followed = Followed(house)
    house.post(email=ADA)
    house.decide()
    of_company = sa.update(CHANGES).where(
        CHANGES.c.entity_kind == "account", CHANGES.c.connection == SALESFORCE
    )
    house.store.write(lambda connection: connection.execute(of_company.values(company)))
    house.deliver()
    house.decide()
    sell(house, HUBSPOT, house.lead(ADA).links[HUBSPOT].remote_id)
    look(followed.polls[HUBSPOT], 60)
    house.decide()
    house.deliver()
    assert len(records(house, SALESFORCE)) == made
    house.store.write(lambda connection: connection.execute(of_company.values(due_at=house.clock.now())))
    house.deliver()
    assert len(records(house, SALESFORCE)) == 1


def test_a_person_who_was_deleted_meanwhile_is_read_and_left_out(house):
    ada = person(house)
    followed = Followed(house)
    sell(house, HUBSPOT, ada[HUBSPOT])
    house.crms[SALESFORCE].archive(ada[SALESFORCE])
    followed.look(HUBSPOT)  # the deal is made there, the person is refused, and read
    assert dead(house) == []
    house.clock.advance(60)
    house.settle()
    assert house.lead(ADA).links[SALESFORCE].gone_at is not None
    assert {row["wanted"] - row["done"] for row in rows(house.store, tables.outbox_changes)} == {0}
    [made] = records(house, SALESFORCE)
    assert made.get(PEOPLE, []) == []


def test_a_person_who_becomes_a_contact_later_takes_part_then(house):
    house.post(email=ADA)  # a Lead in Salesforce, who cannot take part in an opportunity
    house.settle()
    followed = Followed(house)
    ids = {link.connection: link.remote_id for link in house.lead(ADA).links.values()}
    sell(house, HUBSPOT, ids[HUBSPOT])
    followed.look()
    [made] = records(house, SALESFORCE)
    assert made.get(PEOPLE, []) == []
    contact = house.crms[SALESFORCE].put("Contact", email=ADA)
    house.crms[SALESFORCE].convert(ids[SALESFORCE], contact)
    followed.look()
    house.clock.advance(60)
    followed.look()
    assert made[PEOPLE] == [contact]


def test_who_takes_over_anothers_deals_takes_part_in_them_by_the_record_they_have(house):
    person(house, BO)  # a Contact in Salesforce
    house.post(email=ADA)  # a Lead there, who cannot take part in an opportunity
    house.settle()
    followed = Followed(house)
    ada, bo = house.lead(ADA).links, house.lead(BO).links
    sell(house, HUBSPOT, ada[HUBSPOT].remote_id)
    followed.look()
    [made] = records(house, SALESFORCE)
    assert made.get(PEOPLE, []) == []
    house.crms[SALESFORCE].convert(ada[SALESFORCE].remote_id, bo[SALESFORCE].remote_id)
    followed.look()
    house.clock.advance(60)
    followed.look()
    assert house.lead_id(ADA) == house.lead_id(BO)
    assert made[PEOPLE] == [bo[SALESFORCE].remote_id]


@pytest.mark.parametrize("here", [HUBSPOT, SALESFORCE])
def test_a_lost_answer_makes_no_second_deal(house, here):
    ids, there = person(house), OTHER[here]
    followed = Followed(house)
    house.crms[there].next("create", lost=True)
    house.crms[there].next("take_part", lost=True)
    sell(house, here, ids[here])
    followed.look()
    followed.look()
    assert len(records(house, there)) == 1
    assert records(house, there)[0][PEOPLE] == [ids[there]]
    assert len(all_deals(house)) == 1


def test_a_deal_that_lacks_what_the_other_crm_needs_waits_until_it_has_it(house):
    ids = person(house)
    followed = Followed(house)
    deal = sell(house, HUBSPOT, ids[HUBSPOT], close_date="")
    followed.look()
    assert records(house, SALESFORCE) == []
    house.crms[HUBSPOT].edit(deal, close_date="2026-12-24")
    followed.look()
    assert len(records(house, SALESFORCE)) == 1


def test_what_was_closed_long_before_is_not_made_in_the_other_crm(house):
    ids = person(house)
    followed = Followed(house)
    sell(house, HUBSPOT, ids[HUBSPOT], stage="won", close_date="2025-01-02")
    followed.look()
    assert the_deal(house).outcome == "won"
    assert records(house, SALESFORCE) == []


def test_a_deal_that_was_deleted_is_not_made_anew_nor_written(house):
    followed, deal, other = in_both(house, person(house))
    house.crms[SALESFORCE].archive(other)
    followed.look()
    house.crms[HUBSPOT].edit(deal, amount="7")
    followed.look()
    there = house.crms[SALESFORCE].records.values()
    live = [kept for kept in there if kept.object == OBJECTS[SALESFORCE] and not kept.archived]
    assert live == []
    assert dead(house) == []


def test_what_people_typed_before_they_deleted_a_deal_is_taken_in(house):
    ada = person(house)
    followed = Followed(house)
    deal = sell(house, HUBSPOT, ada[HUBSPOT])
    followed.look()
    followed.look()
    other = the_deal(house).links[SALESFORCE].remote_id
    house.clock.advance(60)
    last = {"fields": {"amount": "1500"}, "modified_at": house.clock.now()}
    see(house, SALESFORCE, other, archived=True, **last)
    house.settle()
    assert the_deal(house).links[SALESFORCE].gone_at is not None
    assert house.crms[HUBSPOT].records[deal].fields["amount"] == "1500"


def test_a_deal_that_people_made_in_both_is_one(house):
    ids = person(house)
    followed = Followed(house)
    for name in (HUBSPOT, SALESFORCE):
        sell(house, name, ids[name])
    followed.look()
    assert sorted(the_deal(house).links) == [HUBSPOT, SALESFORCE]
    assert [len(records(house, name)) for name in (HUBSPOT, SALESFORCE)] == [1, 1]


@pytest.mark.parametrize("here", [HUBSPOT, SALESFORCE])
@pytest.mark.parametrize("ended", ["won", "lost"])
def test_a_new_deal_with_the_name_of_an_old_one_is_not_taken_for_it(house, here, ended):
    ids, there = person(house), OTHER[here]
    old = sell(house, there, ids[there], name="Renewal", stage=ended, close_date="2025-03-31")
    followed = Followed(house)
    new = sell(house, here, ids[here], name="Renewal")
    followed.look()
    followed.look()
    stage = {name: house.crms[name].records[one].fields["stage"] for name, one in ((here, new), (there, old))}
    assert stage == {here: STAGES[here]["talking"], there: STAGES[there][ended]}
    assert reviews(house) == ["same_deal"]


def test_an_old_deal_that_a_look_up_finds_is_not_taken_for_a_new_one_of_its_name(house):
    ids = person(house)
    crms = house.playbook.crms
    unheard = replace(
        crms[SALESFORCE], adopts_deals=False
    )  # so that only the look-up before a create meets it
    house.playbook = replace(house.playbook, crms={**crms, SALESFORCE: unheard})
    old = sell(house, SALESFORCE, ids[SALESFORCE], name="Renewal", stage="won", close_date="2025-03-31")
    followed = Followed(house)
    new = sell(house, HUBSPOT, ids[HUBSPOT], name="Renewal")
    look(followed.polls[HUBSPOT], 60)
    for _ in range(3):
        house.decide()
        house.deliver()
    assert house.crms[HUBSPOT].records[new].fields["stage"] == STAGES[HUBSPOT]["talking"]
    assert house.crms[SALESFORCE].records[old].fields["stage"] == STAGES[SALESFORCE]["won"]
    assert the_deal(house).links.keys() == {HUBSPOT}
    assert reviews(house) == ["same_deal"]


def test_a_deal_that_was_not_kept_up_in_one_crm_is_still_the_one_that_was_won_in_the_other(house):
    ids = person(house)
    followed = Followed(house)
    sell(house, HUBSPOT, ids[HUBSPOT], close_date="2026-02-01")
    sell(house, SALESFORCE, ids[SALESFORCE], stage="won", close_date="2026-03-01")
    followed.look()
    assert the_deal(house).links.keys() == {HUBSPOT, SALESFORCE}


def test_a_twin_of_a_deal_that_leadrelay_made_asks_a_person_and_is_not_carried_on(house):
    ids = person(house)
    followed = Followed(house)
    sell(house, SALESFORCE, ids[SALESFORCE])
    look(followed.polls[SALESFORCE], 60)
    sell(house, HUBSPOT, ids[HUBSPOT])  # at the same moment
    house.settle()
    followed.look()
    assert len(all_deals(house)) == 1
    assert [len(records(house, name)) for name in (HUBSPOT, SALESFORCE)] == [2, 1]
    assert reviews(house) == ["same_deal"]


def test_a_company_is_filled_where_there_is_none_and_kept_where_somebody_chose_one(house):
    ids = person(house)
    followed = Followed(house)
    deal = sell(house, HUBSPOT, ids[HUBSPOT], company="")
    followed.look()
    [made] = records(house, SALESFORCE)
    assert made.get(COMPANIES, []) == []
    assert house.crms[HUBSPOT].records[deal].fields[COMPANIES] == []


def test_an_observed_crm_gets_no_deal(store):
    house = a_house(store, playbook=selling(), shut={})
    ids = person(house)
    house.shut = {SALESFORCE: "salesforce is only observed"}
    followed = Followed(house)
    sell(house, HUBSPOT, ids[HUBSPOT])
    look(followed.polls[HUBSPOT], 60)
    house.decide()
    house.deliver(HUBSPOT)
    assert records(house, SALESFORCE) == []


def test_what_a_crm_will_not_take_is_a_dead_letter_in_its_words_and_is_tried_again_when_asked(house):
    ids = person(house)
    followed = Followed(house)
    house.crms[SALESFORCE].next("create", rejects="Engine")
    sell(house, HUBSPOT, ids[HUBSPOT])
    look_and_give_up(followed)
    assert dead(house)[0] == "INVALID: the CRM will not take it (fields: email)"
    assert records(house, SALESFORCE) == []
    again_all(house)
    house.settle()
    assert dead(house) == []
    assert [made[PEOPLE] for made in records(house, SALESFORCE)] == [[ids[SALESFORCE]]]


def test_who_takes_part_is_given_up_with_the_deal_that_could_not_be_made(house):
    ids = person(house)
    followed = Followed(house)
    house.crms[SALESFORCE].next("create", rejects="Engine")
    sell(house, HUBSPOT, ids[HUBSPOT])
    assert look_and_give_up(followed) == 1
    assert sorted(error.split(":")[0] for error in dead(house)) == [
        "INVALID",
        "needs a record that could not be written",
    ]


def test_what_was_given_up_of_a_deal_that_people_then_make_themselves_asks_nobody_any_more(house):
    ids = person(house)
    followed = Followed(house)
    house.crms[SALESFORCE].next("create", rejects="Engine")
    sell(house, HUBSPOT, ids[HUBSPOT])
    look_and_give_up(followed)
    assert len(dead(house)) == 2
    house.clock.advance(60)
    kept = the_deal(house)
    made = sell(house, SALESFORCE, ids[SALESFORCE], lead_id=kept.id)
    followed.look()
    assert the_deal(house).links[SALESFORCE].remote_id == made
    assert dead(house) == []


def test_amounts_of_another_currency_are_neither_taken_nor_written(store):
    playbook = selling()
    hubspot = playbook.crms[HUBSPOT]
    assert hubspot.deal is not None
    fields = (*hubspot.deal.fields, mapped("currency", "currency", "newest"))
    with_currency = replace(hubspot, deal=replace(hubspot.deal, fields=fields, currency=""))
    house = a_house(store, playbook=replace(playbook, crms={**playbook.crms, HUBSPOT: with_currency}))
    ids = person(house)
    followed = Followed(house)
    sell(house, HUBSPOT, ids[HUBSPOT], amount="100", currency="EUR")
    followed.look()
    [made] = records(house, SALESFORCE)  # knows dollars only
    assert made.get("amount") is None
    house.crms[SALESFORCE].edit(the_deal(house).links[SALESFORCE].remote_id, amount=900)
    followed.look()
    assert (the_deal(house).get("amount"), the_deal(house).get("currency")) == ("100.00", "EUR")


def test_a_crm_whose_map_makes_none_gets_none_and_its_own_are_kept_the_same(store):
    playbook = selling()
    salesforce = replace(playbook.crms[SALESFORCE], creates_deals=False)
    house = a_house(store, playbook=replace(playbook, crms={**playbook.crms, SALESFORCE: salesforce}))
    ids = person(house)
    followed = Followed(house)
    sell(house, HUBSPOT, ids[HUBSPOT], name="Only here")
    sell(house, SALESFORCE, ids[SALESFORCE], name="In both")
    followed.look()
    assert [len(records(house, name)) for name in (HUBSPOT, SALESFORCE)] == [2, 1]
    [made] = [deal for deal in all_deals(house) if SALESFORCE in deal.links]
    house.crms[HUBSPOT].edit(made.links[HUBSPOT].remote_id, amount="5")
    followed.look()
    assert float(records(house, SALESFORCE)[0]["amount"]) == 5
