"""What a changed record means: merged, behind, followed, gone, adopted; two leads that are one person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from model.change import OwnerRecord, Record
from model.event import Event, EventKind, RecordRef
from model.hint import Hint
from model.lead import OPT_OUT
from model.priority import Priority
from model.times import to_text
from sync import explain, forget, inbox, outbox, tables
from sync.deciding.raising import FEW
from sync.delivery.deliverer import deliver_batch
from sync.delivery.settling import GONE_ATTEMPTS, GONE_WAIT
from sync.reading.polling import changed_event
from tests.builders import field_is
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house, house_playbook
from tests.sync.stores import rows

ADA, BO = "ada@example.com", "bo@example.org"


@pytest.fixture
def house(store) -> House:
    return a_house(store)


def adopting(store, *, shut=None, **given) -> House:
    playbook = house_playbook()
    crms = {name: replace(crm, adopts=True, **given) for name, crm in playbook.crms.items()}
    return a_house(store, playbook=replace(playbook, crms=crms), shut=shut or {})


def known(house: House, address: str = ADA, **fields) -> dict[str, str]:
    """Post a person, write them to both CRMs; return their records' ids."""
    house.post(email=address, **fields)
    house.settle()
    house.clock.advance(60)
    return {name: link.remote_id for name, link in house.lead(address).links.items()}


def see(house: House, name: str, remote_id: str, *, by_id: bool = True, read_at=None, **other) -> None:
    """Hand a record in as a poll or a fetch reads it now; ``other`` fields in the place of its own."""
    crm = house.crms[name]
    record = crm._record(remote_id, crm.records[remote_id])
    record = replace(record, fields={**record.fields, **other.pop("fields", {})}, **other)
    hand_in(house, record, by_id=by_id, read_at=read_at)


def hand_in(house: House, record: Record, *, by_id: bool = True, read_at=None) -> None:
    now = house.clock.now()
    event = changed_event(record, read_at or now, now, "main", by_id=by_id)
    inbox.append(house.store, [event])
    house.decide()


def fetches(house: House) -> set[tuple[str, str]]:
    return {(row["connection"], row["remote_id"]) for row in rows(house.store, tables.outbox_fetches)}


def reviews(house: House) -> list[str]:
    return sorted(row["kind"] for row in rows(house.store, tables.reviews))


def open_reviews(house: House) -> list[str]:
    return sorted(row["kind"] for row in rows(house.store, tables.reviews) if row["state"] == "open")


def lost(house: House) -> list[tuple[str, str]]:
    return [(row["field"], row["lost"]) for row in rows(house.store, tables.conflicts)]


def given_up(house: House) -> list[str]:
    with house.store.snapshot() as snapshot:
        return [letter.error for letter in outbox.dead_letters(snapshot, "main")]


def leads_there(house: House) -> int:
    return len(rows(house.store, tables.leads))


# Merged


def test_an_edit_in_one_crm_reaches_the_lead_and_the_other_crm(house):
    ids = known(house, title="Intern")
    house.crms[HUBSPOT].edit(ids[HUBSPOT], title="CTO")
    see(house, HUBSPOT, ids[HUBSPOT])
    assert house.lead(ADA).fields["title"] == "CTO"
    house.settle()
    assert house.crms[SALESFORCE].one(ADA)["title"] == "CTO"


def test_our_own_write_seen_again_changes_and_writes_nothing(house):
    ids = known(house, title="Intern")
    calls = {name: len(crm.calls) for name, crm in house.crms.items()}
    version = house.lead(ADA).version
    for name, remote_id in ids.items():
        see(house, name, remote_id, by_id=False)
    house.settle()
    assert house.lead(ADA).version == version
    assert {name: len(crm.calls) for name, crm in house.crms.items()} == calls


def test_a_value_on_its_way_is_our_own_word_and_beats_nothing(house):
    ids = known(house, title="Intern")
    house.crms[HUBSPOT].next("update", lost=True)
    house.post(email=ADA, title="CTO")
    house.decide()
    house.deliver(HUBSPOT)  # arrived, and the answer was lost
    house.clock.advance(1)
    house.post(email=ADA, title="CEO")
    house.decide()
    see(house, HUBSPOT, ids[HUBSPOT])  # shows CTO
    assert house.lead(ADA).fields["title"] == "CEO"
    house.settle()
    assert {crm.one(ADA)["title"] for crm in house.crms.values()} == {"CEO"}


def test_an_owner_who_is_unknown_here_is_left_alone_and_taken_once_known(house):
    ids = known(house, title="Intern")
    crm, ours = house.crms[HUBSPOT], house.lead(ADA).owner
    crm.edit(ids[HUBSPOT], owner="o9")
    for _ in range(4):  # as often as it is seen, it is no to and fro
        see(house, HUBSPOT, ids[HUBSPOT], by_id=False)
        house.clock.advance(60)
    house.post(email=ADA, title="CTO")
    house.settle()
    assert (house.lead(ADA).owner, crm.one(ADA)["owner"], crm.one(ADA)["title"]) == (ours, "o9", "CTO")
    crm.staff = (*crm.staff, OwnerRecord("o9", "new@example.com", "New", True))
    house.read_rosters()
    see(house, HUBSPOT, ids[HUBSPOT], by_id=False)
    house.settle()
    assert house.lead(ADA).owner == "new@example.com"
    assert not any(one.unknown for one in house.lead(ADA).links[HUBSPOT].disputes.values())


def test_an_unknown_owner_is_replaced_by_whom_a_person_sets_in_the_other_crm_later(house):
    ids = known(house)
    house.crms[HUBSPOT].edit(ids[HUBSPOT], owner="o9")
    see(house, HUBSPOT, ids[HUBSPOT])
    house.clock.advance(60)
    before = house.crms[SALESFORCE].one(ADA)["owner"]
    house.crms[SALESFORCE].edit(ids[SALESFORCE], owner="o2" if before == "o1" else "o1")
    see(house, SALESFORCE, ids[SALESFORCE])
    house.settle()
    assert house.crms[HUBSPOT].one(ADA)["owner"] == house.crms[SALESFORCE].one(ADA)["owner"] != "o9"


def test_where_no_history_comes_the_merge_decides_with_what_is_there(house):
    ids = known(house, title="Intern")
    house.post(email=ADA, title="CTO")
    house.decide()
    house.clock.advance(60)
    crm = house.crms[HUBSPOT]
    crm.edit(ids[HUBSPOT], title="CEO")
    record = crm._record(ids[HUBSPOT], crm.records[ids[HUBSPOT]])
    hand_in(house, record)
    assert [row["history"] for row in rows(house.store, tables.outbox_fetches)] == [True]
    assert house.lead(ADA).fields["title"] == "CTO"
    crm.records[ids[HUBSPOT]].changed_at.clear()  # the vendor keeps none of this field
    house.fetch()
    house.decide()
    assert fetches(house) == set()
    assert house.lead(ADA).fields["title"] == "CEO"


def test_who_puts_a_value_back_after_another_one_was_read_has_changed_it(house):
    ids = known(house, title="Intern")
    house.post(email=ADA, title="CTO")
    house.decide()
    house.clock.advance(60)
    crm = house.crms[HUBSPOT]
    crm.edit(ids[HUBSPOT], title="CEO")
    see(house, HUBSPOT, ids[HUBSPOT])  # both have changed it: it is read again, with its history
    house.clock.advance(1)
    crm.edit(ids[HUBSPOT], title="Intern")
    house.settle()
    assert house.lead(ADA).fields["title"] == crm.one(ADA)["title"] == "Intern"
    assert ("title", "CTO") in lost(house)


def test_an_older_edit_that_is_read_late_does_not_replace_what_somebody_confirmed_elsewhere(house):
    ids = known(house, title="Intern")
    house.post(email=ADA, title="CTO")
    house.decide()
    house.deliver(HUBSPOT)
    house.clock.advance(60)
    house.crms[HUBSPOT].edit(ids[HUBSPOT], title="CEO")
    house.clock.advance(60)
    house.crms[SALESFORCE].edit(ids[SALESFORCE], title="CTO")
    see(house, SALESFORCE, ids[SALESFORCE])
    see(house, HUBSPOT, ids[HUBSPOT])
    house.settle()
    assert house.lead(ADA).fields["title"] == house.crms[HUBSPOT].one(ADA)["title"] == "CTO"
    assert ("title", "CEO") in lost(house)


@pytest.mark.parametrize("lost_answer", [False, True])
def test_who_fills_a_blank_with_what_the_lead_holds_by_then_has_said_it(house, lost_answer):
    house.post(email=ADA)
    house.decide()
    house.crms[HUBSPOT].next("create", lost=lost_answer)  # of somebody without a title
    house.deliver(HUBSPOT)
    house.deliver(SALESFORCE)
    house.decide()
    [contact], [lead] = (list(house.crms[name].records) for name in (HUBSPOT, SALESFORCE))
    for name, record_id, title in (
        (SALESFORCE, lead, "CTO"),
        (SALESFORCE, lead, "CEO"),
        (HUBSPOT, contact, "CTO"),  # last
    ):
        house.clock.advance(60)
        house.crms[name].edit(record_id, title=title)
        if title == "CTO":
            see(house, name, record_id)
    see(house, SALESFORCE, lead)
    house.settle()
    assert house.lead(ADA).fields["title"] == "CTO"
    assert {crm.one(ADA)["title"] for crm in house.crms.values()} == {"CTO"}
    assert ("title", "CEO") in lost(house)


def test_a_later_edit_replaces_what_somebody_confirmed_elsewhere_and_what_gives_way_is_kept(house):
    ids = known(house, title="Intern")
    house.post(email=ADA, title="CTO")
    house.decide()
    house.deliver(HUBSPOT)
    house.clock.advance(60)
    house.crms[SALESFORCE].edit(ids[SALESFORCE], title="CTO")
    see(house, SALESFORCE, ids[SALESFORCE])
    house.clock.advance(60)
    house.crms[HUBSPOT].edit(ids[HUBSPOT], title="CEO")
    see(house, HUBSPOT, ids[HUBSPOT])
    house.settle()
    assert house.lead(ADA).fields["title"] == house.crms[SALESFORCE].one(ADA)["title"] == "CEO"
    assert ("title", "CTO") in lost(house)


@pytest.mark.parametrize("is_later", [False, True])
def test_who_puts_the_lead_back_to_what_another_record_held_has_said_it(house, is_later):
    ids = known(house, title="Intern")
    crm = house.crms[HUBSPOT]
    crm.edit(ids[HUBSPOT], title="CTO")
    see(house, HUBSPOT, ids[HUBSPOT])  # not written to Salesforce yet
    words = [(SALESFORCE, "CEO"), (HUBSPOT, "Intern")]
    for name, title in reversed(words) if is_later else words:
        house.clock.advance(60)
        house.crms[name].edit(ids[name], title=title)
        if name == HUBSPOT:
            see(house, HUBSPOT, ids[HUBSPOT])
    see(house, SALESFORCE, ids[SALESFORCE])
    house.settle()
    stands, gives_way = ("CEO", "Intern") if is_later else ("Intern", "CEO")
    assert house.lead(ADA).fields["title"] == stands
    assert {each.one(ADA)["title"] for each in house.crms.values()} == {stands}
    assert ("title", gives_way) in lost(house)


def test_who_puts_back_what_waited_for_its_history_has_said_it(house):
    ids = known(house, title="CTO")
    hubspot, salesforce = house.crms[HUBSPOT], house.crms[SALESFORCE]
    house.post(email=ADA, title="CEO")
    house.decide()
    house.clock.advance(60)
    hubspot.edit(ids[HUBSPOT], title="Intern")
    see(house, HUBSPOT, ids[HUBSPOT])  # both have changed it: it is read again, with its history
    salesforce.edit(ids[SALESFORCE], title="Founder")
    house.clock.advance(60)
    house.post(email=ADA, title="CTO")  # nothing was written meanwhile
    house.decide()
    hubspot.edit(ids[HUBSPOT], title="CTO")
    house.fetch()
    house.decide()
    see(house, SALESFORCE, ids[SALESFORCE])
    house.settle()
    assert {each.one(ADA)["title"] for each in house.crms.values()} == {"CTO"}
    assert ("title", "Founder") in lost(house)


@pytest.mark.parametrize("is_later", [False, True])
def test_what_a_record_holds_at_the_first_meeting_was_said_there(house, is_later):
    house.post(email=ADA, title="Intern")
    house.decide()
    house.deliver(SALESFORCE)
    house.decide()
    [lead] = house.crms[SALESFORCE].records
    house.clock.advance(60)
    house.crms[SALESFORCE].edit(lead, title="CEO")
    house.clock.advance(60)
    if not is_later:
        house.post(email=ADA, title="Intern")
        house.decide()
    see(house, HUBSPOT, house.crms[HUBSPOT].put(email=ADA, title="Intern"))
    see(house, SALESFORCE, lead)
    house.settle()
    stands, gives_way = ("CEO", "Intern") if is_later else ("Intern", "CEO")
    assert house.lead(ADA).fields["title"] == stands
    assert {each.one(ADA)["title"] for each in house.crms.values()} == {stands}
    assert ("title", gives_way) in lost(house)


# Behind


def test_an_older_version_is_absorbed_and_what_nobody_saw_of_it_is_kept_as_a_conflict(house):
    ids = known(house, country="DE")
    crm = house.crms[HUBSPOT]
    before = crm._record(ids[HUBSPOT], crm.records[ids[HUBSPOT]])
    newest = house.lead(ADA).links[HUBSPOT].modified_at
    assert newest is not None
    old = replace(
        before,
        modified_at=newest - timedelta(seconds=1),
        fields={**before.fields, "country": "AT", "title": "Countess"},
    )
    hand_in(house, old)
    lead = house.lead(ADA)
    assert (lead.fields["country"], lead.fields.get("title")) == ("DE", None)
    lost = {row["field"]: row["lost"] for row in rows(house.store, tables.conflicts)}
    assert lost == {"country": "AT", "title": "Countess"}


def test_a_search_that_shows_what_we_have_replaced_is_not_believed_before_a_read_by_id(house):
    ids = known(house, title="Intern")
    house.post(email=ADA, title="CTO")
    house.settle()
    stale = {"title": "Intern"}
    see(house, HUBSPOT, ids[HUBSPOT], by_id=False, fields=stale, modified_at=house.clock.now())
    assert house.lead(ADA).fields["title"] == "CTO"
    assert fetches(house) == {(HUBSPOT, ids[HUBSPOT])}
    house.settle()
    assert house.lead(ADA).fields["title"] == "CTO"
    assert fetches(house) == set()


def test_a_person_who_sets_an_old_value_again_is_believed_when_the_record_was_read_by_id(house):
    ids = known(house, title="Intern")
    house.post(email=ADA, title="CTO")
    house.settle()
    house.clock.advance(60)
    house.crms[HUBSPOT].edit(ids[HUBSPOT], title="Intern")
    see(house, HUBSPOT, ids[HUBSPOT], by_id=False)
    house.settle()
    assert house.lead(ADA).fields["title"] == "Intern"
    assert house.crms[SALESFORCE].one(ADA)["title"] == "Intern"


def test_a_blank_read_from_before_our_write_is_read_again_and_nothing_is_written_twice(house):
    ids = known(house, country="DE")
    house.post(email=ADA, title="CTO")
    house.settle()
    made = house.crms[HUBSPOT].called("update")
    see(house, HUBSPOT, ids[HUBSPOT], by_id=False, fields={"title": None})
    assert fetches(house) == {(HUBSPOT, ids[HUBSPOT])}
    house.clock.advance(1)
    house.settle()
    assert house.crms[HUBSPOT].called("update") == made


def test_a_read_from_before_our_write_is_read_again(house):
    ids = known(house, title="Intern")
    read_at = house.clock.now()
    house.clock.advance(1)
    house.post(email=ADA, title="CTO")
    house.settle()
    stamp = house.lead(ADA).links[SALESFORCE].modified_at
    see(house, SALESFORCE, ids[SALESFORCE], read_at=read_at, fields={"title": "Intern"}, modified_at=stamp)
    assert fetches(house) == {(SALESFORCE, ids[SALESFORCE])}
    house.settle()
    assert house.lead(ADA).fields["title"] == "CTO"


# Followed


def test_a_converted_lead_is_followed_to_its_contact(house):
    ids = known(house, title="Intern")
    crm = house.crms[SALESFORCE]
    contact = crm.put("Contact", **crm.records[ids[SALESFORCE]].fields | {"title": "CTO"})
    crm.became[ids[SALESFORCE]] = contact
    see(house, SALESFORCE, ids[SALESFORCE])
    link = house.lead(ADA).links[SALESFORCE]
    assert (link.object, link.remote_id, link.aliases) == ("Contact", contact, (ids[SALESFORCE],))
    house.settle()
    assert house.lead(ADA).fields["title"] == "CTO"
    house.post(email=ADA, country="DE")
    house.settle()
    assert crm.records[contact].fields["country"] == "DE"
    assert len(crm.records) == 2


@pytest.mark.parametrize(("there", "held"), [("Intern", "CTO"), ("VP", "VP")], ids=["copied", "kept"])
def test_a_value_that_came_along_in_a_conversion_is_no_edit_and_one_that_was_there_is(house, there, held):
    ids = known(house, title="Intern")
    crm = house.crms[SALESFORCE]
    house.post(email=ADA, title="CTO")
    house.decide()
    house.clock.advance(10)
    contact = crm.put("Contact", email=ADA, title=there)
    crm.convert(ids[SALESFORCE], contact)
    see(house, SALESFORCE, ids[SALESFORCE])
    house.settle()
    assert (house.lead(ADA).fields["title"], crm.records[contact].fields["title"]) == (held, held)
    assert lost(house) == ([("title", "CTO")] if there == "VP" else [])


def test_a_new_lead_is_written_without_our_id_where_a_converted_one_keeps_it(house):
    ids = known(house, title="Intern")
    crm = house.crms[SALESFORCE]
    contact = crm.put("Contact", email=ADA)
    crm.convert(ids[SALESFORCE], contact)
    see(house, SALESFORCE, ids[SALESFORCE])
    house.settle()
    crm.archive(contact)
    see(house, SALESFORCE, contact)
    house.settle()
    born = crm.put("Lead", email=ADA, company="Acme")
    see(house, SALESFORCE, born)
    house.settle()
    assert house.lead(ADA).links[SALESFORCE].remote_id == born
    assert (crm.records[born].fields["title"], crm.records[born].fields.get("lead_id")) == ("Intern", None)
    updates = crm.called("update")
    house.post(email=ADA, country="DE")
    house.settle()
    assert crm.records[born].fields["country"] == "DE"
    assert crm.called("update") == updates + 1, "what was refused once is not sent again"
    assert given_up(house) == []


def test_a_contact_that_is_seen_before_its_conversion_makes_nobody_twice(store):
    house = adopting(store)
    ids = known(house, title="Intern")
    crm = house.crms[SALESFORCE]
    contact = crm.put("Contact", **crm.records[ids[SALESFORCE]].fields | {"lead_id": None})
    crm.became[ids[SALESFORCE]] = contact
    see(house, SALESFORCE, contact)
    house.settle()
    assert (leads_there(house), open_reviews(house)) == (1, [])
    assert house.lead(ADA).links[SALESFORCE].remote_id == contact


def test_a_record_with_a_new_id_after_a_merge_is_the_same_link(house):
    ids = known(house, title="Intern")
    crm = house.crms[HUBSPOT]
    new = crm.put("contacts", **crm.records.pop(ids[HUBSPOT]).fields | {"title": "CTO"})
    crm.merged = {ids[HUBSPOT]: new, "h99": new}
    see(house, HUBSPOT, new)
    link = house.lead(ADA).links[HUBSPOT]
    assert (link.remote_id, link.aliases) == (new, (ids[HUBSPOT],))
    assert house.lead(ADA).fields["title"] == "CTO"


def test_two_leads_whose_records_were_merged_become_one(house):
    ada, bo = known(house, ADA, title="Countess"), known(house, BO, company="Acme")
    house.post(email=BO, opted_out=True)
    house.settle()
    older, younger = house.lead(ADA), house.lead(BO)
    crm = house.crms[HUBSPOT]
    new = crm.put("contacts", **crm.records.pop(ada[HUBSPOT]).fields)
    crm.records.pop(bo[HUBSPOT])
    crm.merged = {ada[HUBSPOT]: new, bo[HUBSPOT]: new}
    see(house, HUBSPOT, new)
    house.settle()
    assert leads_there(house) == 1
    lead = house.lead(ADA)
    assert house.lead(BO).id == lead.id == older.id
    assert (lead.fields["title"], lead.fields["company"]) == ("Countess", "Acme")
    assert lead.links[HUBSPOT].remote_id == new
    assert lead.links[SALESFORCE].remote_id == ada[SALESFORCE]
    [two] = rows(house.store, tables.proposals)  # in Salesforce they are still two
    assert (two["record"], two["keep"], two["state"]) == (bo[SALESFORCE], ada[SALESFORCE], "open")
    assert {row["lead_id"] for row in rows(house.store, tables.merged_leads)} == {younger.id}
    house.post(email=BO, country="FR")  # whatever names the other comes here
    house.settle()
    assert (leads_there(house), house.lead(ADA).fields["country"]) == (1, "FR")


def merged_there(house: House, ada: dict[str, str], bo: dict[str, str]) -> str:
    """Let HubSpot's people merge two records into a new one; return its id."""
    crm = house.crms[HUBSPOT]
    new = crm.put("contacts", **crm.records.pop(ada[HUBSPOT]).fields)
    crm.records.pop(bo[HUBSPOT])
    crm.merged = {ada[HUBSPOT]: new, bo[HUBSPOT]: new}
    return new


def test_a_lead_to_whom_a_call_is_under_way_is_taken_in_after_its_answer(house):
    ada, bo = known(house, ADA), known(house, BO)
    new = merged_there(house, ada, bo)
    house.post(email=BO, title="CTO")
    house.decide()
    house.crms[SALESFORCE].next("update", before=lambda: see(house, HUBSPOT, new))
    house.deliver(SALESFORCE)
    assert leads_there(house) == 2
    assert house.lead(BO).links[SALESFORCE].shadow["title"] == "CTO"
    house.settle()
    assert leads_there(house) == 1
    assert house.lead(BO).fields["title"] == "CTO"


@pytest.mark.parametrize("busy", ["changed", "under way"])
def test_records_merged_into_one_that_is_deleted_before_it_is_read_again_are_known_to_be_gone(house, busy):
    ada, bo = known(house, ADA), known(house, BO)
    crm, new = house.crms[HUBSPOT], merged_there(house, ada, bo)
    house.post(email=BO, title="CTO")
    if busy == "changed":
        see(house, HUBSPOT, new)  # with the post in one batch
    else:
        house.decide()
        house.crms[SALESFORCE].next("update", before=lambda: see(house, HUBSPOT, new))
        house.deliver(SALESFORCE)
    assert leads_there(house) == 2
    crm.records.pop(new)
    crm.merged.clear()
    house.settle()
    assert all(house.lead(one).links[HUBSPOT].gone_at for one in (ADA, BO))


def test_the_ids_of_records_that_were_merged_stay_known_as_the_links(house):
    ada, bo = known(house, ADA), known(house, BO)
    new = merged_there(house, ada, bo)
    see(house, HUBSPOT, new)
    house.settle()
    link = house.lead(ADA).links[HUBSPOT]
    assert (link.remote_id, set(link.aliases)) == (new, {ada[HUBSPOT], bo[HUBSPOT]})


def test_of_a_test_lead_that_is_forgotten_nothing_stays_of_those_it_took_in(house):
    ada, bo = known(house, ADA), known(house, BO)
    see(house, HUBSPOT, merged_there(house, ada, bo))
    house.settle()
    [row] = rows(house.store, tables.merged_leads)
    assert set(row["was"]) == {"links", "created_at"}
    lead_id = house.lead_id(ADA)
    house.store.write(lambda connection: forget.remove_test_leads(connection, [lead_id]))
    assert rows(house.store, tables.merged_leads) == []
    with house.store.snapshot() as snapshot:
        audited = snapshot.execute(
            sa.select(tables.audit_details.c.audit_id)
            .join(tables.audit, tables.audit.c.id == tables.audit_details.c.audit_id)
            .where(tables.audit.c.lead_id.is_not(None))
        ).all()
    assert audited == []


def test_a_record_that_was_merged_away_takes_its_lead_to_the_winners(house):
    ada, bo = known(house, ADA), known(house, BO, title="CTO")
    crm = house.crms[SALESFORCE]
    loser, winner = bo[SALESFORCE], ada[SALESFORCE]
    became = RecordRef(SALESFORCE, "Lead", winner)
    crm.edit(loser, country="FR")  # typed just before, and not seen before
    see(house, SALESFORCE, loser, archived=True, became=became)
    crm.records.pop(loser)
    house.settle()
    assert leads_there(house) == 1
    assert house.lead(ADA).fields["title"] == "CTO"
    assert house.lead(ADA).fields["country"] == "FR"
    assert house.lead(BO).links[SALESFORCE].remote_id == winner


def test_an_answer_about_the_record_of_a_lead_that_was_taken_in_meanwhile_moves_no_link(house):
    ada, bo = known(house, ADA), known(house, BO, title="CTO")
    house.clock.advance(3600)
    house.post(email=BO, title="CEO")
    house.decide()
    house.crms[HUBSPOT].edit(bo[HUBSPOT], title="Intern")
    house.crms[SALESFORCE].unite(bo[SALESFORCE], ada[SALESFORCE])
    now, there = house.clock.now(), house.crms[SALESFORCE]
    loser = there._record(bo[SALESFORCE], there.records[bo[SALESFORCE]])
    inbox.append(house.store, [changed_event(loser, now, now, "main", by_id=True)])
    house.deliver(HUBSPOT)  # reads what was edited there: an event behind that of the merge
    house.decide()
    assert leads_there(house) == 1
    assert house.lead(BO).links[HUBSPOT].remote_id == ada[HUBSPOT]
    assert open_reviews(house) != []


def test_what_was_typed_before_a_merge_outlasts_the_call_that_holds_it_up(house):
    ada, bo = known(house, ADA), known(house, BO, title="CTO")
    crm = house.crms[SALESFORCE]
    crm.edit(bo[SALESFORCE], country="FR")
    crm.records[bo[SALESFORCE]].archived = True
    crm.merged = {bo[SALESFORCE]: ada[SALESFORCE]}
    house.post(email=BO, company="Acme")
    house.decide()
    house.crms[HUBSPOT].next("update", before=lambda: see(house, SALESFORCE, bo[SALESFORCE]))
    house.deliver(HUBSPOT)
    assert leads_there(house) == 2
    house.settle()
    assert leads_there(house) == 1
    assert house.lead(ADA).fields["country"] == "FR"


def test_while_a_call_holds_up_a_merge_the_record_is_not_read_again_and_again(house):
    ada, bo = known(house, ADA), known(house, BO, title="CTO")
    crm = house.crms[SALESFORCE]
    crm.records[bo[SALESFORCE]].archived = True
    crm.merged = {bo[SALESFORCE]: ada[SALESFORCE]}
    house.post(email=BO, company="Acme")
    house.decide()
    reads = []

    def takes_twenty_seconds():
        see(house, SALESFORCE, bo[SALESFORCE])
        before = crm.called("read")
        for _ in range(100):
            house.clock.advance(0.2)
            house.fetchers[SALESFORCE].step()
            house.decide()
        reads.append(crm.called("read") - before)

    house.crms[HUBSPOT].next("update", before=takes_twenty_seconds)
    house.deliver(HUBSPOT)
    assert 5 <= reads[0] <= 10
    house.clock.advance(2)
    house.settle()
    assert leads_there(house) == 1


# Gone


def test_a_deleted_record_is_left_alone_and_one_that_is_restored_is_merged_again(house):
    ids = known(house, title="Intern")
    crm = house.crms[HUBSPOT]
    crm.records[ids[HUBSPOT]].archived = True
    see(house, HUBSPOT, ids[HUBSPOT])
    assert house.lead(ADA).links[HUBSPOT].gone_at is not None
    calls = len(crm.calls)
    house.post(email=ADA, title="CTO")
    house.settle()
    assert len(crm.calls) == calls
    crm.records[ids[HUBSPOT]].archived = False
    house.clock.advance(60)
    crm.edit(ids[HUBSPOT], company="Acme")
    see(house, HUBSPOT, ids[HUBSPOT])
    house.settle()
    assert house.lead(ADA).links[HUBSPOT].gone_at is None
    assert (crm.one(ADA)["title"], house.lead(ADA).fields["company"]) == ("CTO", "Acme")


@pytest.mark.parametrize("fate", ["deleted", "merged", "converted"])
@pytest.mark.parametrize("attempts", [1, GONE_ATTEMPTS], ids=["put off", "given up"])
def test_what_failed_on_a_record_that_was_gone_is_planned_anew_once_its_fate_is_known(house, fate, attempts):
    ids = known(house, title="Intern")
    name = HUBSPOT if fate == "merged" else SALESFORCE
    crm, old = house.crms[name], ids[name]
    new = crm.put("Contact" if fate == "converted" else "contacts", **crm.records[old].fields)
    house.post(email=ADA, title="CTO")
    house.decide()
    if fate == "converted":
        crm.convert(old, new)
    else:
        crm.archive(old)
        crm.merged = {old: new} if fate == "merged" else {}
    for _ in range(attempts):
        house.deliver()
        house.clock.advance(GONE_WAIT * 2**GONE_ATTEMPTS)
    assert bool(given_up(house)) is (attempts == GONE_ATTEMPTS)
    see(house, name, new if fate == "merged" else old)
    house.deliver()
    assert [row for row in rows(house.store, tables.outbox_changes) if row["wanted"] > row["done"]] == []
    house.settle()
    if fate != "deleted":
        assert crm.records[new].fields["title"] == "CTO"


def test_who_was_given_up_and_is_then_made_by_hand_is_given_up_no_more(house):
    crm = house.crms[HUBSPOT]
    crm.next("create", rejects="ada")
    house.post(email=ADA, title="CTO")
    house.settle()
    assert len(given_up(house)) == 1
    house.clock.advance(60)
    made = {
        name: crm_value for name, crm_value in house.crms[SALESFORCE].one(ADA).items() if name != "lead_id"
    }
    see(house, HUBSPOT, crm.put("contacts", **made))
    house.settle()
    assert HUBSPOT in house.lead(ADA).links
    assert given_up(house) == []


def test_an_edit_that_waited_for_its_history_when_the_record_was_deleted_is_decided_without(house):
    ids = known(house, title="Intern", company="Acme")
    house.post(email=ADA, title="CTO")
    house.decide()
    house.clock.advance(60)
    crm = house.crms[HUBSPOT]
    crm.edit(ids[HUBSPOT], title="CEO")
    see(house, HUBSPOT, ids[HUBSPOT])  # both have changed it: it is read again, with its history
    record = crm._record(ids[HUBSPOT], crm.records[ids[HUBSPOT]])
    crm.records[ids[HUBSPOT]].archived = True
    hand_in(house, replace(record, fields={}, archived=True))
    lead = house.lead(ADA)
    assert lead.links[HUBSPOT].gone_at is not None
    assert (lead.fields["title"], lead.fields["company"]) == ("CEO", "Acme")
    assert lost(house) == [("title", "CTO")]
    version = lead.version
    hand_in(house, replace(record, fields={}, archived=True))
    assert house.lead(ADA).version == version


def test_a_list_that_is_told_late_does_not_delete_a_record_that_was_restored_meanwhile(house):
    ids = known(house, title="Intern")
    crm = house.crms[HUBSPOT]
    crm.archive(ids[HUBSPOT])
    listed, listed_at = crm._record(ids[HUBSPOT], crm.records[ids[HUBSPOT]]), house.clock.now()
    house.clock.advance(60)
    crm.records[ids[HUBSPOT]].archived = False
    crm.edit(ids[HUBSPOT], company="Acme")
    see(house, HUBSPOT, ids[HUBSPOT])
    hand_in(house, replace(listed, fields={}), by_id=False, read_at=listed_at)
    assert house.lead(ADA).links[HUBSPOT].gone_at is None
    assert fetches(house) == {(HUBSPOT, ids[HUBSPOT])}
    house.settle()
    house.post(email=ADA, title="CTO")
    house.settle()
    assert crm.one(ADA)["title"] == "CTO"


def test_a_new_record_takes_the_place_of_one_that_was_deleted(house):
    ids = known(house, title="Intern")
    crm = house.crms[HUBSPOT]
    crm.records[ids[HUBSPOT]].archived = True
    see(house, HUBSPOT, ids[HUBSPOT])
    house.clock.advance(60)
    again = crm.put("contacts", email=ADA, title="CTO")
    see(house, HUBSPOT, again)
    house.settle()
    link = house.lead(ADA).links[HUBSPOT]
    assert (link.remote_id, link.gone_at) == (again, None)
    assert house.lead(ADA).fields["title"] == "CTO"


# Adopted


def test_a_person_born_in_a_crm_becomes_a_lead_and_is_written_to_the_other_one(store):
    house = adopting(store)
    there = house.crms[HUBSPOT].put("contacts", email=ADA, title="CTO", owner="o2")
    see(house, HUBSPOT, there)
    lead = house.lead(ADA)
    assert (lead.fields["title"], lead.owner) == ("CTO", "bo@example.com")
    house.settle()
    assert house.crms[SALESFORCE].one(ADA)["title"] == "CTO"
    assert house.effects() == []


def test_nobody_is_adopted_before_the_owners_are_known(store):
    playbook = house_playbook()
    crms = {name: replace(crm, adopts=True) for name, crm in playbook.crms.items()}
    house = a_house(store, playbook=replace(playbook, crms=crms), rosters=False)
    there = house.crms[HUBSPOT].put("contacts", email=ADA, owner="o2")
    see(house, HUBSPOT, there)
    assert (leads_there(house), fetches(house)) == (0, set())
    house.read_rosters()
    house.clock.advance(60)
    see(house, HUBSPOT, there)
    assert house.lead(ADA).owner == "bo@example.com"


def test_nobody_is_adopted_whom_the_map_leaves_out(store, house):
    there = house.crms[HUBSPOT].put("contacts", email=ADA)
    see(house, HUBSPOT, there)
    assert leads_there(house) == 0
    house = adopting(store, adopt_when=field_is("title", "CEO"))
    see(house, HUBSPOT, house.crms[HUBSPOT].put("contacts", email=ADA))
    assert leads_there(house) == 0
    see(house, HUBSPOT, house.crms[HUBSPOT].put("contacts", email=BO, title="CEO"))
    assert leads_there(house) == 1


def test_a_record_of_a_known_person_is_linked_not_adopted(store):
    house = adopting(store)
    house.post(email=ADA, title="Intern")
    house.decide()
    there = house.crms[HUBSPOT].put("contacts", email=ADA, title="CTO")
    see(house, HUBSPOT, there)
    house.settle()
    assert (leads_there(house), len(house.crms[HUBSPOT].records)) == (1, 1)
    assert house.lead(ADA).links[HUBSPOT].remote_id == there


def test_a_second_record_of_a_person_is_asked_about_and_not_linked(house):
    ids = known(house)
    twin = house.crms[SALESFORCE].put("Lead", email=ADA)
    see(house, SALESFORCE, twin)
    assert house.lead(ADA).links[SALESFORCE].remote_id == ids[SALESFORCE]
    assert reviews(house) == ["second_record"]


def test_an_adopted_person_who_opted_out_is_known_to_have(store):
    house = adopting(store)
    crm = house.crms[HUBSPOT]
    maps = house.playbook.crms
    assert OPT_OUT not in {rule.field for rule in maps[HUBSPOT].objects["contacts"].fields}
    see(house, HUBSPOT, crm.put("contacts", email=ADA))
    assert house.lead(ADA).fields.get(OPT_OUT) is None


# Observed


def told(house: House, name: str) -> list[tuple[int, bool]]:
    """Return priority and whether it is parked of each row of a connection."""
    found = rows(house.store, tables.outbox_changes)
    return [(row["priority"], row["due_at"] == outbox.PARKED) for row in found if row["connection"] == name]


def born(house: House, count: int, *, is_mend: bool = False) -> None:
    """Let people be made in HubSpot, and read in one page."""
    crm, now = house.crms[HUBSPOT], house.clock.now()
    made = [crm.put("contacts", email=f"p{number}-of-{count}@example.com") for number in range(count)]
    records = [crm._record(each, crm.records[each]) for each in made]
    events = [changed_event(one, now, now, "main", by_id=True, is_mend=is_mend) for one in records]
    inbox.append(house.store, events)
    house.decide()


def test_who_is_adopted_from_an_observed_crm_waits_for_a_plan(store):
    house = adopting(store, shut={HUBSPOT: "observed"})
    see(house, HUBSPOT, house.crms[HUBSPOT].put("contacts", email=ADA, title="CTO"))
    assert told(house, SALESFORCE) == [(Priority.RECONCILE, True)]
    house.deliver(SALESFORCE)
    assert len(house.crms[SALESFORCE].records) == 0


def test_who_is_born_in_a_crm_goes_to_the_other_as_a_new_lead_before_what_is_done_in_bulk(store):
    house = adopting(store)
    bulk = [outbox.Raise(SALESFORCE, "Lead", f"x{n}", (), Priority.RECONCILE) for n in range(500)]
    house.store.write(partial(outbox.raise_wanted, space="main", raises=bulk, now=house.clock.now()))
    house.clock.advance(60)
    see(house, HUBSPOT, house.crms[HUBSPOT].put("contacts", email=ADA, title="CTO"))
    assert told(house, SALESFORCE)[-1] == (Priority.SPEED_TO_LEAD, False)
    deliver_batch(house.targets[SALESFORCE])
    assert house.crms[SALESFORCE].one(ADA)["title"] == "CTO"


def test_an_import_into_a_crm_goes_to_the_other_behind_new_leads(store):
    house = adopting(store)
    born(house, FEW)
    assert set(told(house, SALESFORCE)) == {(Priority.SPEED_TO_LEAD, False)}
    other = adopting(store)
    born(other, 3 * FEW)
    assert set(told(other, SALESFORCE)[FEW:]) == {(Priority.RECONCILE, False)}


def test_who_is_adopted_because_a_reconcile_had_them_read_goes_behind(store):
    house = adopting(store)
    born(house, 1, is_mend=True)
    assert told(house, SALESFORCE) == [(Priority.RECONCILE, False)]


def test_an_edit_that_makes_the_first_link_of_a_known_lead_is_an_edit_like_any_other(store):
    house = a_house(store)
    house.post(email=ADA, title="Intern")
    house.decide()
    house.deliver(SALESFORCE)
    house.clock.advance(60)
    see(house, HUBSPOT, house.crms[HUBSPOT].put("contacts", email=ADA, title="CTO"))
    assert told(house, SALESFORCE) == [(Priority.PEOPLE, False)]


def test_the_first_link_to_an_observed_crm_writes_nothing_into_the_other(store):
    house = a_house(store, shut={HUBSPOT: "observed"})
    house.post(email=ADA, title="Intern")
    house.decide()
    house.deliver(SALESFORCE)
    house.clock.advance(60)
    there = house.crms[HUBSPOT].put("contacts", email=ADA, title="CTO")
    see(house, HUBSPOT, there)
    house.deliver(SALESFORCE)
    assert house.lead(ADA).fields["title"] == "CTO"
    assert house.crms[SALESFORCE].one(ADA)["title"] == "Intern"
    assert told(house, SALESFORCE) == [(Priority.RECONCILE, True)]


def test_an_edit_in_an_observed_crm_of_somebody_linked_there_reaches_the_other(house):
    ids = known(house, title="Intern")
    house.shut[HUBSPOT] = "observed"
    house.crms[HUBSPOT].edit(ids[HUBSPOT], title="CTO")
    see(house, HUBSPOT, ids[HUBSPOT])
    house.deliver(SALESFORCE)
    assert house.crms[SALESFORCE].one(ADA)["title"] == "CTO"


# Hints


def hint(house: House, name: str, told: Hint) -> None:
    now = house.clock.now()
    event = Event(
        source=name,
        event_id=f"hint-{to_text(now)}-{told}",
        kind=EventKind.HINT,
        payload=told.as_payload(),
        occurred_at=now,
        received_at=now,
        record=RecordRef(name, told.object, told.id),
    )
    inbox.append(house.store, [event])
    house.decide()


def test_a_hint_of_what_is_known_is_dropped_and_any_other_is_read(house):
    ids = known(house, title="Intern")
    there = ids[HUBSPOT]
    hint(house, HUBSPOT, Hint("contacts", there, field="title", value="Intern"))
    hint(house, HUBSPOT, Hint("contacts", there, field="not_mapped", value="x"))
    hint(house, HUBSPOT, Hint("tickets", "7"))
    assert fetches(house) == set()
    house.crms[HUBSPOT].edit(there, title="CTO")
    for _ in range(3):
        hint(house, HUBSPOT, Hint("contacts", there, field="title", value="CTO"))
        house.clock.advance(1)
    assert fetches(house) == {(HUBSPOT, there)}
    reads = house.crms[HUBSPOT].called("read")
    house.settle()
    assert house.crms[HUBSPOT].called("read") == reads + 1
    assert house.lead(ADA).fields["title"] == "CTO"


def test_a_record_that_is_not_there_when_it_is_read_is_gone(house):
    ids = known(house)
    house.crms[HUBSPOT].records.pop(ids[HUBSPOT])
    hint(house, HUBSPOT, Hint("contacts", ids[HUBSPOT], what="deleted"))
    house.settle()
    assert house.lead(ADA).links[HUBSPOT].gone_at is not None


def test_a_read_that_fails_is_tried_again(house):
    ids = known(house)
    house.crms[HUBSPOT].edit(ids[HUBSPOT], title="CTO")
    house.crms[HUBSPOT].next("read", refused="429", wait=30)
    hint(house, HUBSPOT, Hint("contacts", ids[HUBSPOT]))
    house.fetch()
    assert [row["error"] for row in rows(house.store, tables.outbox_fetches)] == ["429"]
    house.settle()
    assert house.lead(ADA).fields["title"] == "CTO"


def test_the_ids_of_a_lead_that_was_taken_in_lead_on(house):
    known(house, ADA), known(house, BO)
    first, second = house.lead_id(ADA), house.lead_id(BO)
    with house.store.snapshot() as snapshot:
        assert snapshot.execute(sa.select(sa.func.count()).select_from(tables.leads)).scalar() == 2
    crm = house.crms[HUBSPOT]
    ids = [house.lead(one).links[HUBSPOT].remote_id for one in (ADA, BO)]
    new = crm.put("contacts", email=ADA)
    crm.merged = dict.fromkeys(ids, new)
    for one in ids:
        crm.records.pop(one)
    see(house, HUBSPOT, new)
    house.settle()
    assert {house.lead_id(ADA), house.lead_id(BO)} == {first}
    assert second != first


def test_a_record_that_is_linked_already_is_looked_at_and_not_found_anew(store):
    house = a_house(store)
    ids = known(house, title="Intern")
    house.crms[HUBSPOT].edit(ids[HUBSPOT], title="CTO")
    see(house, HUBSPOT, ids[HUBSPOT])
    with house.store.snapshot() as snapshot:
        newest = explain.read(snapshot, house.lead_id(ADA)).chapters[-1]
    assert newest.kind == EventKind.CHANGED
    said = [reason["text"] for reason in newest.reasons]
    assert f"looked at in hubspot: contacts {ids[HUBSPOT]}" in said
    assert not [text for text in said if "linked" in text]
