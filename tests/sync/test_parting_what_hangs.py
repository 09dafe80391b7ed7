"""What hangs on a lead that is taken apart from another: deals, held fields, questions of accounts."""

from __future__ import annotations

import pytest

from sync import remembered, tables
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house
from tests.sync.selling import ADA, BO, Followed, move, person, sell, selling, the_deal
from tests.sync.stores import rows
from tests.sync.test_account_match import CAT, a_matching_house, posted, said
from tests.sync.test_account_match import account_of as account_that
from tests.sync.test_account_match import waiting as accounts_asked
from tests.sync.test_holds import both_change, choose, waiting, with_rule
from tests.sync.test_parting import say_same, undo

HELD = "ada@example.com"


@pytest.fixture
def house(store) -> House:
    return a_house(store, playbook=selling())


def joined_with_a_deal(house: House, stage: str) -> tuple[str, str, str, Followed]:
    """Let Bo, who was active last, take in Ada, who has a deal; return all three ids."""
    records = {address: person(house, address) for address in (ADA, BO)}
    followed = Followed(house)
    deal = sell(house, SALESFORCE, records[ADA][SALESFORCE], stage=stage)
    followed.look()
    house.post(email=BO, title="Engineer")
    house.settle()
    gone, left = say_same(house, [house.lead_id(ADA), house.lead_id(BO)])
    house.settle()
    followed.look()
    return gone, left, deal, followed


@pytest.mark.parametrize("has_changed", [False, True])
def test_a_deal_goes_back_and_who_has_none_is_told_so(house, has_changed):
    gone, left, deal, followed = joined_with_a_deal(house, "lost")
    if has_changed:  # a deal that is saved anew has other rows of who takes part
        move(house, SALESFORCE, deal, "lost", amount="7")
        followed.look()
    undo(house, gone)
    followed.look()
    assert the_deal(house).lead_ids == (gone,)
    by_id = {row["id"]: row["fields"] for row in rows(house.store, tables.leads)}
    assert by_id[gone]["deal_outcome"] == "lost"
    assert "deal_outcome" not in by_id[left]


def test_a_record_that_was_put_on_the_others_deal_is_named(house):
    gone, left, *_ = joined_with_a_deal(house, "lost")
    with house.store.snapshot() as snapshot:
        memory = remembered.load(snapshot, "main", gone, house.clock.now())
    assert memory.named_on == ((HUBSPOT, "Engine"), (SALESFORCE, "Engine"))
    undo(house, gone)
    texts = [
        reason["text"]
        for row in rows(house.store, tables.audit_details)
        for reason in row["details"].get("reasons", ())
    ]
    assert any(
        f'hubspot: the deal "Engine" is of lead {gone} again; the record of lead {left}' in one
        for one in texts
    )


def test_a_field_that_was_answered_for_the_other_record_waits_again(store):
    house = with_rule(store, authority="hold")
    both_change(house)
    house.post(email=BO)
    house.settle()
    house.clock.advance(60)
    house.post(email=BO)
    house.settle()
    gone, left = say_same(house, [house.lead_id(HELD), house.lead_id(BO)])
    [hold] = waiting(house)
    assert hold.entity_id == left
    choose(house, hold, "theirs")
    assert waiting(house) == []
    undo(house, gone)
    [again] = waiting(house)
    assert (again.entity_id, again.ours, again.theirs) == (gone, "Founder", "CEO")
    choose(house, again, "theirs")
    house.settle()
    assert house.lead(HELD).fields["title"] == "CEO"
    assert waiting(house) == []


def test_who_waited_for_an_account_waits_again_where_the_word_was_on_the_two(store):
    house = a_matching_house(store)
    zed = {"email": "zed@gmail.com", "company": "Zenith", "city": "Paris", "country": "FR"}
    posted(house, {**CAT, "email": "ada@acme.com", "company": "Acme GmbH"}, CAT)
    house.clock.advance(60)
    posted(house, zed)
    gone, _ = say_same(house, [house.lead_id(CAT["email"]), house.lead_id(zed["email"])])
    acme = account_that(house, "ada@acme.com")
    said(house, zed["email"], acme)
    assert accounts_asked(house) == []
    undo(house, gone)
    assert (account_that(house, CAT["email"]), account_that(house, zed["email"])) == (None, acme)
    assert accounts_asked(house) == [(CAT["email"], "acme.com")]
