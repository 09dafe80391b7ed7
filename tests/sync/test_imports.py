"""Files of people: shown before they are taken in, each row once, nobody told, nobody who was erased."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mappings.playbook import Required
from mappings.sheets import read_csv
from model.lead import Identity
from model.priority import Priority
from sync import forget, imports, inbox, tables
from sync.imports import Batch
from tests.sync.house import HUBSPOT, a_house
from tests.sync.stores import rows

FILE = Batch("b1", "fair.csv", "gave us their cards", "website")
TABLE = b"email,title\nada@acme.com,CTO\nbo@acme.com,CEO\nada@acme.com,CEO\nnot an address,X\n"


@pytest.fixture
def house(store):
    return a_house(store)


def look(house, raw: bytes = TABLE) -> imports.Preview:
    with house.store.snapshot() as snapshot:
        return imports.preview(snapshot, "main", read_csv(raw), FILE, house.playbook, house.clock.now())


def counts(found: imports.Preview) -> tuple[int, ...]:
    return found.new, found.known, found.again, found.sent, found.forgotten, found.set_aside


def test_what_would_become_of_each_row_is_counted_and_nothing_is_written(house):
    before = len(rows(house.store, tables.inbox_events))
    house.post(email="bo@acme.com")
    house.settle()
    found = look(house)
    assert counts(found) == (1, 1, 1, 0, 0, 1)
    [reason] = found.quarantined
    assert found.examples[reason] == 5
    assert len(rows(house.store, tables.inbox_events)) > before  # the post's, and what came of it
    assert [row for row in rows(house.store, tables.inbox_events) if "import" in row["payload"]] == []


def test_the_same_file_again_takes_in_nobody_twice(house):
    inbox.append(house.store, look(house).take)
    house.settle()
    assert len(rows(house.store, tables.leads)) == 2
    assert house.lead("ada@acme.com").fields["title"] == "CEO"
    assert counts(look(house)) == (0, 0, 0, 4, 0, 0)
    again = imports.to_events(
        read_csv(TABLE).rows, FILE, house.playbook.sources["website"], house.clock.now()
    )
    receipts = inbox.append(house.store, again)
    assert all(receipt.duplicate for receipt in receipts)


def test_of_a_file_in_which_a_row_was_mended_only_that_one_comes_in(house):
    inbox.append(house.store, look(house).take)
    house.settle()
    mended = TABLE.replace(b"bo@acme.com,CEO", b"bo@acme.com,Founder") + b"cy@acme.com,CFO\n"
    found = look(house, mended)
    assert counts(found) == (1, 1, 0, 3, 0, 0)
    assert [event.payload["body"]["title"] for event in found.take] == ["Founder", "CFO"]


def test_two_rows_of_the_same_cells_are_two_and_a_rows_own_moment_counts(house):
    source = replace(house.playbook.sources["website"], occurred_at_path="on")
    rows_of = read_csv(b"email,on\na@x.example,2024-05-01\na@x.example,2024-05-01\n").rows
    one, two = imports.to_events(rows_of, FILE, source, house.clock.now())
    assert one.event_id != two.event_id
    assert one.occurred_at.date().isoformat() == "2024-05-01"


def test_a_row_with_the_senders_id_is_the_post_of_that_id(house):
    source = replace(house.playbook.sources["website"], id_path="lead_no")
    [event] = imports.to_events(
        read_csv(b"email,lead_no\na@x.example,77\n").rows, FILE, source, house.clock.now()
    )
    assert event.event_id == "77"


def test_a_row_with_the_id_of_an_earlier_row_is_told_and_a_long_id_fits_the_store(house):
    source = replace(house.playbook.sources["website"], id_path="lead_no")
    house.playbook = replace(house.playbook, sources={"website": source})
    long = "7" * 300
    raw = f"email,lead_no\na@x.example,{long}\nb@x.example,{long}\nc@x.example,8\n".encode()
    found = look(house, raw)
    assert (found.new, found.same_id, found.examples[imports.SAME_ID]) == (2, 1, 3)
    assert len(inbox.append(house.store, found.take)) == 2
    house.settle()
    assert counts(look(house, raw)) == (0, 0, 0, 3, 0, 0)


def test_the_batch_and_the_basis_are_kept_with_the_post(house):
    inbox.append(house.store, look(house).take[:1])
    [kept] = [row for row in rows(house.store, tables.inbox_events) if "import" in row["payload"]]
    assert kept["payload"]["import"] == {
        "batch": "b1",
        "file": "fair.csv",
        "line": 2,
        "basis": "gave us their cards",
        "by": "",
    }
    assert kept["payload"]["query"]["import_basis"] == "gave us their cards"


def test_who_was_erased_for_privacy_is_left_out(house):
    gone = {
        "space": "main",
        "connection": HUBSPOT,
        "hash": forget.hash_of(Identity("email", "ada@acme.com")),
        "at": house.clock.now(),
    }
    house.store.write(lambda on: on.execute(tables.forgotten.insert(), [gone]))
    found = look(house)
    assert counts(found)[4] == 2
    assert [event.payload["body"]["email"] for event in found.take] == ["bo@acme.com", "not an address"]


def test_imported_people_go_behind_new_leads(house):
    inbox.append(house.store, look(house).take[:1])
    house.decide()
    house.post(email="cy@acme.com")
    house.decide()
    waiting = {
        row["entity_id"]: row["priority"]
        for row in rows(house.store, tables.outbox_changes)
        if row["connection"] == HUBSPOT
    }
    assert waiting[house.lead_id("ada@acme.com")] == Priority.RECONCILE
    assert waiting[house.lead_id("cy@acme.com")] == Priority.SPEED_TO_LEAD


def test_a_row_with_two_faults_is_one_row(house):
    source = house.playbook.sources["website"]
    needs = replace(source, required=(Required(("email",), source.place),))
    house.playbook = replace(house.playbook, sources={"website": needs})
    found = look(house, b"email,title\nnone,CTO\n")
    assert (found.set_aside, sum(found.quarantined.values())) == (1, 2)
