"""Companies from a post to both CRMs, stepped by hand: one each, found before made, people associated."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from model.account import account_id
from model.change import Record
from model.decision import EntityKind
from model.event import RecordRef
from model.lead import Identity
from model.listing import Listed
from sync import accounts, links, mirror, outbox, tables
from tests.builders import a_crm, mapped
from tests.sync.followed import a_poll, look
from tests.sync.house import HUBSPOT, SALESFORCE, a_house, house_playbook
from tests.sync.stores import rows
from tests.sync.test_following import fetches, hand_in, lost, see
from tests.sync.test_matching import fill

ACME = account_id("main", "acme.com")
ADA, BO = "ada@acme.com", "bo@acme.com"
NEEDS = "needs a record that could not be written: "
OBJECTS = {HUBSPOT: "companies", SALESFORCE: "Account"}


def company_map(name):
    fields = (
        mapped("id", "lead_id"),
        mapped("domain", "domain", "crm"),
        mapped("name", "name", "crm"),
        mapped("country", "country", "crm"),
    )
    crm = a_crm(name, OBJECTS[name], *fields)
    return replace(crm.objects[OBJECTS[name]], id_field="lead_id")


def with_companies(**told):
    """The plain house's playbook with companies in both CRMs; ``told``: CRM -> further lines of people."""
    plain = house_playbook()
    crms = {}
    for name, crm in plain.crms.items():
        objects = {
            one: replace(map_, fields=(*map_.fields, *told.get(name, ())))
            for one, map_ in crm.objects.items()
        }
        crms[name] = replace(crm, objects=objects, account=company_map(name))
    return replace(plain, crms=crms)


@pytest.fixture
def house(store):
    return a_house(store, playbook=with_companies())


def account_of(house, domain="acme.com"):
    one = account_id("main", domain)
    with house.store.snapshot() as snapshot:
        return accounts.load(snapshot, [one]).get(one)


def companies(house, name):
    """The companies a CRM holds, by id."""
    found = house.crms[name].records.items()
    return {one: kept.fields for one, kept in found if kept.object == OBJECTS[name]}


def settled(house):
    house.settle()
    with house.store.snapshot() as snapshot:
        return [(one.connection, one.kind, one.error) for one in outbox.dead_letters(snapshot, "main")]


def test_two_people_of_a_company_make_one_company_in_each_crm(house):
    house.post(email=ADA, company="Acme", country="DE")
    house.post(email=BO, company="Acme GmbH")
    assert settled(house) == []
    for name in (HUBSPOT, SALESFORCE):
        [held] = companies(house, name).values()
        assert held == {"lead_id": ACME, "domain": "acme.com", "name": "Acme", "country": "DE"}
    [company] = companies(house, HUBSPOT)
    people = {house.lead(email).links[HUBSPOT].remote_id for email in (ADA, BO)}
    assert house.crms[HUBSPOT].companies_of == dict.fromkeys(people, company)
    assert house.crms[SALESFORCE].companies_of == {}  # a Lead can have none


def test_a_second_post_of_the_same_person_makes_no_call_about_the_company(house):
    house.post(email=ADA, company="Acme")
    house.settle()
    calls = ("create", "find", "associate")
    before = [crm.called(call) for crm in house.crms.values() for call in calls]
    house.post(email=ADA, company="Acme")
    assert settled(house) == []
    assert [crm.called(call) for crm in house.crms.values() for call in calls] == before


def test_a_company_that_is_there_keeps_what_people_wrote_and_its_blanks_are_filled(house):
    theirs = house.crms[HUBSPOT].put("companies", domain="acme.com", name="ACME Holding")
    house.post(email=ADA, company="Acme", country="DE")
    assert settled(house) == []
    held = companies(house, HUBSPOT)
    assert held == {theirs: {"domain": "acme.com", "name": "ACME Holding", "country": "DE", "lead_id": ACME}}
    assert account_of(house).get("name") == "ACME Holding"
    [other] = companies(house, SALESFORCE).values()
    assert other["name"] == "ACME Holding"  # what people in one CRM say, the other is told


def test_free_mail_makes_none(house):
    house.post(email="ada@gmail.com", company="Acme")
    assert settled(house) == []
    assert companies(house, HUBSPOT) == companies(house, SALESFORCE) == {}
    assert "account" not in house.lead("ada@gmail.com").fields


def test_a_lost_answer_makes_no_second_company(house):
    for crm in house.crms.values():
        crm.next("create", lost=True)
        crm.next("create", lost=True)
    house.post(email=ADA, company="Acme")
    assert settled(house) == []
    for name in (HUBSPOT, SALESFORCE):
        assert len(companies(house, name)) == 1


def test_an_association_waits_for_both_and_is_repeated_when_its_answer_is_lost(house):
    house.crms[HUBSPOT].next("associate", lost=True)
    house.post(email=ADA)
    house.decide()
    with house.store.snapshot() as snapshot:
        due = partial(outbox.due, snapshot, "main", HUBSPOT, house.clock.now(), 10, ())
        assert [len(due(kind=kind)) for kind in EntityKind] == [1, 1, 0, 0, 0]
    assert settled(house) == []
    assert house.crms[HUBSPOT].called("associate") == 2
    assert len(house.crms[HUBSPOT].companies_of) == 1


def test_a_crm_that_is_down_in_the_middle_gets_all_of_it_later(house):
    house.crms[HUBSPOT].next("find", refused="down")
    house.crms[HUBSPOT].next("associate", refused="down")
    house.post(email=ADA)
    assert settled(house) == []
    assert len(companies(house, HUBSPOT)) == len(house.crms[HUBSPOT].companies_of) == 1


def test_an_association_of_a_person_who_cannot_be_written_says_so(house):
    house.crms[HUBSPOT].next("create", rejects="ada@")
    house.post(email=ADA)
    house.decide()
    house.deliver()
    house.store.write(partial(outbox.give_up_orphans, space="main", now=house.clock.now()))
    with house.store.snapshot() as snapshot:
        letters = {one.kind: one.error for one in outbox.dead_letters(snapshot, "main")}
    assert letters.keys() == {EntityKind.LEAD, EntityKind.ASSOCIATION}
    assert "needs a record that could not be written: hubspot: INVALID" in letters[EntityKind.ASSOCIATION]


def test_a_person_whose_company_changes_is_associated_with_the_new_one(house):
    house.post(email=ADA)
    house.settle()
    house.clock.advance(60)
    house.crms[HUBSPOT].edit(house.lead(ADA).links[HUBSPOT].remote_id, email="ada@other.com")
    house.post(email=ADA, title="CEO", company="X")
    assert settled(house) == []
    assert account_of(house, "other.com") is not None
    assert house.crms[HUBSPOT].called("associate") == 2


def test_each_crm_is_told_the_others_id(store):
    told = {HUBSPOT: (mapped("links.salesforce", "sf_id"),), SALESFORCE: (mapped("links.hubspot", "hs_id"),)}
    house = a_house(store, playbook=with_companies(**told))
    house.post(email=ADA)
    assert settled(house) == []
    ids = {name: house.lead(ADA).links[name].remote_id for name in (HUBSPOT, SALESFORCE)}
    assert house.crms[HUBSPOT].one(ADA)["sf_id"] == ids[SALESFORCE]
    assert house.crms[SALESFORCE].one(ADA)["hs_id"] == ids[HUBSPOT]
    # HubSpot's was made first: Salesforce's was created with its id.
    assert [house.crms[name].called("update") for name in (HUBSPOT, SALESFORCE)] == [1, 0]


def test_without_the_handler_no_company_is_kept(store):
    playbook = with_companies()
    house = a_house(
        store, playbook=replace(playbook, pipeline=tuple(n for n in playbook.pipeline if n != "account"))
    )
    house.post(email=ADA, company="Acme")
    assert settled(house) == []
    assert companies(house, HUBSPOT) == {}
    assert account_of(house) is None


def test_a_record_of_another_account_is_put_before_a_person(house):
    house.post(email=ADA)
    house.settle()
    [theirs] = companies(house, HUBSPOT)
    house.crms[HUBSPOT].edit(theirs, domain="other.com")
    house.post(email="cy@other.com")
    for _ in range(3):
        house.decide()
        house.deliver()
    house.store.write(partial(outbox.give_up_orphans, space="main", now=house.clock.now()))
    assert settled(house) == [(HUBSPOT, EntityKind.ASSOCIATION, NEEDS + outbox.ANOTHERS)]
    with house.store.snapshot() as snapshot:
        assert links.ACCOUNTS.holders(snapshot, "main", HUBSPOT, "companies", [theirs]) == {theirs: ACME}
        kinds = snapshot.execute(sa.select(tables.reviews.c.kind)).scalars().all()
    assert kinds == ["same_company"]


def test_a_company_that_the_mirror_has_is_read_by_id_and_not_searched(house):
    hubspot = house.crms[HUBSPOT]
    old, _new = (hubspot.put("companies", domain="acme.com", name=name) for name in ("Old", "New"))
    gone = RecordRef(HUBSPOT, "companies", "h999")
    listed = [
        Listed(Record(RecordRef(HUBSPOT, "companies", one), {}), (Identity("domain", domain),))
        for one, domain in ((old, "acme.com"), (_new, "acme.com"), (gone.id, "gone.com"))
    ]
    now = house.clock.now()
    house.store.write(partial(mirror.write_page, space="main", listed=listed, read_at=now))
    house.post(email=ADA)
    assert settled(house) == []
    assert hubspot.called("find") == 0
    assert account_of(house).links[HUBSPOT].remote_id == old
    house.post(email="cy@gone.com")
    assert settled(house) == []
    assert hubspot.called("find") == 1
    assert len(companies(house, HUBSPOT)) == 3


def test_of_several_companies_in_the_mirror_the_one_with_our_id_is_taken(house):
    hubspot = house.crms[HUBSPOT]
    hubspot.put("companies", domain="acme.com", name="Older")
    house.clock.advance(60)
    ours = hubspot.put("companies", domain="acme.com", name="Ours", lead_id=ACME)
    fill(house, HUBSPOT)
    house.post(email=ADA)
    assert settled(house) == []
    assert account_of(house).links[HUBSPOT].remote_id == ours
    assert hubspot.called("find") == 0


def known_company(house):
    """Let HubSpot have Acme, and a first colleague be associated with it; return its id."""
    theirs = house.crms[HUBSPOT].put("companies", domain="acme.com")
    house.post(email=ADA, company="Acme", country="DE")
    assert settled(house) == []
    assert account_of(house).links[HUBSPOT].remote_id == theirs
    return theirs


def test_a_company_that_is_gone_before_anything_was_written_is_looked_up_again(house):
    hubspot = house.crms[HUBSPOT]
    theirs = hubspot.put("companies", domain="acme.com")
    house.post(email=ADA, company="Acme")
    house.decide()
    while account_of(house).links.get(HUBSPOT) is None:  # found, and nothing written yet
        house.deliver(HUBSPOT)
        house.decide()
    assert not account_of(house).links[HUBSPOT].written
    hubspot.edit(theirs, name="Acme SE")
    hubspot.records[theirs].archived = True
    assert settled(house) == []
    assert account_of(house).get("name") == "Acme SE"  # what was typed there at last is taken in
    [held] = [one for one in companies(house, HUBSPOT) if not hubspot.records[one].archived]
    assert account_of(house).links[HUBSPOT].remote_id == held
    house.post(email=BO, company="Acme")
    assert settled(house) == []
    assert hubspot.companies_of[house.lead(BO).links[HUBSPOT].remote_id] == held


def test_nobody_is_associated_with_a_company_that_was_written_to_and_is_gone(house):
    hubspot = house.crms[HUBSPOT]
    theirs = known_company(house)
    write = partial(
        mirror.write_page,
        space="main",
        listed=[Listed(Record(RecordRef(HUBSPOT, "companies", theirs), {}), ())],
        read_at=house.clock.now(),
    )
    house.store.write(write)
    hubspot.records[theirs].archived = True
    tell_country(house, "FR")
    settled(house)
    house.post(email=BO, company="Acme")
    assert settled(house) == []
    assert theirs not in [
        company
        for person, company in hubspot.companies_of.items()
        if person == house.lead(BO).links[HUBSPOT].remote_id
    ]


def test_nobody_is_associated_with_a_company_that_was_deleted_unheard_and_it_is_read(house):
    theirs = known_company(house)
    house.crms[HUBSPOT].archive(theirs)
    house.post(email=BO, company="Acme")
    assert settled(house) == []
    house.clock.advance(60)
    assert settled(house) == []
    assert account_of(house).links[HUBSPOT].gone_at is not None
    assert {row["wanted"] - row["done"] for row in rows(house.store, tables.outbox_changes)} == {0}


def test_a_company_that_was_seen_to_be_gone_and_is_not_decided_yet_is_no_dead_letter(house):
    hubspot, theirs = house.crms[HUBSPOT], known_company(house)
    house.post(email=BO, company="Acme")
    house.decide()
    hubspot.records[theirs].archived = True
    gone = Listed(Record(RecordRef(HUBSPOT, "companies", theirs), {}, archived=True), ())
    house.store.write(partial(mirror.write_page, space="main", listed=[gone], read_at=house.clock.now()))
    assert settled(house) == []
    assert house.lead(BO).links[HUBSPOT].remote_id not in hubspot.companies_of


def tell_country(house, country):
    """Let the account hold another country, as if somebody of the house had put it right."""
    change = sa.update(tables.accounts).where(tables.accounts.c.id == ACME)
    fields = dict(account_of(house).fields) | {"country": country}
    house.store.write(lambda connection: connection.execute(change.values(fields=fields)))
    wanted = outbox.Raise(HUBSPOT, "companies", ACME, kind=EntityKind.ACCOUNT)
    house.store.write(partial(outbox.raise_wanted, space="main", raises=[wanted], now=house.clock.now()))


def test_two_domains_of_one_company_in_one_batch_make_no_second_company(house):
    hubspot = house.crms[HUBSPOT]
    one = hubspot.put("companies", domain="acme.com", name="Acme")
    domains = ("acme.com", "acme.de")  # the other one is its additional domain, which only the mirror knows
    listed = Listed(
        Record(RecordRef(HUBSPOT, "companies", one), {}),
        tuple(Identity("domain", domain) for domain in domains),
    )
    write = partial(mirror.write_page, space="main", listed=[listed], read_at=house.clock.now())
    house.store.write(write)
    for domain in domains:
        house.post(email=f"ada@{domain}")
    for _ in range(3):
        house.decide()
        house.deliver(HUBSPOT)
    assert list(companies(house, HUBSPOT)) == [one]
    assert hubspot.called("find") == 0
    with house.store.snapshot() as snapshot:
        assert snapshot.execute(sa.select(tables.reviews.c.kind)).scalars().all() == ["same_company"]


def test_many_people_at_once_take_few_calls(house):
    for number in range(60):
        house.post(email=f"p{number}@c{number % 20}.com")
    assert settled(house) == []
    hubspot = house.crms[HUBSPOT]
    assert len(companies(house, HUBSPOT)) == 20
    assert len(hubspot.companies_of) == 60
    assert [hubspot.called(call) for call in ("create", "find", "associate")] == [2, 1, 1]


# Changed


def known(house):
    """Make Acme known in both CRMs; return its records' ids."""
    house.post(email=ADA, company="Acme", country="DE")
    house.settle()
    house.clock.advance(60)
    return {name: link.remote_id for name, link in account_of(house).links.items()}


def rename(house, ids, name):
    """Let people in Salesforce call the company something else."""
    house.clock.advance(60)
    house.crms[SALESFORCE].edit(ids[SALESFORCE], name=name)
    see(house, SALESFORCE, ids[SALESFORCE])


def test_a_company_that_a_search_shows_as_it_was_before_our_write_is_read_by_id(house):
    ids = known(house)
    rename(house, ids, "Acme SE")
    assert settled(house) == []
    stale = {"fields": {"name": "Acme"}, "modified_at": house.clock.now()}
    see(house, HUBSPOT, ids[HUBSPOT], by_id=False, **stale)
    assert account_of(house).get("name") == "Acme SE"
    assert fetches(house) == {(HUBSPOT, ids[HUBSPOT])}
    assert settled(house) == []
    assert companies(house, SALESFORCE)[ids[SALESFORCE]]["name"] == "Acme SE"


def test_what_people_change_in_any_field_of_a_company_comes_by_the_poll(house):
    ids, force = known(house), house.crms[SALESFORCE]
    force.companies = ("Account", ("domain",))  # what tells one from another; the map names more
    poll = a_poll(house, SALESFORCE)
    look(poll)
    force.edit(ids[SALESFORCE], country="FR")
    look(poll, 60)
    assert settled(house) == []
    assert companies(house, HUBSPOT)[ids[HUBSPOT]]["country"] == "FR"


def test_a_company_with_our_id_takes_the_place_of_one_that_only_has_its_domain(house):
    hubspot = house.crms[HUBSPOT]
    house.post(email=ADA, company="Acme")
    house.decide()
    hubspot.next("create")  # the person
    hubspot.next("create", lost=True)  # the company is made, and leadrelay does not hear of it
    house.deliver(HUBSPOT)
    [ours] = companies(house, HUBSPOT)
    theirs = hubspot.put("companies", domain="acme.com", name="ACME")
    see(house, HUBSPOT, theirs)
    assert account_of(house).links[HUBSPOT].remote_id == theirs
    see(house, HUBSPOT, ours)
    assert account_of(house).links[HUBSPOT].remote_id == ours
    assert settled(house) == []
    assert "lead_id" not in companies(house, HUBSPOT)[theirs]
    [other] = companies(house, SALESFORCE).values()
    assert companies(house, HUBSPOT)[ours]["name"] == other["name"] == "ACME"


def test_what_people_typed_before_they_deleted_a_company_is_taken_in(house):
    ids = known(house)
    house.clock.advance(60)
    last = {"fields": {"country": "FR"}, "modified_at": house.clock.now()}
    see(house, SALESFORCE, ids[SALESFORCE], archived=True, **last)
    assert account_of(house).links[SALESFORCE].gone_at is not None
    assert settled(house) == []
    assert companies(house, HUBSPOT)[ids[HUBSPOT]]["country"] == "FR"
    assert companies(house, SALESFORCE)[ids[SALESFORCE]]["country"] == "DE"  # nothing was written there
    before = account_of(house).version
    see(house, SALESFORCE, ids[SALESFORCE], archived=True, **last)  # told once more
    assert account_of(house).version == before


def test_what_people_typed_into_a_deleted_company_is_kept_as_a_conflict_where_a_new_one_takes_its_place(
    house,
):
    ids, force = known(house), house.crms[SALESFORCE]
    house.clock.advance(60)
    last = {"fields": {"name": "Acme SE"}, "modified_at": house.clock.now()}
    see(house, SALESFORCE, ids[SALESFORCE], archived=True, **last)
    del force.records[ids[SALESFORCE]]
    again = force.put("Account", domain="acme.com", name="Zeta")
    see(house, SALESFORCE, again)
    assert settled(house) == []
    assert account_of(house).links[SALESFORCE].remote_id == again
    assert lost(house) == [("name", "Acme SE")]
    assert companies(house, HUBSPOT)[ids[HUBSPOT]]["name"] == "Zeta"
    assert companies(house, SALESFORCE)[again] == companies(house, HUBSPOT)[ids[HUBSPOT]]


def test_a_companys_value_on_its_way_is_our_own_word(house):
    ids = known(house)
    rename(house, ids, "Acme SE")
    house.crms[HUBSPOT].next("update", lost=True)
    house.deliver(HUBSPOT)  # arrived, and the answer was lost
    rename(house, ids, "Acme plc")
    see(house, HUBSPOT, ids[HUBSPOT])  # shows Acme SE
    assert account_of(house).get("name") == "Acme plc"
    assert settled(house) == []
    assert {companies(house, name)[one]["name"] for name, one in ids.items()} == {"Acme plc"}


def test_an_older_version_of_a_company_is_kept_as_a_conflict(house):
    ids = known(house)
    crm = house.crms[HUBSPOT]
    record = crm._record(ids[HUBSPOT], crm.records[ids[HUBSPOT]])
    newest = account_of(house).links[HUBSPOT].modified_at
    old = replace(record, modified_at=newest - timedelta(seconds=1), fields={**record.fields, "name": "Ajax"})
    hand_in(house, old)
    assert account_of(house).get("name") == "Acme"
    with house.store.snapshot() as snapshot:
        lost = snapshot.execute(sa.select(tables.conflicts.c.field, tables.conflicts.c.lost)).all()
    assert lost == [("name", "Ajax")]
