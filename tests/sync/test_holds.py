"""What a person must decide: held on both sides, chosen once, and kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from mappings.playbook import Breaker
from sync import holds, inbox, joins, tables
from sync.holds import Hold
from tests.builders import mapped
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house, house_playbook
from tests.sync.stores import rows
from tests.sync.test_accounts import ACME, companies, with_companies
from tests.sync.test_following import ADA, known, see


def with_rule(store, *, breaker: Breaker | None = None, **rule) -> House:
    """Build a house in whose maps the title is of this authority."""
    playbook = house_playbook()
    crms = {}
    for name, crm in playbook.crms.items():
        title = mapped("title", "title", **rule)
        objects = {
            key: replace(map_, fields=tuple(title if one.remote == "title" else one for one in map_.fields))
            for key, map_ in crm.objects.items()
        }
        crms[name] = replace(crm, objects=objects, breaker=breaker or crm.breaker)
    return a_house(store, playbook=replace(playbook, crms=crms))


@pytest.fixture
def house(store) -> House:
    return with_rule(store, authority="hold")


def both_change(house: House, ours: str = "Founder", theirs: str = "CEO") -> str:
    """Let a form and a person in HubSpot change the title; return the record's id."""
    ids = known(house, title="CTO")
    house.post(email=ADA, title=ours)
    house.decide()
    house.crms[HUBSPOT].edit(ids[HUBSPOT], title=theirs)
    see(house, HUBSPOT, ids[HUBSPOT])
    return ids[HUBSPOT]


def waiting(house: House) -> list[Hold]:
    with house.store.snapshot() as snapshot:
        return holds.open_holds(snapshot, "main", limit=10)


def choose(house: House, hold: Hold, choice: str, value=None) -> None:
    house.clock.advance(1)
    event = holds.choice_event(hold, "main", choice, by="olga", now=house.clock.now(), value=value)
    inbox.append(house.store, [event])
    house.decide()


def titles(house: House) -> dict[str, str]:
    return {name: crm.one(ADA)["title"] for name, crm in house.crms.items()}


def test_what_both_changed_waits_and_everything_else_goes_on(house):
    both_change(house)
    house.post(email=ADA, company="Acme")
    house.settle()
    [hold] = waiting(house)
    assert (hold.field, hold.base, hold.ours, hold.theirs) == ("title", "CTO", "Founder", "CEO")
    assert (hold.name, hold.entity_kind, hold.object) == (ADA, "lead", "contacts")
    assert titles(house) == {HUBSPOT: "CEO", SALESFORCE: "Founder"}
    assert {crm.one(ADA)["company"] for crm in house.crms.values()} == {"Acme"}


@pytest.mark.parametrize(
    ("choice", "value", "title", "lost"),
    [
        ("theirs", None, "CEO", ["Founder"]),
        ("ours", None, "Founder", ["CEO"]),
        ("value", " Chair ", "Chair", ["Founder", "CEO"]),
    ],
)
def test_a_choice_is_written_everywhere_and_what_was_not_chosen_is_kept(house, choice, value, title, lost):
    remote_id = both_change(house)
    house.settle()
    [hold] = waiting(house)
    choose(house, hold, choice, value)
    house.settle()
    assert titles(house) == {HUBSPOT: title, SALESFORCE: title}
    assert waiting(house) == []
    [row] = rows(house.store, tables.holds)
    assert (row["state"], row["choice"], row["by"]) == ("settled", choice, "olga")
    assert [one["lost"] for one in rows(house.store, tables.conflicts)] == lost
    see(house, HUBSPOT, remote_id)
    house.settle()
    assert waiting(house) == []


def test_a_choice_about_values_that_have_changed_since_comes_to_nothing_and_is_asked_again(house):
    remote_id = both_change(house)
    [hold] = waiting(house)
    house.crms[HUBSPOT].edit(remote_id, title="Boss")
    see(house, HUBSPOT, remote_id)
    choose(house, hold, "theirs")
    [again] = waiting(house)
    assert (again.id, again.theirs) == (hold.id, "Boss")
    assert house.lead(ADA).fields["title"] == "Founder"


@pytest.mark.parametrize(("choice", "value"), [("value", None), ("value", "  "), ("value", "x" * 5000)])
def test_a_value_that_cannot_be_used_settles_nothing(house, choice, value):
    both_change(house)
    [hold] = waiting(house)
    choose(house, hold, choice, value)
    assert [one.id for one in waiting(house)] == [hold.id]
    assert house.lead(ADA).fields["title"] == "Founder"


def test_a_second_choice_about_the_same_comes_to_nothing(house):
    both_change(house)
    [hold] = waiting(house)
    choose(house, hold, "theirs")
    choose(house, hold, "ours")
    house.settle()
    assert titles(house) == {HUBSPOT: "CEO", SALESFORCE: "CEO"}


def test_a_choice_about_a_lead_that_is_gone_comes_to_nothing(house):
    both_change(house)
    [hold] = waiting(house)
    choose(house, replace(hold, entity_id="ld_nobody"), "theirs")
    [row] = [one for one in rows(house.store, tables.inbox_events) if one["kind"] == "choice"]
    assert (row["state"], row["error"]) == ("done", None)


def test_where_the_two_agree_again_nobody_is_asked(house):
    remote_id = both_change(house)
    house.crms[HUBSPOT].edit(remote_id, title="Founder")
    see(house, HUBSPOT, remote_id)
    assert waiting(house) == []
    [row] = rows(house.store, tables.holds)
    assert (row["state"], row["choice"], row["by"]) == ("settled", "", "")


def test_a_post_after_a_choice_stands_against_it_only_where_people_do_not_own_the_field(store):
    house = with_rule(store, authority="crm", breaker=Breaker(1))
    remote_id = known(house, title="A")[HUBSPOT]
    go_to_and_fro(house, remote_id, 4)
    [hold] = waiting(house)
    choose(house, hold, "value", "Chair")
    house.clock.advance(60)
    house.post(email=ADA, title="from a form")
    house.settle()
    assert titles(house) == {HUBSPOT: "Chair", SALESFORCE: "Chair"}


def go_to_and_fro(house: House, remote_id: str, times: int) -> None:
    """Let a workflow in HubSpot set a title that another in Salesforce sets back."""
    other = house.lead(ADA).links[SALESFORCE].remote_id
    for _ in range(times):
        for name, record, title in ((HUBSPOT, remote_id, "B"), (SALESFORCE, other, "A")):
            house.clock.advance(30)
            house.crms[name].edit(record, title=title)
            see(house, name, record)
            house.settle()


def test_two_workflows_that_undo_each_other_are_stopped_and_a_person_lets_them_go_on(store):
    house = with_rule(store, authority="newest", breaker=Breaker(2))
    remote_id = known(house, title="A")[HUBSPOT]
    go_to_and_fro(house, remote_id, 2)
    assert waiting(house) == []
    go_to_and_fro(house, remote_id, 4)
    found = {one.connection: one for one in waiting(house)}
    assert "came back 3 times within 1 h" in found[HUBSPOT].why
    assert list(found) == [HUBSPOT]  # there the first value came back; what the other one says stands
    before = dict(house.crms[HUBSPOT].one(ADA))
    house.post(email=ADA, title="from a form", company="Acme")
    house.settle()
    assert house.crms[HUBSPOT].one(ADA) == before | {"company": "Acme", "score": 20}
    assert {crm.one(ADA)["company"] for crm in house.crms.values()} == {"Acme"}
    for hold in found.values():
        choose(house, hold, "value", "C")
    house.settle()
    assert titles(house) == {HUBSPOT: "C", SALESFORCE: "C"}
    assert waiting(house) == []
    go_to_and_fro(house, remote_id, 2)
    assert HUBSPOT not in {one.connection for one in waiting(house)}  # it counts anew there


def test_the_log_is_read_newest_first_by_field_connection_and_lead(house):
    both_change(house)
    [hold] = waiting(house)
    choose(house, hold, "value", "Chair")
    with house.store.snapshot() as snapshot:
        first = holds.log(snapshot, "main", limit=1)
        rest = holds.log(snapshot, "main", limit=5, before=first[0].id)
        assert [one.lost for one in (*first, *rest)] == ["CEO", "Founder"]
        assert holds.log(snapshot, "main", limit=5, field="company") == []
        assert len(holds.log(snapshot, "main", limit=5, field="title", connection=HUBSPOT)) == 2
        assert len(holds.log(snapshot, "main", limit=5, entity_id=hold.entity_id)) == 2
        assert holds.count_open(snapshot, "main") == 0


def test_a_companys_field_is_held_and_settled_like_a_persons(store):
    playbook = with_companies()
    crms = {}
    for name, crm in playbook.crms.items():
        fields = (
            replace(one, authority="hold") if one.field == "name" else one for one in crm.account.fields
        )
        crms[name] = replace(crm, account=replace(crm.account, fields=tuple(fields)))
    house = a_house(store, playbook=replace(playbook, crms=crms))
    house.post(email="ada@acme.com", company="Acme")
    house.settle()
    records = {name: next(iter(companies(house, name))) for name in (HUBSPOT, SALESFORCE)}
    for name, value in ((SALESFORCE, "Acme Holding"), (HUBSPOT, "ACME Inc")):
        house.clock.advance(60)
        house.crms[name].edit(records[name], name=value)
        see(house, name, records[name])
    [hold] = waiting(house)
    assert (hold.entity_kind, hold.entity_id, hold.name) == ("account", ACME, "acme.com")
    assert (hold.ours, hold.theirs, hold.object) == ("Acme Holding", "ACME Inc", "companies")
    choose(house, hold, "theirs")
    house.settle()
    names = {fields["name"] for name in records for fields in companies(house, name).values()}
    assert names == {"ACME Inc"}
    [lost] = rows(house.store, tables.conflicts)
    assert (lost["lead_id"], lost["lost"]) == (ACME, "Acme Holding")


def test_what_waits_about_a_record_in_whose_place_another_one_is_waits_no_longer_and_is_kept(house):
    gone = both_change(house)
    crm = house.crms[HUBSPOT]
    crm.records[gone].archived = True
    see(house, HUBSPOT, gone)
    assert len(waiting(house)) == 1
    house.clock.advance(60)
    del crm.records[gone]
    see(house, HUBSPOT, crm.put("contacts", email=ADA, title="Founder"))
    house.settle()
    assert waiting(house) == []
    assert [one["lost"] for one in rows(house.store, tables.conflicts)] == ["CEO"]
    assert titles(house) == {HUBSPOT: "Founder", SALESFORCE: "Founder"}


def let_go(house: House, gone: str, by: str) -> None:
    """Let the lead let go of its HubSpot record: by the map, or as nothing was ever written to it."""
    crm = house.crms[HUBSPOT]
    if by == "map":
        crms = {**house.playbook.crms, HUBSPOT: replace(house.playbook.crms[HUBSPOT], on_delete="unlink")}
        house.playbook = replace(house.playbook, crms=crms)
        crm.records[gone].archived = True
        see(house, HUBSPOT, gone)
    else:
        house.store.write(
            lambda connection: connection.execute(
                sa.update(tables.links).where(tables.links.c.connection == HUBSPOT).values(written={})
            )
        )
        crm.records[gone].archived = True
        house.post(email=ADA, country="FR")
    house.settle()


@pytest.mark.parametrize("by", ["map", "write"])
def test_what_waits_about_a_record_that_the_lead_lets_go_of_waits_no_longer_and_is_kept(house, by):
    gone = both_change(house)
    assert len(waiting(house)) == 1
    let_go(house, gone, by)
    assert house.lead(ADA).links.get(HUBSPOT) is None or house.lead(ADA).links[HUBSPOT].remote_id != gone
    assert waiting(house) == []
    assert [one["lost"] for one in rows(house.store, tables.conflicts)] == ["CEO"]


def test_what_waits_for_a_lead_that_is_taken_into_another_waits_for_that_one(house):
    both_change(house)
    [hold] = waiting(house)
    house.store.write(lambda on: joins._move_holds(on, hold.entity_id, "ld_other"))
    assert [one.entity_id for one in waiting(house)] == ["ld_other"]


@pytest.mark.parametrize(("choice", "title"), [("theirs", "CEO"), ("ours", "Founder")])
def test_what_is_held_of_a_deleted_record_is_still_a_persons_to_decide_and_reaches_the_other_crm(
    house, choice, title
):
    """It may come back from the bin: until it does, or another takes its place, the question stays."""
    remote_id = both_change(house)
    house.crms[HUBSPOT].archive(remote_id)
    see(house, HUBSPOT, remote_id)
    [hold] = waiting(house)
    choose(house, hold, choice)
    house.settle()
    assert (waiting(house), house.lead(ADA).get("title")) == ([], title)
    assert titles(house)[SALESFORCE] == title
