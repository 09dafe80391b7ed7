"""Whether a record is a deal that is known: asked, answered by a person, done by the decider."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sync import inbox, same_deals, tables
from sync.same_deals import ANOTHER, LEAVE, SAME, Asked
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house
from tests.sync.selling import STAGES, Followed, all_deals, person, sell, selling
from tests.sync.stores import rows


@pytest.fixture
def house(store) -> House:
    """A house in which Salesforce has a deal of the name of one that HubSpot lost last year."""
    house = a_house(store, playbook=selling(creates_deals=False))
    ids = person(house)
    sell(house, HUBSPOT, ids[HUBSPOT], name="Renewal", stage="lost", close_date="2025-03-31")
    followed = Followed(house)
    sell(house, SALESFORCE, ids[SALESFORCE], name="Renewal")
    followed.look()
    house.followed = followed
    return house


def questions(house: House) -> list[Asked]:
    with house.store.snapshot() as snapshot:
        return same_deals.open_ones(snapshot, "main", house.playbook, limit=9)


def answer(house: House, asked: Asked, said: str, deal: str = "") -> None:
    """Hand a person's word in, and let it be decided."""
    house.clock.advance(1)
    with house.store.snapshot() as snapshot:
        event = same_deals.answer_event(snapshot, asked, "main", said, deal, by="olga", now=house.clock.now())
    inbox.append(house.store, [event])
    house.settle()


def states(house: House) -> list[str]:
    return [row["state"] for row in rows(house.store, tables.reviews)]


def test_what_is_asked_shows_the_record_beside_the_deal_and_what_may_be_said(house):
    [asked] = questions(house)
    [deal] = all_deals(house)
    assert (asked.question.connection, asked.may_be, asked.may_be_new) == (SALESFORCE, (deal.id,), True)
    assert asked.fields["close_date"] == "2026-12-24"
    assert asked.as_json()["answers"] == [f"same {deal.id}", "another", "leave"]
    assert asked.as_json()["deals"][0]["close_date"] == "2025-03-31"


def test_the_same_links_the_record_and_merges_it(house):
    [asked], [deal] = questions(house), all_deals(house)
    answer(house, asked, SAME, deal.id)
    [deal] = all_deals(house)
    assert deal.links[SALESFORCE].remote_id == asked.question.records[0]
    assert (states(house), questions(house)) == (["answered"], [])
    house.crms[SALESFORCE].edit(asked.question.records[0], amount="77")
    for _ in range(2):
        house.followed.look()
    assert {
        float(house.crms[name].records[link.remote_id].fields["amount"]) for name, link in deal.links.items()
    } == {77.0}


def test_another_makes_a_deal_of_it_and_leaves_the_known_one_as_it_was(house):
    [asked], [before] = questions(house), all_deals(house)
    answer(house, asked, ANOTHER)
    known, new = sorted(all_deals(house), key=lambda one: one.id != before.id)
    assert (known.fields, list(known.links)) == (before.fields, [HUBSPOT])
    assert (new.get("name"), list(new.links), new.lead_ids) == ("Renewal", [SALESFORCE], before.lead_ids)
    assert states(house) == ["answered"]
    kept = house.crms[HUBSPOT].records[known.links[HUBSPOT].remote_id]
    assert kept.fields["stage"] == STAGES[HUBSPOT]["lost"]


def test_what_is_left_alone_is_not_asked_again(house):
    [asked] = questions(house)
    answer(house, asked, LEAVE)
    assert states(house) == ["left"]
    house.crms[SALESFORCE].edit(asked.question.records[0], amount="77")
    house.followed.look()
    assert states(house) == ["left"]
    assert [list(deal.links) for deal in all_deals(house)] == [[HUBSPOT]]


def test_the_second_of_two_words_changes_nothing(house):
    [asked], [deal] = questions(house), all_deals(house)
    words = ((SAME, deal.id, house.clock.now()), (ANOTHER, "", house.clock.now() + timedelta(seconds=1)))
    with house.store.snapshot() as snapshot:
        both = [
            same_deals.answer_event(snapshot, asked, "main", said, which, by="olga", now=at)
            for said, which, at in words
        ]
    inbox.append(house.store, both)
    house.clock.advance(2)
    house.settle()
    assert [sorted(deal.links) for deal in all_deals(house)] == [[HUBSPOT, SALESFORCE]]


def test_a_word_on_a_deal_that_got_its_record_meanwhile_does_nothing(house):
    [asked], [deal] = questions(house), all_deals(house)
    answer(house, asked, SAME, "de_nobody")
    assert (states(house), list(all_deals(house)[0].links)) == (["open"], [HUBSPOT])
    answer(house, asked, SAME, deal.id)
    answer(house, asked, ANOTHER)
    assert [sorted(one.links) for one in all_deals(house)] == [[HUBSPOT, SALESFORCE]]


def test_a_record_that_was_deleted_can_only_be_left(house):
    [asked] = questions(house)
    house.crms[SALESFORCE].archive(asked.question.records[0])
    house.followed.look()
    [now] = questions(house)
    assert now.as_json()["answers"] == ["leave"]
    answer(house, asked, ANOTHER)
    assert len(all_deals(house)) == 1


def test_two_records_of_one_deal_are_for_the_crm_s_people(store):
    house = a_house(store, playbook=selling())
    ids = person(house)
    followed = Followed(house)
    sell(house, SALESFORCE, ids[SALESFORCE])
    followed.look()
    sell(house, HUBSPOT, ids[HUBSPOT])
    followed.look()
    [asked] = questions(house)
    assert (len(asked.question.records), asked.as_json()["answers"]) == (2, ["leave"])
    answer(house, asked, LEAVE)
    assert states(house) == ["left"]
