"""The mirror and its cursors: pages that are written, found again, and never undone by older ones."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from model.change import Record
from model.errors import Conflict
from model.event import RecordRef
from model.lead import Identity
from model.listing import Listed
from sync import cursors, mirror
from sync.cursors import BACKFILL, Cursor
from sync.tables import mirror_keys
from tests.builders import NOON, at
from tests.sync.stores import rows


def listed(
    remote_id: str = "1", *keys: tuple[str, str], object_type: str = "contacts", **given: Any
) -> Listed:
    record = Record(RecordRef("hubspot", object_type, remote_id), given.pop("fields", {}), NOON)
    return Listed(
        replace(record, archived=given.pop("archived", False)), tuple(Identity(*key) for key in keys), **given
    )


def write(store, *page: Listed, minutes: float = 0) -> int:
    return store.write(partial(mirror.write_page, space="main", listed=page, read_at=at(minutes)))


def found(store, kind: str, *values: str) -> dict[str, list[str]]:
    with store.snapshot() as snapshot:
        hits = mirror.find(snapshot, "main", "hubspot", kind, values)
    return {value: [one.record.ref.id for one in some] for value, some in hits.items()}


def test_a_record_is_found_by_every_key_in_match_form(store):
    write(
        store,
        listed("1", ("email", "Ada+News@Gmail.com"), ("email", "ada@acme.com"), ("lead", "ld_1")),
        listed("2", ("domain", "https://www.Acme.com/about"), object_type="companies"),
        listed("3", ("email", "ada@gmail.com")),
    )
    assert found(store, "email", "ada@gmail.com", "ada@acme.com", "nobody@acme.com") == {
        "ada@acme.com": ["1"],
        "ada@gmail.com": ["1", "3"],
    }
    assert found(store, "lead", "ld_1") == {"ld_1": ["1"]}
    assert found(store, "domain", "acme.com") == {"acme.com": ["2"]}


def test_a_page_written_again_leaves_one_record_with_its_present_keys(store):
    write(store, listed("1", ("email", "old@acme.com"), fields={"title": "CTO", "phone": None}))
    assert write(store, listed("1", ("email", "new@acme.com"), fields={"title": "CEO"}), minutes=1) == 1
    assert found(store, "email", "old@acme.com", "new@acme.com") == {"new@acme.com": ["1"]}
    ref = RecordRef("hubspot", "contacts", "1")
    with store.snapshot() as snapshot:
        assert mirror.read(snapshot, "main", [ref])[ref].record.fields == {"title": "CEO"}
        assert mirror.counts(snapshot, "main") == {("hubspot", "contacts"): 1}


def test_a_page_read_before_a_poll_does_not_undo_it(store):
    write(store, listed("1", ("email", "new@acme.com")), minutes=5)
    assert write(store, listed("1", ("email", "old@acme.com")), listed("2"), minutes=4) == 1
    assert found(store, "email", "old@acme.com", "new@acme.com") == {"new@acme.com": ["1"]}


def test_a_record_twice_on_a_page_counts_once_as_it_stood_last(store):
    assert write(store, listed("1", ("email", "a@acme.com")), listed("1", ("email", "b@acme.com"))) == 1
    assert found(store, "email", "a@acme.com", "b@acme.com") == {"b@acme.com": ["1"]}


def test_what_a_whole_walk_did_not_meet_matches_nobody_any_more(store):
    write(store, listed("1", ("email", "a@acme.com")), listed("2", ("email", "b@acme.com")))
    write(store, listed("2", ("email", "b@acme.com")), minutes=10)
    gone = store.write(
        partial(mirror.archive_unseen, space="main", name="hubspot", object_type="contacts", since=at(10))
    )
    assert gone == 1
    assert found(store, "email", "a@acme.com", "b@acme.com") == {"b@acme.com": ["2"]}
    with store.snapshot() as snapshot:
        ref = RecordRef("hubspot", "contacts", "1")
        assert mirror.read(snapshot, "main", [ref])[ref].record.archived


def test_a_merged_record_takes_the_place_of_those_it_replaces(store):
    write(store, listed("1", ("email", "a@acme.com")), listed("2", ("email", "b@acme.com")))
    survivor = listed("3", ("email", "a@acme.com"), ("email", "b@acme.com"), replaces=("1", "2"))
    write(store, survivor, minutes=1)
    assert found(store, "email", "a@acme.com", "b@acme.com") == {"a@acme.com": ["3"], "b@acme.com": ["3"]}


def test_spaces_connections_and_archived_records_are_kept_apart(store):
    write(store, listed("1", ("email", "a@acme.com"), archived=True))
    store.write(
        partial(mirror.write_page, space="other", listed=[listed("9", ("email", "a@acme.com"))], read_at=NOON)
    )
    assert found(store, "email", "a@acme.com") == {}
    store.write(partial(mirror.archive, space="other", refs=[RecordRef("hubspot", "contacts", "9")]))
    with store.snapshot() as snapshot:
        assert mirror.find(snapshot, "other", "hubspot", "email", ["a@acme.com"]) == {}


def test_of_a_connection_that_is_no_more_nothing_stays(store, monkeypatch):
    monkeypatch.setattr(mirror, "FORGET_CHUNK", 3)
    write(store, *(listed(str(n), ("lead", f"ld_{n}")) for n in range(10)))
    store.write(
        partial(cursors.begin, space="main", cursor=Cursor("hubspot", BACKFILL, "contacts", NOON, NOON))
    )
    other = replace(listed("1", ("lead", "ld_1")))
    other = replace(other, record=replace(other.record, ref=RecordRef("salesforce", "Lead", "1")))
    write(store, other)
    mirror.forget(store, "main", "hubspot")
    with store.snapshot() as snapshot:
        assert mirror.counts(snapshot, "main") == {("salesforce", "Lead"): 1}
        assert cursors.load(snapshot, "main") == []
    assert [row["connection"] for row in rows(store, mirror_keys)] == ["salesforce"]


def test_a_key_that_nothing_can_be_found_by_is_left_out(store):
    write(
        store,
        listed(
            "1",
            ("email", ""),
            ("domain", "intranet"),
            ("email", "x" * 401 + "@acme.com"),
            ("email", "a\0@b.com"),
            ("lead", "\ud800"),
        ),
    )
    assert rows(store, mirror_keys) == []


@pytest.mark.parametrize("many", [5_001])
def test_more_values_than_one_query_takes_are_asked_for_in_several(store, many):
    write(store, *(listed(str(n), ("lead", f"ld_{n}")) for n in range(many)))
    assert len(found(store, "lead", *(f"ld_{n}" for n in range(many)))) == many


# Cursors


def test_a_cursor_moves_only_from_where_it_was_read(store):
    first = Cursor("hubspot", BACKFILL, "contacts", NOON, NOON, fields=("email",))
    store.write(partial(cursors.begin, space="main", cursor=first))
    second = replace(first, after="200", seen=200, total=450, moved_at=at(1))
    store.write(partial(cursors.move, space="main", before=first, now=second))
    with pytest.raises(Conflict):  # a second process that read the same page
        store.write(partial(cursors.move, space="main", before=first, now=second))
    with store.snapshot() as snapshot:
        assert cursors.find(snapshot, "main", "hubspot", BACKFILL, "contacts") == second
        assert cursors.load(snapshot, "main") == [second]
        assert cursors.find(snapshot, "main", "hubspot", BACKFILL, "companies") is None


def test_a_walk_begun_anew_refuses_the_step_of_the_old_one(store):
    old = Cursor("hubspot", BACKFILL, "contacts", NOON, NOON)
    store.write(partial(cursors.begin, space="main", cursor=old))
    store.write(partial(cursors.begin, space="main", cursor=old.again(at(1)), anew=True))
    with pytest.raises(Conflict):
        store.write(partial(cursors.move, space="main", before=old, now=replace(old, after="200")))
    store.write(partial(cursors.forget, space="main", name="hubspot", jobs=[BACKFILL]))
    with store.snapshot() as snapshot:
        assert cursors.load(snapshot, "main") == []
