"""Leads are matched to the accounts that the store finds by keys, and people's words are kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from mappings.playbook import AccountMatch, Accounts, FieldRule
from model.lead import PERSON, Provenance
from sync import account_questions, accounts, inbox, leads, tables
from sync.deciding.joining import join
from tests.builders import NOON, a_lead, a_lifecycle, place
from tests.sync.house import House, a_house, house_playbook

MATCH = AccountMatch(0.99, 0.8, (), ("customer", "oldest"), "domain", place(3))
ADA = {"email": "ada@acme.com", "company": "Acme GmbH", "city": "Berlin", "country": "DE"}
BEN = {"email": "ben@gmail.com", "company": "ACME", "city": "Berlin", "country": "DE"}
CAT = {"email": "cat@gmail.com", "company": "Acmee", "city": "Berlin", "country": "DE"}


@pytest.fixture
def house(store) -> House:
    return a_matching_house(store)


def a_matching_house(store) -> House:
    """Build a house that matches accounts by evidence, and whose form has a city."""
    playbook = house_playbook(accounts=Accounts(match=MATCH))
    website = playbook.sources["website"]
    city = FieldRule("city", ("city",), (), place(4))
    source = replace(website, fields=(*website.fields, city))
    return a_house(store, playbook=replace(playbook, sources={"website": source}))


def account_of(house: House, address: str) -> str | None:
    with house.store.snapshot() as snapshot:
        found = house.lead_id(address)
        return leads.load(snapshot, [found])[found].get("account")


def posted(house: House, *posts: dict[str, str]) -> None:
    for post in posts:
        house.post(**post)
    house.decide()


def waiting(house: House) -> list[tuple[str, str]]:
    with house.store.snapshot() as snapshot:
        return [(one.email, one.domain) for one in account_questions.open_ones(snapshot, "main", limit=9)]


def said(house: House, address: str, account: str) -> None:
    house.clock.advance(1)
    lead = house.lead_id(address)
    event = account_questions.answer_event("main", lead, account, by="olga", now=house.clock.now())
    inbox.append(house.store, [event])
    house.decide()


@pytest.mark.parametrize("together", [True, False])
def test_an_account_of_the_same_batch_is_found_like_one_of_the_store(house, together):
    posted(house, *((ADA, BEN, CAT) if together else (ADA,)))
    posted(house, *(() if together else (BEN, CAT)))
    assert account_of(house, "ben@gmail.com") == account_of(house, "ada@acme.com")
    assert account_of(house, "cat@gmail.com") is None
    assert waiting(house) == [("cat@gmail.com", "acme.com")]
    with house.store.snapshot() as snapshot:
        [asked] = account_questions.open_ones(snapshot, "main", limit=9)
    assert asked.likely is not None
    assert MATCH.review <= asked.likely < MATCH.same
    assert "city same" in asked.evidence


def test_a_persons_word_is_kept_and_settles_the_question(house):
    posted(house, ADA, BEN, CAT)
    acme = account_of(house, "ada@acme.com")
    said(house, "cat@gmail.com", acme)
    assert (account_of(house, "cat@gmail.com"), waiting(house)) == (acme, [])
    said(house, "ben@gmail.com", "")
    posted(house, BEN, {**CAT, "company": "Zenith"})
    assert account_of(house, "ben@gmail.com") is None  # what it looks like is not asked again
    assert account_of(house, "cat@gmail.com") == acme
    assert waiting(house) == []


def test_a_key_that_too_many_share_finds_nobody(house):
    now, key = house.clock.now(), ("name_key", "acme")
    posted(house, ADA)
    with house.store.snapshot() as snapshot:
        known = snapshot.execute(sa.select(tables.accounts.c.id)).scalar_one()
        assert accounts.alike(snapshot, "main", [key]) == ({key: [known]}, set())
    columns = {"space": "main", "version": 1, "fields": {}, "provenance": {}, "name_key": "acme"}
    columns |= {"created_at": now, "updated_at": now}
    many = [columns | {"id": f"ac_{n}", "domain": f"{n}.com"} for n in range(accounts.MOST_ALIKE)]
    house.store.write(lambda on: on.execute(sa.insert(tables.accounts), many))
    with house.store.snapshot() as snapshot:
        assert accounts.alike(snapshot, "main", [key]) == ({}, {key})


@pytest.mark.parametrize("account", ["ac_acme", None])
def test_a_persons_word_on_the_account_of_either_outlives_a_join(account):
    survivor, absorbed = a_lead("one", account="ac_other"), a_lead("two")
    said = absorbed.provenance["account"] = Provenance(PERSON, NOON, 9)
    absorbed.fields["account"] = account
    join(survivor, absorbed, a_lifecycle(), where=PERSON, crms={})
    assert (survivor.fields.get("account"), survivor.provenance["account"]) == (account, said)
