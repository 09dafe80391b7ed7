"""People who are in a CRM already are matched when they are decided, by what the mirror knows of them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from handlers.registry import build
from mappings.values.identity import email_identity
from model.change import Gone
from model.event import EventState
from model.lead import Lead
from sync import explain, leads, matching
from sync.reading import backfill
from sync.reading.backfill import Backfill
from sync.reading.matchpass import MatchPass
from sync.tables import assignments, conflicts, inbox_events, mirror, outbox_changes, reviews
from tests.builders import mapped
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house, a_map, house_playbook
from tests.sync.stores import rows

ADA = "ada@example.com"


@pytest.fixture
def house(store) -> House:
    return a_house(store)


def fill(house: House, *names: str) -> None:
    """Mirror the CRMs from end to end; it takes some time, as with any CRM."""
    for name in names or tuple(house.crms):
        crm = house.crms[name]
        crm.companies = ("companies", ()) if name == HUBSPOT else ("Account", ())
        job = Backfill(crm, house.store, house.clock, lambda: house.playbook)
        while (step := job.step()) is not None:
            assert step.problem is None
    house.clock.advance(60)


def match_all(house: House, name: str) -> int:
    """Run the pass over leads that were there before; return how many were handed in."""
    handed = 0
    job = MatchPass(name, house.store, house.clock, lambda: house.playbook)
    while (step := job.step()) is not None:
        handed += step.records
        house.decide()
    return handed


def post(house: House, email: str = ADA, **fields: Any) -> None:
    house.post(email=email, **{"title": "CEO", "country": "DE"} | fields)
    house.decide()


def linked(house: House, email: str = ADA) -> dict[str, tuple[str, str]]:
    return {name: (link.object, link.remote_id) for name, link in whose(house, email).links.items()}


def whose(house: House, email: str) -> Lead:
    """Return the lead that this address finds, whatever address it has in the CRM."""
    key = email_identity(email)
    with house.store.snapshot() as snapshot:
        lead_id = leads.find(snapshot, "main", [key])[key]
        return leads.load(snapshot, [lead_id])[lead_id]


def settled(house: House, email: str = ADA) -> None:
    house.settle()
    assert not [row for row in rows(house.store, outbox_changes) if row["dead"] > row["done"]]


# At decision time


def test_who_is_in_a_crm_keeps_owner_and_values_and_no_turn_is_used(house):
    there = house.crms[HUBSPOT].put("contacts", email=ADA, first_name="Augusta", owner="o2", phone="+49301")
    fill(house)
    post(house, first_name="Ada")
    lead = house.lead(ADA)
    assert linked(house) == {HUBSPOT: ("contacts", there)}
    assert (lead.owner, lead.fields["first_name"]) == ("bo@example.com", "Augusta")
    [row] = rows(house.store, assignments)
    assert (row["owner"], row["pool"]) == ("bo@example.com", "")
    [lost] = rows(house.store, conflicts)
    assert (lost["field"], lost["lost"]) == ("first_name", "Ada")


def test_the_link_remembers_what_was_read_and_when(house):
    there = house.crms[HUBSPOT].put("contacts", email=ADA, title="Countess")
    read_at = house.clock.now()
    fill(house)
    post(house)
    link = house.lead(ADA).links[HUBSPOT]
    assert (link.remote_id, link.read_at, link.written) == (there, read_at, {})
    assert link.shadow["title"] == "Countess"


def test_nobody_is_looked_up_or_created_whom_the_mirror_knows(house):
    house.crms[HUBSPOT].put("contacts", email=ADA)
    house.crms[SALESFORCE].put("Lead", email=ADA)
    fill(house)
    post(house)
    settled(house)
    assert house.crms[SALESFORCE].called("find") == 0
    assert {name: crm.called("create") for name, crm in house.crms.items()} == {HUBSPOT: 0, SALESFORCE: 0}
    for crm in house.crms.values():
        assert crm.one(ADA)["score"] == house.lead(ADA).score


def test_because_lines_say_where_the_person_was_found(house):
    there = house.crms[HUBSPOT].put("contacts", email=ADA, owner="o2")
    fill(house)
    post(house)
    story = told(house, ADA)
    assert f"found in the mirror of hubspot as contacts {there}; linked" in story
    assert "owner: hubspot's value taken, leadrelay had none" in story
    assert "owner kept: the lead has one" in story


def told(house: House, email: str) -> list[str]:
    with house.store.snapshot() as snapshot:
        story = explain.read(snapshot, house.lead_id(email))
    return [reason["text"] for chapter in story.chapters for reason in chapter.reasons]


def test_before_anybody_judges_the_lead_the_crms_stage_is_known(house):
    house.crms[HUBSPOT].put("contacts", email=ADA, stage="sql")
    fill(house)
    post(house)
    assert house.lead(ADA).stage == "sql"


def test_a_contact_comes_before_a_lead_and_our_id_before_an_address(house):
    crm = house.crms[SALESFORCE]
    crm.put("Lead", email=ADA)
    contact = crm.put("Contact", email=ADA)
    fill(house)
    post(house)
    assert linked(house)[SALESFORCE] == ("Contact", contact)
    settled(house)
    assert len(crm.by_email(ADA)) == 2


def test_of_several_the_oldest_is_the_person(house):
    crm = house.crms[SALESFORCE]
    crm.put("Lead", email=ADA, CreatedDate="2026-02-01T00:00:00Z")
    oldest = crm.put("Lead", email=ADA, CreatedDate="2025-02-01T00:00:00Z")
    fill(house)
    post(house)
    assert linked(house)[SALESFORCE] == ("Lead", oldest)


def test_a_converted_lead_counts_as_the_contact_it_became(house):
    crm = house.crms[SALESFORCE]
    lead = crm.put("Lead", email=ADA)
    contact = crm.put("Contact", email="ada.king@example.com")  # the address was changed since
    crm.became[lead] = contact
    fill(house)
    post(house)
    assert linked(house)[SALESFORCE] == ("Contact", contact)


def test_a_converted_lead_whose_contact_is_not_there_is_left_to_a_look_up(house):
    crm = house.crms[SALESFORCE]
    crm.became[crm.put("Lead", email=ADA)] = "s99"
    fill(house)
    post(house)
    assert SALESFORCE not in linked(house)


def test_the_playbook_may_say_that_a_contact_is_not_the_person(house):
    house.playbook = house_playbook(crms={SALESFORCE: a_map(SALESFORCE, "Lead", "Contact", match=("Lead",))})
    house.handlers = build(house.playbook)
    crm = house.crms[SALESFORCE]
    crm.put("Contact", email=ADA)
    lead = crm.put("Lead", email=ADA)
    fill(house, SALESFORCE)
    post(house)
    assert linked(house)[SALESFORCE] == ("Lead", lead)


def test_a_known_lead_without_a_record_is_matched_by_its_next_post(house):
    post(house)
    there = house.crms[HUBSPOT].put("contacts", email=ADA)
    fill(house)
    post(house, title="CTO")
    assert linked(house)[HUBSPOT] == ("contacts", there)


def test_a_lead_whose_address_was_changed_in_the_crm_is_found_by_our_id(house):
    post(house)
    there = house.crms[SALESFORCE].put("Lead", email="ada@other.example", lead_id=house.lead_id(ADA))
    house.crms[SALESFORCE].put("Contact", email=ADA)
    fill(house)
    post(house, title="CTO")
    assert linked(house)[SALESFORCE] == ("Lead", there)


# When it is not asked


@pytest.mark.parametrize("walked", [0, 1])
def test_a_mirror_that_is_not_whole_is_not_asked(house, walked):
    crm = house.crms[SALESFORCE]
    crm.put("Contact", email=ADA)
    job = Backfill(crm, house.store, house.clock, lambda: house.playbook)
    for _ in range(walked):
        job.step()  # the Contacts alone: among the Leads there may be her older record
    post(house)
    assert linked(house) == {}


def test_before_the_owners_are_known_the_mirror_is_not_asked(store):
    house = a_house(store, rosters=False)
    house.crms[HUBSPOT].put("contacts", email=ADA, owner="o2")
    fill(house)
    post(house)
    assert linked(house) == {}


def test_a_batch_of_people_who_are_linked_asks_nothing(house, monkeypatch):
    for name in house.crms:
        house.crms[name].put("contacts" if name == HUBSPOT else "Lead", email=ADA)
    fill(house)
    post(house)
    monkeypatch.setattr(matching, "whole", lambda *_: pytest.fail("the mirror was asked"))
    post(house, title="CTO")
    assert house.lead(ADA).fields["title"] == "CTO"


def test_a_batch_asks_once_however_many_posts_it_holds(house, monkeypatch):
    asked = []
    real = matching.load
    monkeypatch.setattr(matching, "load", lambda *given: asked.append(given[2]) or real(*given))
    fill(house)
    for n in range(50):
        house.post(email=f"p{n}@example.com", title="CEO", country="DE")
    house.decide()
    assert [set(one) for one in asked] == [{HUBSPOT, SALESFORCE}]


def test_a_field_that_was_never_read_is_not_taken_for_blank(house):
    there = house.crms[HUBSPOT].put("contacts", email=ADA, city="London")
    fill(house)
    playbook = house.playbook
    contacts = playbook.crms[HUBSPOT].objects["contacts"]
    longer = replace(contacts, fields=(*contacts.fields, mapped("city", "city", "crm")))
    house.playbook = replace(
        playbook,
        crms={**playbook.crms, HUBSPOT: replace(playbook.crms[HUBSPOT], objects={"contacts": longer})},
    )
    house.handlers = build(house.playbook)
    house.restart()
    post(house)
    assert HUBSPOT not in linked(house)
    assert any("but not its city; it is left to a look-up" in text for text in told(house, ADA))
    settled(house)
    assert linked(house)[HUBSPOT] == ("contacts", there)
    assert house.crms[HUBSPOT].one(ADA)["city"] == "London"


# Two leads never get one record


def test_a_phone_in_the_mirrored_record_that_is_another_leads_key_stays_theirs(store):
    playbook = house_playbook()
    phones = a_map(HUBSPOT, "contacts")
    contact = phones.objects["contacts"]
    fields = (*contact.fields, mapped("phone", "phone", "newest"))
    phones = replace(phones, objects={"contacts": replace(contact, fields=fields)})
    house = a_house(store, playbook=replace(playbook, crms={**playbook.crms, HUBSPOT: phones}))
    house.crms[HUBSPOT].put("contacts", email=ADA, phone="+49 30 1234567")
    fill(house)
    post(house, "bo@example.com", phone="+49 30 1234567")
    post(house)
    assert [row["state"] for row in rows(house.store, inbox_events) if row["kind"] == "intake"] == [
        "new",
        "new",
    ]
    assert whose(house, ADA).links[HUBSPOT]
    assert whose(house, ADA).fields["phone"] == whose(house, "bo@example.com").fields["phone"]


def test_two_leads_never_get_one_record(house):
    there = house.crms[HUBSPOT].put("contacts", email=ADA)
    fill(house)
    with house.store.snapshot() as snapshot:
        [row] = snapshot.execute(sa.select(mirror)).all()
    assert row.remote_id == there
    post(house)
    # The contact gets a second address by hand, and the mirror sees it before that person posts.
    house.crms[HUBSPOT].edit(there, email="ada@second.example")
    house.store.write(partial(backfill.begin_again, space="main", name=HUBSPOT, now=house.clock.now()))
    fill(house, HUBSPOT)
    post(house, "ada@second.example")
    assert linked(house, "ada@second.example") == {}
    house.settle()
    assert linked(house)[HUBSPOT] == ("contacts", there)
    assert HUBSPOT not in linked(house, "ada@second.example")
    [asked] = rows(house.store, reviews)  # once, though the record's address and the post both ask
    assert asked["detail"]["leads"] == sorted(house.lead_id(who) for who in (ADA, "ada@second.example"))


def test_two_posts_of_one_batch_get_one_record_once(house):
    there = house.crms[HUBSPOT].put("contacts", email=ADA)
    fill(house)
    house.post(email=ADA, title="CEO", country="DE")
    house.post(email=ADA, title="CTO", country="DE")
    house.decide()
    assert linked(house)[HUBSPOT] == ("contacts", there)
    settled(house)


# The mirror is old


@pytest.mark.parametrize("name", [HUBSPOT, SALESFORCE])
def test_a_record_that_was_deleted_since_is_made_anew(house, name):
    crm = house.crms[name]
    gone = crm.put("contacts" if name == HUBSPOT else "Lead", email=ADA)
    fill(house)
    crm.records[gone].archived = True
    post(house)
    assert linked(house)[name][1] == gone
    settled(house)
    assert linked(house)[name][1] != gone
    assert [one for one in crm.by_email(ADA) if not crm.records[one].archived] == [linked(house)[name][1]]
    [row] = [row for row in rows(house.store, mirror) if row["remote_id"] == gone]
    assert row["is_archived"]


def test_who_is_made_anew_as_another_object_is_made_once(house):
    crm = house.crms[SALESFORCE]
    gone = crm.put("Contact", email=ADA)
    fill(house)
    post(house)
    house.post(email=ADA, title="CTO")  # decided after the read, before what the read found
    crm.records[gone].archived = True
    house.deliver(SALESFORCE)
    settled(house)
    [made] = [one for one in crm.by_email(ADA) if not crm.records[one].archived]
    assert linked(house)[SALESFORCE] == ("Lead", made)


def test_a_lead_that_was_converted_since_is_written_as_the_contact(house):
    crm = house.crms[SALESFORCE]
    lead = crm.put("Lead", email=ADA)
    fill(house)
    crm.records[lead].archived = True  # as an update or a read by id finds it
    contact = crm.put("Contact", email=ADA)
    post(house)
    settled(house)
    assert linked(house)[SALESFORCE] == ("Contact", contact)
    assert crm.called("create") == 0


@pytest.mark.parametrize("is_read_first", [False, True])
def test_what_was_typed_into_a_record_that_is_gone_before_we_wrote_is_taken_in(house, is_read_first):
    crm = house.crms[SALESFORCE]
    lead = crm.put("Lead", email=ADA, company="Acme")
    fill(house)
    post(house)
    if not is_read_first:
        crm.edit(lead, company="Acme SE")
        house.deliver(SALESFORCE)  # it is read, and merged before anything is written
        house.decide()
    assert linked(house)[SALESFORCE] == ("Lead", lead)
    crm.edit(lead, company="Zeta")
    crm.records[lead].archived = True
    contact = crm.put("Contact", email=ADA)
    settled(house)
    assert linked(house)[SALESFORCE] == ("Contact", contact)
    assert house.lead(ADA).fields["company"] == house.crms[HUBSPOT].one(ADA)["company"] == "Zeta"


def test_a_record_on_which_we_wrote_and_that_was_deleted_is_written_no_more(house):
    there = house.crms[HUBSPOT].put("contacts", email=ADA)
    fill(house)
    post(house)
    settled(house)
    house.crms[HUBSPOT].records[there].archived = True
    post(house, title="CTO")
    house.settle()
    assert not [row for row in rows(house.store, outbox_changes) if row["dead"] > row["done"]]
    assert house.lead(ADA).links[HUBSPOT].gone_at is not None


def test_a_link_is_given_up_once_and_never_round_and_round(house, monkeypatch):
    crm = house.crms[SALESFORCE]
    there = crm.put("Lead", email=ADA)
    fill(house)
    # A query finds it, but every write says that it is not there.
    monkeypatch.setattr(crm, "_update", lambda change: Gone(change.key, "not there"))
    post(house)
    house.settle()
    [dead] = [row for row in rows(house.store, outbox_changes) if row["dead"] > row["done"]]
    assert dead["connection"] == SALESFORCE
    assert linked(house)[SALESFORCE] == ("Lead", there)
    kinds = [row["kind"] for row in rows(house.store, inbox_events)]
    assert kinds.count("gone") == 1


def test_an_edit_since_then_is_read_before_the_first_write(house):
    there = house.crms[HUBSPOT].put("contacts", email=ADA, title="Countess", owner="o1")
    fill(house)
    house.crms[HUBSPOT].edit(there, owner="o2", title="Duchess")
    post(house)
    assert house.lead(ADA).owner == "ann@example.com"
    settled(house)
    assert house.lead(ADA).owner == "bo@example.com"
    assert house.crms[HUBSPOT].one(ADA)["owner"] == "o2"


# Leads that were there before


def test_leads_that_were_there_before_are_matched_once_the_mirror_is_whole(house):
    for n in range(30):
        house.post(email=f"p{n}@example.com", title="CEO", country="DE")
    house.decide()
    there = {
        f"p{n}@example.com": house.crms[HUBSPOT].put("contacts", email=f"p{n}@example.com")
        for n in range(0, 30, 3)
    }
    assert match_all(house, HUBSPOT) == 0  # too early
    fill(house)
    assert match_all(house, HUBSPOT) == 10
    for n in range(30):
        email = f"p{n}@example.com"
        assert linked(house, email).get(HUBSPOT) == (("contacts", there[email]) if email in there else None)
    assert match_all(house, HUBSPOT) == 0
    states = {row["state"] for row in rows(house.store, inbox_events) if row["kind"] == "found"}
    assert states == {EventState.DONE}


def test_the_pass_may_be_broken_off_and_repeated(house, monkeypatch):
    for n in range(20):
        house.post(email=f"p{n}@example.com", title="CEO", country="DE")
        house.crms[HUBSPOT].put("contacts", email=f"p{n}@example.com")
    house.decide()
    fill(house)
    monkeypatch.setattr("sync.reading.passes.CHUNK", 7)
    job = MatchPass(HUBSPOT, house.store, house.clock, lambda: house.playbook)
    job.step()
    again = MatchPass(HUBSPOT, house.store, house.clock, lambda: house.playbook)  # another process
    handed = [step.records for step in iter(again.step, None)]
    assert handed == [7, 6]
    house.decide()
    assert all(HUBSPOT in linked(house, f"p{n}@example.com") for n in range(20))


def test_what_was_linked_meanwhile_is_newer_than_the_mirror(house):
    post(house)
    crm = house.crms[HUBSPOT]

    def meanwhile() -> None:  # she was created, and before that is known here the mirror has her, too
        fill(house)
        assert MatchPass(HUBSPOT, house.store, house.clock, lambda: house.playbook).step() is not None

    crm.next("create", after=meanwhile)
    house.deliver(HUBSPOT)
    before = house.lead(ADA)
    house.decide()
    assert house.lead(ADA).links == before.links
    assert "linked on hubspot by now; what the mirror had is older" in told(house, ADA)


def test_while_many_events_wait_the_pass_lets_them_go_first(house, monkeypatch):
    monkeypatch.setattr("sync.inbox.QUEUE", 3)
    post(house)
    house.crms[HUBSPOT].put("contacts", email=ADA)
    fill(house)
    for n in range(4):
        house.post(email=f"p{n}@example.com", title="CEO", country="DE")
    job = MatchPass(HUBSPOT, house.store, house.clock, lambda: house.playbook)
    step = job.step()
    assert step is not None
    assert (step.records, step.wait) == (0, 1.0)
    house.decide()
    assert match_all(house, HUBSPOT) == 1


def test_a_new_backfill_is_followed_by_a_new_pass(house):
    post(house)
    fill(house)
    assert match_all(house, HUBSPOT) == 0
    house.crms[HUBSPOT].put("contacts", email=ADA)
    house.store.write(partial(backfill.begin_again, space="main", name=HUBSPOT, now=house.clock.now()))
    fill(house, HUBSPOT)
    assert match_all(house, HUBSPOT) == 1
    assert HUBSPOT in linked(house)
