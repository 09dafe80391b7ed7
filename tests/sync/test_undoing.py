"""A file of people is taken back: who came by it alone goes, of others only what it left."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from mappings.sheets import read_csv
from model.event import IMPORT, Event, EventKind
from model.times import to_text
from sync import imports, inbox, leads, tables, undoing
from sync.deciding.undoing import judge
from sync.imports import Batch
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house
from tests.sync.stores import rows

FILE = Batch("b1", "fair.csv", "gave us their cards", "website", "ann")
TABLE = b"email,title,phone\nada@acme.com,CTO,\nbo@acme.com,CEO,\nnot an address,X,\n"


@pytest.fixture
def house(store) -> House:
    return a_house(store)


def take_in(house: House, raw: bytes = TABLE, batch: Batch = FILE) -> None:
    with house.store.snapshot() as snapshot:
        found = imports.preview(snapshot, "main", read_csv(raw), batch, house.playbook, house.clock.now())
    inbox.append(house.store, found.take)
    house.settle()


def wishes(house: House, batch: str = "b1", deletes: dict[str, int] | None = None) -> list[Event]:
    """Return the events by which the whole batch is taken back."""
    with house.store.snapshot() as snapshot:
        lead_ids = undoing.leads_of(snapshot, "main", batch)
        aside = undoing.rows_aside(snapshot, "main", batch)
    said = {IMPORT: {"batch": batch}, "by": "ann", "deletes": deletes or {}}
    told = [{"lead_id": one} for one in lead_ids] + ([{"rows": aside}] if aside else [])
    now = house.clock.now()
    return [
        Event("website", f"undo-{batch}-{n}", EventKind.UNDO, said | one, now, now)
        for n, one in enumerate(told)
    ]


def undo(house: House, **given) -> None:
    inbox.append(house.store, wishes(house, **given))
    house.settle()
    house.tell()
    house.settle()


def addresses(house: House) -> set[str]:
    return {row["email"] for row in rows(house.store, tables.leads)}


def listed(house: House) -> undoing.Listed:
    with house.store.snapshot() as snapshot:
        [one] = undoing.listed(snapshot, "main")
    return one


def on_delete(house: House, what: str) -> None:
    crms = {name: replace(crm, on_delete=what) for name, crm in house.playbook.crms.items()}
    house.playbook = replace(house.playbook, crms=crms)


def test_who_came_by_the_file_alone_goes_and_their_records_as_on_delete_says(house):
    on_delete(house, "delete")
    take_in(house)
    assert listed(house).state == "taken in"
    assert listed(house).rows == {"new": 2, "quarantined": 1}
    undo(house)
    assert addresses(house) == set()
    for name in (HUBSPOT, SALESFORCE):
        assert all(one.archived for one in house.crms[name].records.values()), name
    assert [row for row in rows(house.store, tables.inbox_events) if row["kind"] == "intake"] == []
    for table in (tables.touches, tables.identities, tables.links, tables.outbox_changes):
        assert rows(house.store, table) == []
    assert listed(house).state == "taken back"
    assert sum(row["received"] for row in rows(house.store, tables.source_days)) == 0


def test_without_on_delete_a_person_is_asked_for_each_record(house):
    take_in(house)
    undo(house)
    asked = [(one["connection"], one["state"], one["why"]) for one in rows(house.store, tables.proposals)]
    assert asked.count((HUBSPOT, "open", "import b1 was taken back")) == 2
    assert not any(one.archived for one in house.crms[HUBSPOT].records.values())


def test_a_brake_that_so_many_deletions_would_trip_makes_each_a_question(house):
    on_delete(house, "delete")
    people = b"".join(f"p{n}@acme.com,CTO,\n".encode() for n in range(7))
    take_in(house, b"email,title,phone\n" + people)
    undo(house, deletes={HUBSPOT: 7})
    states = {(one["connection"], one["state"]) for one in rows(house.store, tables.proposals)}
    assert (HUBSPOT, "open") in states
    assert (HUBSPOT, "done") not in states
    assert not any(one.archived for one in house.crms[HUBSPOT].records.values())
    assert all(one.archived for one in house.crms[SALESFORCE].records.values())


def test_of_who_was_there_before_only_what_the_file_left_goes_back(house):
    house.post(email="bo@acme.com", title="Founder")
    house.settle()
    before = house.lead("bo@acme.com")
    house.clock.advance(60)
    take_in(house, b"email,title,phone,country\nbo@acme.com,CEO,+442071838750,DE\n")
    imported = house.lead("bo@acme.com")
    assert (imported.fields["title"], imported.stage) == ("CEO", "mql")
    assert len(imported.touches) + len(imported.identities) > len(before.touches) + len(before.identities)
    undo(house)
    after = house.lead("bo@acme.com")
    assert (after.fields["title"], after.provenance["title"]) == ("Founder", before.provenance["title"])
    assert "phone" not in after.fields
    assert (after.touches, after.activities) == (before.touches, before.activities)
    assert after.identities == before.identities
    assert after.fields.get("first_touch") == before.fields.get("first_touch")
    assert house.crms[HUBSPOT].records[after.links[HUBSPOT].remote_id].fields["title"] == "Founder"
    assert listed(house).state == "taken back"


def test_a_value_goes_back_behind_all_rows_of_the_batch_and_a_later_word_stands(house):
    house.post(email="bo@acme.com", title="Founder", company="Acme")
    house.settle()
    house.clock.advance(60)
    take_in(house, b"email,title,company\nbo@acme.com,CEO,A\nbo@acme.com,CFO,B\n")
    house.clock.advance(60)
    house.post(email="bo@acme.com", company="Acme Ltd")
    house.settle()
    undo(house)
    fields = house.lead("bo@acme.com").fields
    assert (fields["title"], fields["company"]) == ("Founder", "Acme Ltd")


def test_who_was_born_of_the_file_and_posted_since_stays_with_what_they_posted(house):
    take_in(house)
    house.clock.advance(3600)  # another session, so another touch
    house.post(email="ada@acme.com", first_name="Ada")
    house.settle()
    undo(house)
    assert addresses(house) == {"ada@acme.com"}
    ada = house.lead("ada@acme.com")
    assert "title" not in ada.fields
    assert ada.fields["first_name"] == "Ada"
    assert [to_text(one.at) for one in ada.touches] == [ada.fields["first_touch"]["at"]]


def test_what_a_person_changed_in_a_crm_keeps_the_lead_and_the_value(house):
    take_in(house)
    ada = house.lead("ada@acme.com")
    traces_of = partial_traces(house, ada.id)
    assert judge(ada, traces_of, house.playbook).goes
    origin = replace(ada.provenance["title"], source=HUBSPOT, event=99, by_people=True)
    ada.provenance["title"] = origin
    ada.fields["title"] = "Boss"
    verdict = judge(ada, traces_of, house.playbook)
    assert verdict.why_kept == ("title set in hubspot",)
    assert "title" not in verdict.back
    assert verdict.stays == {"email": "the lead would have no address"}


def test_a_record_that_was_in_the_crm_before_keeps_the_lead(house):
    take_in(house)
    ada = house.lead("ada@acme.com")
    traces = partial_traces(house, ada.id)
    traces.made = {one for one in traces.made if one.connection != HUBSPOT}
    [why] = judge(ada, traces, house.playbook).why_kept
    assert why.startswith("its record in hubspot was not made by leadrelay: contacts ")


def partial_traces(house: House, lead_id: str) -> undoing.Traces:
    with house.store.snapshot() as snapshot:
        return undoing.read(snapshot, "main", "b1", [lead_id])[lead_id]


def test_rows_that_became_nobody_are_removed_unless_somebody_sent_them_on_their_way(house):
    take_in(house)
    [aside] = [row for row in rows(house.store, tables.inbox_events) if row["state"] == "quarantined"]
    asked = wishes(house)
    house.replay(aside["id"], email="cy@acme.com")
    inbox.append(house.store, asked)
    house.settle()
    assert addresses(house) == {"cy@acme.com"}
    undo_again = wishes(house)
    assert [one.payload.get("lead_id") for one in undo_again[:1]] == [house.lead_id("cy@acme.com")]
    now = house.clock.now()
    inbox.append(
        house.store, [replace(one, event_id=f"{one.event_id}-2", received_at=now) for one in undo_again]
    )
    house.settle()
    assert addresses(house) == set()
    assert listed(house).state == "taken back"


def test_asked_twice_or_broken_off_it_is_done_once_and_goes_on(house):
    house.post(email="bo@acme.com", title="Founder")
    house.settle()
    take_in(house)
    first, *rest = wishes(house)
    inbox.append(house.store, [first])
    house.settle()
    house.restart()
    receipts = inbox.append(house.store, [first, *rest])
    assert [one.duplicate for one in receipts] == [True, False, False]
    house.settle()
    assert addresses(house) == {"bo@acme.com"}
    assert house.lead("bo@acme.com").fields["title"] == "Founder"


def test_a_file_that_was_taken_back_can_be_taken_in_again(house):
    house.post(email="bo@acme.com", title="Founder")
    house.settle()
    take_in(house)
    undo(house)
    house.clock.advance(60)
    take_in(house)
    assert addresses(house) == {"ada@acme.com", "bo@acme.com"}
    assert house.lead("bo@acme.com").fields["title"] == "CEO"
    assert listed(house).state == "taken in"


def test_a_lead_to_whom_a_call_is_under_way_is_left_for_another_time(house):
    take_in(house)
    later = house.clock.now().replace(year=house.clock.now().year + 1)
    change = sa.update(tables.outbox_changes).where(
        tables.outbox_changes.c.entity_id == house.lead_id("ada@acme.com")
    )
    house.store.write(lambda on: on.execute(change.values(lease_until=later, lease_token="t")))
    inbox.append(house.store, wishes(house))
    house.decide()
    assert addresses(house) == {"ada@acme.com"}
    with house.store.snapshot() as snapshot:
        assert undoing.undone_before(snapshot, "main", "b1")[house.lead_id("ada@acme.com")] == 1
        assert leads.load(snapshot, [house.lead_id("ada@acme.com")])
