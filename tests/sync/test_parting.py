"""Two leads that were joined by mistake are two again: the round trip, what came between, what cannot be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from model.lead import Activity, Identity, Lead, Link, Provenance, Touch
from model.timer import Timer
from sync import explain, forget, inbox, leads, remembered, tables
from sync.alike import pairs, walk
from sync.alike.pairs import SAME
from sync.deciding.joining import join
from sync.deciding.parting import part
from sync.drafts import copy_of
from sync.remembered import Ledgers, Memory, lead_from, lead_row
from tests.builders import NOON, a_lifecycle
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house
from tests.sync.stores import rows
from tests.sync.test_alike import ADA, AGAIN, answer, asked, compare, lead_id, posted

NAMES = ("email", "title", "company", "opted_out", "stage", "owner", "score", "first_touch", "consent_email")
MOMENTS = st.integers(0, 500).map(lambda minutes: NOON + timedelta(minutes=minutes))
VALUES = {
    "opted_out": st.booleans(),
    "consent_email": st.booleans(),
    "stage": st.sampled_from(("suspect", "prospect", "mql", "customer")),
    "score": st.integers(0, 90),
    "first_touch": MOMENTS.map(lambda at: {"at": at.isoformat(), "channel": "email"}),
}


@pytest.fixture
def house(store) -> House:
    return a_house(store)


# The round trip with nothing between, over made-up leads


@st.composite
def people(draw, name: str) -> Lead:
    """Make up a lead; ``name`` is in all that only one can have."""
    lead = Lead(f"ld_{name}", created_at=NOON, version=draw(st.integers(1, 9)))
    for field in draw(st.sets(st.sampled_from(NAMES))):
        lead.fields[field] = draw(VALUES.get(field, st.sampled_from(("x", "y", name))))
    for field in draw(st.sets(st.sampled_from(NAMES))):
        source = draw(st.sampled_from(("website", "rule", HUBSPOT, SALESFORCE, "provider:lookup")))
        lead.provenance[field] = Provenance(source, draw(MOMENTS), draw(st.integers(1, 5)))
    for connection in draw(st.sets(st.sampled_from((HUBSPOT, SALESFORCE)))):
        shadow = {"title": draw(st.sampled_from(("x", "z")))}
        gone_at = draw(st.sampled_from((None, None, NOON)))
        lead.links[connection] = Link(connection, "contacts", f"{name}1", shadow, shadow, 3, gone_at=gone_at)
    for kind in draw(st.sets(st.sampled_from(("score", "place")))):
        lead.timers[kind, ""] = Timer(kind, "", draw(MOMENTS), draw(MOMENTS), f"of {name}")
    lead.identities = {Identity("email", f"{name}@example.com")}
    lead.touches = [Touch(at, {"channel": name}) for at in sorted(draw(st.lists(MOMENTS, max_size=2)))]
    lead.activities = [Activity("visit", at, name) for at in sorted(draw(st.lists(MOMENTS, max_size=2)))]
    lead.asked = {("lookup", draw(st.sampled_from(("p", "q"))))}
    return lead


def as_it_is(lead: Lead) -> dict[str, object]:
    """Return all of a lead but how often its rows were written."""
    links = {name: replace(link, rev=0) for name, link in lead.links.items()}
    return {
        "row": lead_row(lead) | {"links": [], "provenance": []},
        "provenance": lead.provenance,
        "links": links,
        "touches": lead.touches,
        "activities": lead.activities,
        "identities": lead.identities,
        "timers": lead.timers,
    }


def remembered_by_store(lead: Lead) -> Lead:
    return lead_from(json.loads(json.dumps(lead_row(lead))))


@given(people("a"), people("b"))
def test_two_that_were_joined_and_parted_are_as_they_were(survivor, absorbed):
    now = copy_of(survivor)
    join(now, absorbed, a_lifecycle(), where="person", crms={}, purposes=("consent_email",))
    then, before, other = map(remembered_by_store, (now, survivor, absorbed))
    memory = Memory(other, before, then, 7, Ledgers(absorbed.touches, absorbed.activities))
    found = part(now, memory, ("consent_email",))
    assert as_it_is(found.survivor) == as_it_is(survivor)
    assert as_it_is(found.restored) == as_it_is(absorbed)
    assert [*found.since, *found.taken_along, *found.lost] == []


@given(people("a"), people("b"))
def test_an_opt_out_since_the_join_counts_for_both(survivor, absorbed):
    now = copy_of(survivor)
    join(now, absorbed, a_lifecycle(), where="person", crms={})
    memory = Memory(absorbed, survivor, copy_of(now), 7, Ledgers(absorbed.touches, absorbed.activities))
    now.fields["opted_out"], now.provenance["opted_out"] = True, Provenance("website", NOON, 8)
    found = part(now, memory)
    assert found.survivor.fields["opted_out"] is found.restored.fields["opted_out"] is True


# In the store


def undo(house: House, lead: str) -> list[str]:
    """Say that a lead was taken into another by mistake; return the reasons of what was decided."""
    house.clock.advance(1)
    event = pairs.undo_event("main", lead, by="olga", now=house.clock.now())
    inbox.append(house.store, [event])
    house.decide()
    number = max(row["id"] for row in rows(house.store, tables.inbox_events))
    line = next(row["id"] for row in rows(house.store, tables.audit) if row["event"] == number)
    [details] = [row["details"] for row in rows(house.store, tables.audit_details) if row["audit_id"] == line]
    house.settle()
    return [one["text"] for one in details["reasons"]]


def state(house: House) -> dict[str, object]:
    """Return what is stored of all leads and held by the CRMs, and what is wanted of these."""
    unlike = {"id", "version", "updated_at", "rev", "read_at", "modified_at"}  # how often rows were written
    found: dict[str, object] = {}
    of_leads = (tables.identities, tables.touches, tables.activities, tables.links, tables.assignments)
    for table in (*of_leads, tables.stage_history, tables.timers, tables.outbox_effects):
        kept = [
            {name: v for name, v in row.items() if name not in unlike} for row in rows(house.store, table)
        ]
        found[table.name] = sorted(map(repr, kept))
    with house.store.snapshot() as snapshot:
        ids = [row["id"] for row in rows(house.store, tables.leads)]
        known = leads.load(snapshot, ids)
    found["leads"] = {one.id: (one.fields, one.provenance, one.created_at) for one in known.values()}
    waiting = [row for row in rows(house.store, tables.outbox_changes) if row["wanted"] > row["done"]]
    found["wanted"] = {(row["entity_id"], row["connection"], row["object"]) for row in waiting}
    found["records"] = {name: dict(crm.records) for name, crm in house.crms.items()}
    return found


TWO = ({**ADA, "title": "Countess"}, {**AGAIN, "company": "Engines"})


def say_same(house: House, ids: Sequence[str]) -> tuple[str, str]:
    """Let two be one person by a person's word; nothing is delivered. Return who is gone, and who is left."""
    house.clock.advance(1)
    inbox.append(house.store, [pairs.answer_event("main", *ids, SAME, by="olga", now=house.clock.now())])
    house.decide()
    [left] = {row["id"] for row in rows(house.store, tables.leads)} & {*ids}
    return next(one for one in ids if one != left), left


def joined(house: House) -> tuple[str, str]:
    """Let two who are in both CRMs become one, and that be written; return who is gone, and who is left."""
    found = say_same(house, posted(house, *TWO))
    house.settle()
    return found


def test_the_round_trip_leaves_both_leads_and_what_is_wanted_as_they_were(house):
    ids = posted(house, *TWO)
    before = state(house)
    gone, _ = say_same(house, ids)
    undo(house, gone)
    assert state(house) == before


def test_what_was_written_into_a_record_and_stays_there_is_told(house):
    gone, left = joined(house)
    told = undo(house, gone)
    assert (
        f"blank again with lead {left}: title; a CRM that it was written to keeps it: clear it there" in told
    )


def test_the_pair_is_never_asked_about_or_joined_again(house):
    gone, left = joined(house)
    undo(house, gone)
    compare(house)
    assert asked(house) == []
    assert [(row["state"], row["by"]) for row in rows(house.store, tables.match_pairs)] == [
        ("different", "olga")
    ]
    assert walk.remind(house.store, "main", house.clock.now()) == 0
    assert {row["lead_id"] for row in rows(house.store, tables.match_keys)} == {gone, left}
    assert {lead_id(house, ADA), lead_id(house, AGAIN)} == {gone, left}


def test_what_was_posted_since_stays_with_who_took_the_other_in(house):
    gone, left = joined(house)
    ours = AGAIN if lead_id(house, AGAIN) == left else ADA
    house.clock.advance(60)
    house.post(**{**ours, "title": "Engineer"})
    house.settle()
    undo(house, gone)
    by_id = {row["id"]: row["fields"] for row in rows(house.store, tables.leads)}
    assert by_id[left]["title"] == "Engineer"
    assert by_id[gone].get("title") != "Engineer"


def test_what_can_be_undone_only_after_something_else_says_so(house):
    one, other, _ = posted(house, ADA, AGAIN, {**ADA, "email": "ada@lovelace.example"})
    answer(house, one, other, SAME)
    [gone] = {one, other} - {row["id"] for row in rows(house.store, tables.leads)}
    answer(house, *(row["id"] for row in rows(house.store, tables.leads)), SAME)
    assert any("undo that first" in text for text in undo(house, gone))
    assert len(rows(house.store, tables.leads)) == 1


def test_after_its_term_nothing_is_remembered(house):
    gone, left = joined(house)
    with house.store.snapshot() as snapshot:
        assert [one[0] for one in remembered.undoable(snapshot, left, house.clock.now())] == [gone]
    house.clock.advance(91 * 86400)
    house.store.write(lambda on: remembered.drop_old(on, "main", house.clock.now()))
    assert [row["kept"] for row in rows(house.store, tables.merged_leads)] == [None]
    assert any("the time to undo it is over" in text for text in undo(house, gone))


def test_of_records_that_were_merged_in_the_crm_the_undo_is_refused_and_says_what_to_do(house):
    gone, _ = joined(house)
    [merge] = [row for row in rows(house.store, tables.proposals) if row["connection"] == HUBSPOT]
    done = sa.update(tables.proposals).where(tables.proposals.c.id == merge["id"]).values(state="done")
    house.store.write(lambda on: on.execute(done))
    assert any("a merge there cannot be taken back. Make the second" in text for text in undo(house, gone))
    assert len(rows(house.store, tables.leads)) == 1


def test_who_is_forgotten_is_forgotten_with_what_the_join_remembers(house):
    _, left = joined(house)
    house.store.write(lambda on: forget.remove_test_leads(on, [left]))
    assert rows(house.store, tables.merged_leads) == []


def test_both_stories_tell_of_the_undo(house):
    gone, left = joined(house)
    undo(house, gone)
    with house.store.snapshot() as snapshot:
        for one in (gone, left):
            chapters = explain.read(snapshot, one).chapters
            told = [reason["text"] for chapter in chapters for reason in chapter.reasons]
            assert any("are two people; never joined again" in text for text in told)
            assert {write.connection for write in explain.read(snapshot, one).writes} == {HUBSPOT, SALESFORCE}


def test_an_address_goes_back_with_whose_key_it_is_though_it_was_said_since(house):
    gone, left = joined(house)
    [kept] = [row["fields"]["email"] for row in rows(house.store, tables.leads)]
    [theirs] = {ADA["email"], AGAIN["email"]} - {kept}
    house.clock.advance(60)
    house.post(email=theirs, title="Engineer")
    house.settle()
    assert house.lead(theirs).fields["email"] == theirs
    undo(house, gone)
    by_id = {row["id"]: row["fields"] for row in rows(house.store, tables.leads)}
    assert (by_id[gone]["email"], by_id[left]["title"]) == (theirs, "Engineer")
    assert {one["email"] for one in by_id.values()} == {ADA["email"], AGAIN["email"]}


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_record_that_came_along_goes_back_though_its_row_was_the_last(house):
    """SQLite gives the id of the row that a join removed to the row that it makes."""
    [one] = posted(house, TWO[0])
    in_salesforce = tables.links.c.connection == SALESFORCE
    house.store.write(lambda on: on.execute(sa.delete(tables.links).where(in_salesforce)))
    [other] = posted(house, TWO[1])
    house.clock.advance(60)
    house.post(**TWO[0])
    house.decide()
    assert say_same(house, (one, other)) == (other, one)
    assert house.lead(ADA["email"]).links.keys() == {HUBSPOT, SALESFORCE}
    undo(house, other)
    with house.store.snapshot() as snapshot:
        parted = leads.load(snapshot, [one, other])
    assert parted[other].links.keys() == {HUBSPOT, SALESFORCE}
    assert [row["state"] for row in rows(house.store, tables.inbox_events) if row["state"] == "dead"] == []


def test_who_gets_its_address_back_belongs_to_the_account_that_is_there(house):
    posts = [{**ADA, "email": f"ada@{name}.example"} for name in ("one", "two")]
    gone, left = say_same(house, posted(house, *posts))
    kept = next(row["fields"]["email"] for row in rows(house.store, tables.leads))
    [theirs] = {post["email"] for post in posts} - {kept}
    house.clock.advance(60)
    house.post(email=theirs, title="Engineer")
    house.settle()
    undo(house, gone)
    assert [row["error"] for row in rows(house.store, tables.inbox_events) if row["state"] == "dead"] == []
    domains = {row["id"]: row["domain"] for row in rows(house.store, tables.accounts)}
    by_id = {row["id"]: row["fields"] for row in rows(house.store, tables.leads)}
    assert {domains[one["account"]] for one in by_id.values()} == {"one.example", "two.example"}
    assert by_id[left]["email"] == kept


def test_a_word_on_somebody_who_was_taken_into_a_third_since_is_on_that_one(house):
    people = [{"email": f"{name}@{name}.example", "last_name": name} for name in ("bo", "cy", "ada", "di")]
    bo, cy, ada, di = posted(house, *people)
    answer(house, bo, cy, "different")
    answer(house, ada, bo, SAME)
    answer(house, cy, di, SAME)
    assert {row["id"] for row in rows(house.store, tables.leads)} == {ada, di}
    undo(house, bo)
    said = {(row["one"], row["other"], row["state"]) for row in rows(house.store, tables.match_pairs)}
    assert {(*pairs.ordered(bo, di), "different"), (*pairs.ordered(ada, bo), "different")} <= said
    assert not any(cy in each for each in said)
