"""Two leads that are one person: what counts, what names the other one and is moved, where its id leads."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from mappings.playbook import Person
from model.decision import Propose, RecordConflict
from model.errors import Conflict
from model.event import Event, EventKind, RecordRef
from model.lead import Activity, Link, Provenance
from sync import explain, inbox, joins, leads, tables
from sync.deciding.joining import join
from sync.deciding.surviving import Survivorship
from sync.delivery.claiming import claim
from sync.drafts import copy_of
from sync.joins import Join
from sync.reading.polling import changed_event
from tests.builders import NOON, a_lead, a_lifecycle, a_pool, a_routing, a_touch, at, place
from tests.sync.followed import ADA, BO, known
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house, house_playbook
from tests.sync.stores import rows

EVE = "eve@example.net"

STAYS = {
    "links": "the batch that joins them moves or drops links, each under its rev",
    "deal_parties": "has each deal once: deals.take_over drops what would be there twice",
    "merged_leads": "says whose the id is now",
    "timers": "the survivor's draft takes them over, and the save writes them",
    "audit": "is append-only, and committed to under the person's key; a story reads both leads' lines",
    "person_keys": "proves those lines",
    "match_keys": "go; the walk makes those of the survivor anew",
    "match_walks": "has a place in the walk there, no lead",
}
"""Tables that name a lead and are not changed by a join, and why."""


@pytest.fixture
def house(store) -> House:
    return a_house(store)


def save(house: House, absorbed: str, into: str, **given: Any) -> None:
    """Store that one lead was taken into another, and nothing else."""
    with house.store.snapshot() as snapshot:
        lead = leads.load(snapshot, [absorbed])[absorbed]
    one = given.get("join") or Join(lead, into, 7)
    house.store.write(lambda connection: joins.save(connection, "main", [one], house.clock.now()))


def merged_in_salesforce(house: House, loser: str, winner: str) -> Event:
    """Let people merge the records of two leads; return the event that the loser's is now the winner's."""
    crm = house.crms[SALESFORCE]
    lost, kept = (house.lead(one).links[SALESFORCE].remote_id for one in (loser, winner))
    crm.unite(lost, kept)
    now = house.clock.now()
    return changed_event(crm._record(lost, crm.records[lost]), now, now, "main", by_id=True)


def present(house: House, *ids: str) -> dict[str, str]:
    with house.store.snapshot() as snapshot:
        return joins.present_ids(snapshot, ids)


# What names the other lead


def naming_leads() -> list[sa.Table]:
    """Return the tables that name a lead in a column of its own."""
    return [one for one in tables.metadata.sorted_tables if "lead_id" in one.c]


def test_every_table_that_names_a_lead_is_moved_or_has_a_reason_not_to_be():
    assert {one.name for one in naming_leads()} == {one.name for one in joins.MOVED} | STAYS.keys()
    assert not {one.name for one in joins.MOVED} & STAYS.keys()


def a_row(table: sa.Table, **given: Any) -> dict[str, Any]:
    """Make up a row of a table: what may be left out is."""
    row = {}
    for column in table.columns:
        if column.nullable or column.server_default is not None or column.autoincrement is True:
            continue
        kind = column.type
        if isinstance(kind, tables.Moment):
            row[column.name] = NOON
        elif isinstance(kind, tables.Json):
            row[column.name] = {}
        else:
            row[column.name] = "x" if isinstance(kind, sa.String) else 1
    return row | {"space": "main"} | given


@pytest.mark.parametrize("table", joins.MOVED, ids=lambda table: table.name)
def test_what_names_the_absorbed_lead_names_the_other_one_then(house, table):
    known(house, ADA), known(house, BO)
    ours, theirs = house.lead_id(ADA), house.lead_id(BO)
    state = {
        tables.outbox_effects: {"state": "waiting"},
        tables.proposals: {"state": "open"},
        tables.deletions: {"state": "held"},
        tables.asks: {"state": "waiting"},
    }.get(table, {})
    row = a_row(table, lead_id=theirs, **state)
    house.store.write(lambda connection: connection.execute(sa.insert(table), row))
    before = [one for one in rows(house.store, table) if one["lead_id"] in (ours, theirs)]
    assert any(one["lead_id"] == theirs for one in before)
    save(house, theirs, ours)
    after = [one for one in rows(house.store, table) if one["lead_id"] in (ours, theirs)]
    assert after == [one | {"lead_id": ours} for one in before]


def test_once_two_are_one_no_column_but_those_with_a_reason_holds_the_others_id(house):
    known(house, ADA, title="CEO", phone="+4930123456"), known(house, BO, title="CEO", company="Acme")
    other = house.lead_id(BO)
    house.post(email=BO, country="DE")
    house.decide()  # what is on its way to the other one is dropped
    inbox.append(house.store, [merged_in_salesforce(house, BO, ADA)])
    house.settle()
    holding = {
        table.name
        for table in tables.metadata.sorted_tables
        for row in rows(house.store, table)
        for column in table.columns
        if not isinstance(column.type, tables.Json) and row[column.name] == other
    }
    assert holding <= STAYS.keys() - {"links"}
    assert house.lead_id(BO) == house.lead_id(ADA)


def hold(entity_id: str, field: str, **given: Any) -> dict[str, Any]:
    plain = {"connection": HUBSPOT, "entity_kind": "lead", "state": "open", "remote": field, "outcome": ""}
    return a_row(tables.holds, entity_id=entity_id, field=field, **plain | given)


def test_what_waits_for_a_person_is_the_others_unless_the_same_field_waits_there_already(house):
    known(house, ADA), known(house, BO)
    ours, theirs = house.lead_id(ADA), house.lead_id(BO)
    held = [
        hold(ours, "title", why="ours"),
        hold(theirs, "title", why="theirs"),
        hold(theirs, "title", why="elsewhere", connection=SALESFORCE),
        hold(theirs, "company", why="alone"),
        hold(theirs, "title", why="long since", state="settled"),
    ]
    house.store.write(lambda connection: connection.execute(sa.insert(tables.holds), held))
    save(house, theirs, ours)
    kept = rows(house.store, tables.holds)
    assert {one["entity_id"] for one in kept} == {ours}
    assert sorted(one["why"] for one in kept) == ["alone", "elsewhere", "long since", "ours"]


def test_a_lead_that_has_changed_since_it_was_loaded_is_not_taken_in_and_nothing_is_moved(house):
    known(house, ADA), known(house, BO)
    ours, before = house.lead_id(ADA), house.lead(BO)
    house.post(email=BO, title="CTO")
    house.decide()
    with pytest.raises(Conflict):
        save(house, before.id, ours, join=Join(before, ours, 7))
    assert house.lead_id(BO) == before.id
    assert present(house, before.id) == {}
    assert {row["lead_id"] for row in rows(house.store, tables.identities)} == {ours, before.id}


# Where an id leads


def test_ids_lead_on_through_several_joins(house):
    ids = {}
    for address in (ADA, BO, EVE):
        known(house, address)
        ids[address] = house.lead_id(address)
    save(house, ids[BO], ids[ADA])
    save(house, ids[ADA], ids[EVE])
    assert present(house, *ids.values(), "nobody") == {ids[ADA]: ids[EVE], ids[BO]: ids[EVE]}
    with house.store.snapshot() as snapshot:
        assert joins.absorbed_by(snapshot, ids[EVE]) == [ids[ADA], ids[BO]]
        assert joins.absorbed_by(snapshot, ids[BO]) == []


def test_an_id_leads_on_within_the_batch_that_takes_its_lead_into_a_third(house):
    ids = {}
    for address in (ADA, BO, EVE):
        known(house, address)
        ids[address] = house.lead_id(address)
    inbox.append(house.store, [merged_in_salesforce(house, BO, ADA)])
    house.settle()
    house.clock.advance(60)
    crm = house.crms[SALESFORCE]
    unnamed = crm.put("Lead", lead_id=ids[BO], company="Acme")  # bears no address, only our first id
    now = house.clock.now()
    bears_it = changed_event(crm._record(unnamed, crm.records[unnamed]), now, now, "main", by_id=True)
    inbox.append(house.store, [merged_in_salesforce(house, ADA, EVE), bears_it])
    assert house.decider.decide_batch() == 2
    assert {house.lead_id(address) for address in ids} == {ids[EVE]}
    asked = [row for row in rows(house.store, tables.reviews) if row["kind"] == "second_record"]
    assert [row["lead_id"] for row in asked] == [ids[EVE]]
    assert unnamed in asked[0]["detail"]["records"]


def test_two_who_are_one_are_one_open_lead_within_the_batch_that_joins_them(store):
    ann = Person("ann@example.com", place(50), open_leads=2)
    routing = replace(a_routing(pools=[a_pool("everyone", ann.email)]), people={ann.email: ann})
    house = a_house(store, playbook=house_playbook(routing=routing))
    known(house, ADA), known(house, BO)
    inbox.append(house.store, [merged_in_salesforce(house, BO, ADA)])
    house.post(email=EVE)
    assert house.decider.decide_batch() == 2
    assert house.lead_id(BO) == house.lead_id(ADA)
    assert house.lead(EVE).owner == ann.email


def test_what_names_an_id_that_was_taken_in_is_decided_for_the_other_lead(house):
    known(house, ADA), known(house, BO)
    theirs = house.lead_id(BO)
    inbox.append(house.store, [merged_in_salesforce(house, BO, ADA)])
    house.settle()
    crm = house.crms[HUBSPOT]
    calls = crm.called("read") + crm.called("update")
    change = {"connection": HUBSPOT, "object": "contacts", "lead_id": theirs}
    now = house.clock.now()
    asked = Event("replay", "again-1", EventKind.REPLAY, {"change": change, "by": "ann"}, now, now)
    inbox.append(house.store, [asked])
    house.decide()
    [decided] = [row for row in rows(house.store, tables.inbox_events) if row["event_id"] == "again-1"]
    assert decided["state"] == "done"
    wanted = {row["entity_id"] for row in rows(house.store, tables.outbox_changes)}
    assert theirs not in wanted
    house.settle()
    assert crm.called("read") + crm.called("update") == calls  # it lacks nothing over there


def test_the_story_of_a_lead_tells_of_those_it_took_in_and_is_found_by_their_ids(house):
    known(house, ADA), known(house, BO, company="Acme")
    ours, theirs = house.lead_id(ADA), house.lead_id(BO)
    with house.store.snapshot() as snapshot:
        before = explain.read(snapshot, theirs).chapters
    inbox.append(house.store, [merged_in_salesforce(house, BO, ADA)])
    house.settle()
    with house.store.snapshot() as snapshot:
        assert explain.find_lead(snapshot, "main", theirs, []) == ours
        told = explain.read(snapshot, ours).chapters
    assert before
    assert all(chapter in told for chapter in before)
    assert [one.event for one in told if one.event] == sorted(one.event for one in told if one.event)


def test_a_test_lead_goes_with_what_is_kept_of_those_it_took_in(house):
    known(house, ADA, _leadrelay_test=True), known(house, BO, _leadrelay_test=True)
    ours, theirs = house.lead_id(ADA), house.lead_id(BO)
    save(house, theirs, ours)
    now = house.clock.now()
    inbox.append(house.store, [Event("website", "forget-1", EventKind.FORGET, {"lead_id": ours}, now, now)])
    house.decide()
    assert rows(house.store, tables.merged_leads) == []
    assert rows(house.store, tables.person_keys) == []
    told = {row["audit_id"] for row in rows(house.store, tables.audit_details)}
    assert not told & {
        row["id"] for row in rows(house.store, tables.audit) if row["lead_id"] in (ours, theirs)
    }


# Reviews


def test_a_review_of_the_absorbed_lead_is_the_others_and_is_settled_as_such(house):
    known(house, ADA), known(house, BO)
    crm = house.crms[SALESFORCE]
    contact = crm.put("Contact", email=BO)
    now = house.clock.now()
    inbox.append(house.store, [changed_event(crm._record(contact, crm.records[contact]), now, now, "main")])
    house.decide()
    [asked] = rows(house.store, tables.reviews)
    assert (asked["kind"], asked["lead_id"]) == ("second_record", house.lead_id(BO))
    inbox.append(house.store, [merged_in_salesforce(house, BO, ADA)])
    house.settle()
    [asked] = [row for row in rows(house.store, tables.reviews) if row["kind"] == "second_record"]
    assert (asked["lead_id"], asked["state"]) == (house.lead_id(ADA), "open")
    lead = house.lead(ADA).links[SALESFORCE].remote_id
    crm.convert(lead, contact)
    now = house.clock.now()
    inbox.append(house.store, [changed_event(crm._record(lead, crm.records[lead]), now, now, "main")])
    house.settle()
    [asked] = [row for row in rows(house.store, tables.reviews) if row["kind"] == "second_record"]
    assert asked["state"] == "settled"


# What counts


def joined(survivor, absorbed, where: str = HUBSPOT) -> list:
    return join(survivor, absorbed, a_lifecycle(), where=where, crms=house_playbook().crms)[0]


def test_the_survivors_word_counts_and_what_lost_is_kept():
    ours = a_lead("L1", title="CTO", country="DE")
    theirs = a_lead("L2", title="Intern", country="DE", company="Acme", source="webinar")
    effects = joined(ours, theirs)
    assert ours.fields == {"title": "CTO", "country": "DE", "company": "Acme"}
    assert (ours.provenance["company"].source, ours.provenance["title"].source) == ("webinar", "website")
    assert effects == [RecordConflict(HUBSPOT, "title", "CTO", "Intern", "lead L2 was merged into this")]


@pytest.mark.parametrize("opted_out", [True, False])
def test_the_opt_out_of_either_is_kept(opted_out):
    ours, theirs = a_lead("L1", opted_out=opted_out), a_lead("L2", opted_out=not opted_out)
    joined(ours, theirs)
    assert ours.fields["opted_out"] is True


@pytest.mark.parametrize(
    ("one", "other", "kept"),
    [
        ("mql", "sql", "sql"),
        ("suspect", "disqualified", "disqualified"),
        ("customer", "nurture", "customer"),
        ("customer", "disqualified", "customer"),
    ],
)
def test_the_further_stage_is_kept_and_a_customer_is_one_whoever_survives(one, other, kept):
    for mine, yours in ((one, other), (other, one)):
        ours = a_lead("L1", stage=mine)
        joined(ours, a_lead("L2", stage=yours))
        assert ours.stage == kept


@pytest.mark.parametrize(
    ("ours", "theirs", "kept"),
    [
        ({}, {"reviewed_band": "warm"}, {"reviewed_band": "warm"}),
        ({"in_review": True}, {"reviewed_band": "warm"}, {"in_review": True, "reviewed_band": "warm"}),
        ({"reviewed_band": "warm"}, {"reviewed_band": "hot", "in_review": True},
         {"in_review": True, "reviewed_band": "warm"}),
    ],
)  # fmt: skip
def test_a_verdict_on_either_is_remembered(ours, theirs, kept):
    survivor = a_lead("A", stage="suspect", band="warm")
    survivor.fields |= ours
    absorbed = a_lead("B", stage="suspect", band="warm")
    absorbed.fields |= theirs
    joined(survivor, absorbed)
    assert {
        name: survivor.fields[name] for name in ("in_review", "reviewed_band") if name in survivor.fields
    } == kept


@pytest.mark.parametrize("of", ["ours", "theirs", "both"])
def test_a_wait_goes_on_from_the_earlier_beginning(of):
    survivor, absorbed = a_lead("A", stage="mql"), a_lead("B", stage="mql")
    if of != "theirs":
        survivor.fields["queued_since"] = "2026-03-02T00:00:00.000000Z"
    if of != "ours":
        absorbed.fields["queued_since"] = "2026-03-01T00:00:00.000000Z"
    told = joined(survivor, absorbed)
    day = 2 if of == "ours" else 1
    assert (survivor.fields["queued_since"], told) == (f"2026-03-0{day}T00:00:00.000000Z", [])


def test_the_earlier_first_and_the_later_last_touch_are_kept_and_all_in_order():
    first, second = {"at": "2026-01-01T00:00:00Z"}, {"at": "2026-02-01T00:00:00Z"}
    ours = a_lead("L1", first_touch=second, last_touch=first, touches=[a_touch(5)])
    theirs = a_lead("L2", first_touch=first, last_touch=second, touches=[a_touch(1), a_touch(9)])
    ours.activities, theirs.activities = [Activity("demo", at(3))], [Activity("visit", at(2))]
    assert joined(ours, theirs) == []
    assert (ours.fields["first_touch"], ours.fields["last_touch"]) == (first, second)
    assert [touch.at for touch in ours.touches] == [at(1), at(5), at(9)]
    assert [one.kind for one in ours.activities] == ["visit", "demo"]


def test_score_and_account_follow_from_the_rest_and_keys_are_both_leads():
    ours, theirs = a_lead("L1", email=ADA, score=5), a_lead("L2", email=BO, score=9, account="A1")
    keys = ours.identities | theirs.identities
    joined(ours, theirs)
    assert (ours.fields, ours.identities) == ({"email": ADA, "score": 5}, keys)


def link(name: str, remote_id: str, **given: Any) -> Link:
    fields = given.pop("shadow", {}), given.pop("written", {})
    return Link(name, "contacts", remote_id, *fields, rev=3, **given)


def test_a_record_that_only_the_absorbed_lead_has_is_the_persons_now():
    ours, theirs = a_lead("L1"), a_lead("L2", links={SALESFORCE: link(SALESFORCE, "s2")})
    assert joined(ours, theirs) == []
    assert (ours.links[SALESFORCE].remote_id, ours.links[SALESFORCE].rev) == ("s2", 0)


def test_a_living_record_takes_the_place_of_a_deleted_one_and_not_the_other_way_round():
    gone = link(SALESFORCE, "s1", gone_at=NOON - timedelta(days=1))
    ours = a_lead("L1", links={SALESFORCE: gone})
    assert joined(ours, a_lead("L2", links={SALESFORCE: link(SALESFORCE, "s2")})) == []
    assert ours.links[SALESFORCE].remote_id == "s2"
    assert joined(ours, a_lead("L3", links={SALESFORCE: gone})) == []
    assert ours.links[SALESFORCE].remote_id == "s2"


def test_where_both_have_a_record_elsewhere_a_person_is_asked_to_merge_them():
    ours = a_lead("L1", links={SALESFORCE: link(SALESFORCE, "s1")})
    [asked] = joined(ours, a_lead("L2", links={SALESFORCE: link(SALESFORCE, "s2")}))
    keep, lose = (RecordRef(SALESFORCE, "contacts", one) for one in ("s1", "s2"))
    assert asked == Propose("merge", lose, f"merged in {HUBSPOT}", keep)
    assert ours.links[SALESFORCE].remote_id == "s1"


def test_where_they_were_merged_what_we_wrote_to_either_is_ours():
    ours = a_lead("L1", links={HUBSPOT: link(HUBSPOT, "h1", written={"title": "CTO"})})
    theirs = a_lead("L2", links={HUBSPOT: link(HUBSPOT, "h2", written={"title": "x", "company": "Acme"})})
    assert joined(ours, theirs) == []
    assert (ours.links[HUBSPOT].remote_id, ours.links[HUBSPOT].written) == (
        "h1",
        {"title": "CTO", "company": "Acme"},
    )


def test_a_lead_does_not_take_another_one_in_while_the_answer_to_a_call_would_end_a_doubt_it_inherits(house):
    known(house, ADA, title="CEO"), known(house, BO, title="Boss")
    for one in (BO, ADA):
        house.post(email=one, title="CTO")
        house.decide()
        house.crms[SALESFORCE].next("update", lost=True)
        if one == BO:
            house.deliver(SALESFORCE)
    assert claim(house.targets[SALESFORCE]) is not None  # of ADA: the other's waits for its next try
    with pytest.raises(Conflict, match="has just begun"):
        save(house, house.lead_id(BO), house.lead_id(ADA))
    assert present(house, house.lead_id(BO)) == {}


# A record that comes along


def read(house: House, name: str, remote_id: str) -> None:
    """Let a record be read by id as it is now, and all follow from it."""
    crm, now = house.crms[name], house.clock.now()
    record = crm._record(remote_id, crm.records[remote_id])
    inbox.append(house.store, [changed_event(record, now, now, "main", by_id=True)])
    house.settle()
    house.clock.advance(60)


def first_names(house: House) -> set[str]:
    """Return what the lead and its records hold as the first name."""
    lead = house.lead(ADA)
    there = [house.crms[name].records[one.remote_id].fields for name, one in lead.links.items()]
    return {one["first_name"] for one in (lead.fields, *there)}


def test_what_people_typed_into_a_record_that_comes_along_stands_on_all_sides(house):
    ours, theirs = known(house, ADA, first_name="Bo"), known(house, BO)
    crm = house.crms[HUBSPOT]
    crm.edit(theirs[HUBSPOT], first_name="Ada")
    read(house, HUBSPOT, theirs[HUBSPOT])
    crm.archive(ours[HUBSPOT])
    read(house, HUBSPOT, ours[HUBSPOT])
    inbox.append(house.store, [merged_in_salesforce(house, BO, ADA)])
    house.settle()
    assert house.lead(ADA).links[HUBSPOT].remote_id == theirs[HUBSPOT]
    assert first_names(house) == {"Ada"}
    [lost] = [row for row in rows(house.store, tables.conflicts) if row["field"] == "first_name"]
    assert (lost["kept"], lost["lost"]) == ("Ada", "Bo")


def test_what_a_person_said_of_the_survivor_is_written_over_it(house):
    ours, theirs = known(house, ADA), known(house, BO)
    for name, remote_id, value in (
        (HUBSPOT, theirs[HUBSPOT], "Ada"),
        (SALESFORCE, ours[SALESFORCE], "Bo"),
    ):
        house.crms[name].edit(remote_id, first_name=value)
        read(house, name, remote_id)
    house.crms[HUBSPOT].archive(ours[HUBSPOT])
    read(house, HUBSPOT, ours[HUBSPOT])
    inbox.append(house.store, [merged_in_salesforce(house, BO, ADA)])
    house.settle()
    assert first_names(house) == {"Bo"}


def test_what_people_typed_is_theirs_though_a_form_had_said_it_before():
    typed = link(HUBSPOT, "h2", shadow={"first_name": "Ada"})
    ours = a_lead("L1", first_name="Bo", links={SALESFORCE: link(SALESFORCE, "s1")})
    theirs = a_lead("L2", first_name="Ada", links={HUBSPOT: typed})
    joined(ours, theirs, SALESFORCE)
    assert (ours.fields["first_name"], ours.provenance["first_name"].source) == ("Ada", HUBSPOT)


@pytest.mark.parametrize(
    "record",
    [
        link(HUBSPOT, "h2", shadow={"first_name": "Ada"}, written={"first_name": "Ada"}),
        link(HUBSPOT, "h2", shadow={"first_name": "Ada"}, gone_at=NOON),
        link(HUBSPOT, "h2", shadow={"title": "CEO"}),
        link(HUBSPOT, "h2", shadow={"first_name": " "}),
    ],
    ids=["written by us", "deleted", "the map does not leave it to people", "blank"],
)
def test_else_the_survivors_word_counts_there_too(record):
    ours = a_lead("L1", first_name="Bo", title="CTO")
    joined(ours, a_lead("L2", first_name="Ada", title="CEO", links={HUBSPOT: record}), SALESFORCE)
    assert ours.fields == {"first_name": "Bo", "title": "CTO"}


def test_where_the_survivor_has_a_record_of_its_own_its_word_counts():
    own = link(HUBSPOT, "h1", shadow={"first_name": "Bo"}, written={"first_name": "Bo"})
    ours = a_lead("L1", first_name="Bo", links={HUBSPOT: own})
    typed = link(HUBSPOT, "h2", shadow={"first_name": "Ada"})
    joined(ours, a_lead("L2", first_name="Ada", links={HUBSPOT: typed}), SALESFORCE)
    assert ours.fields["first_name"] == "Bo"


@pytest.mark.parametrize(
    ("how", "name", "ours", "theirs", "stays"),
    [
        ("newest", "title", ("CEO", at(1)), ("CTO", at(2)), "CTO"),
        ("newest", "title", ("CEO", at(2)), ("CTO", at(1)), "CEO"),
        ("oldest", "title", ("CEO", at(2)), ("CTO", at(1)), "CTO"),
        ("longest", "company", ("Acme", at(1)), ("Acme Limited", at(1)), "Acme Limited"),
        ("max", "employees", (5, at(1)), (50, at(1)), 50),
        ("min", "employees", (5, at(1)), (50, at(1)), 5),
        ("newest", "title", ("CEO", at(1)), ("CTO", at(1)), "CEO"),
    ],
)
def test_which_value_stays_is_said_for_each_field(how, name, ours, theirs, stays):
    one, other = (
        replace(a_lead(id=lead_id, **{name: value}), provenance={name: Provenance("website", since, 3)})
        for lead_id, (value, since) in (("ld_a", ours), ("ld_b", theirs))
    )
    join(one, other, a_lifecycle(), where="person", crms={}, survivorship=Survivorship({name: how}))
    assert one.fields[name] == stays


def test_the_fuller_lead_and_a_person_can_have_the_word():
    one, other = a_lead(id="ld_a", title="CEO"), a_lead(id="ld_b", title="CTO", city="Ulm", country="DE")
    one.provenance["title"] = Provenance("provider:lookup", NOON, 3)
    for how in ("most_complete", "human"):
        other.provenance["title"] = Provenance("website", NOON, 4)
        draft = copy_of(one)
        join(draft, other, a_lifecycle(), where="person", crms={}, survivorship=Survivorship({"title": how}))
        assert draft.fields["title"] == "CTO", how


@pytest.mark.parametrize(
    ("ours", "theirs", "stays", "why"),
    [
        ("website", "salesforce", "theirs", "the word of salesforce"),
        ("salesforce", "website", "ours", "the word of salesforce"),
        ("webinar", "website", "theirs", "the word of website"),
        ("webinar", "calendly", "theirs", "newest"),  # nobody is named: the rule of the field
        ("salesforce", "salesforce", "theirs", "newest"),
    ],
)
def test_the_word_of_a_source_that_is_named_stays_and_of_two_the_first(ours, theirs, stays, why):
    one, other = (
        replace(a_lead(id=lead_id, title=title), provenance={"title": Provenance(source, at(n), n)})
        for n, (lead_id, title, source) in enumerate((("ld_a", "ours", ours), ("ld_b", "theirs", theirs)), 1)
    )
    rules = Survivorship({"title": "newest"}, {"title": ("salesforce", "website")})
    _, reasons = join(one, other, a_lifecycle(), where="person", crms={}, survivorship=rules)
    assert one.fields["title"] == stays
    whose = "ld_a" if stays == "ours" else "ld_b"
    assert f"title: {why} stays, that of lead {whose}" in [each.because.text for each in reasons]
