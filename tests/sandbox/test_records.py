"""The table that both vendors keep their records in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.records import Key, Record, Table

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def by_email(values: Mapping[str, Any]) -> Iterable[Key]:
    return [("email", values["email"])] if values.get("email") else []


def a_table(*emails: str) -> Table:
    table = Table(by_email)
    for number, email in enumerate(emails):
        table.add(Record(str(number), {"email": email}, NOON, NOON))
    return table


def ids(records: Iterable[Record]) -> list[str]:
    return [record.id for record in records]


def test_records_are_found_by_id_and_by_key():
    table = a_table("a@x", "b@x")
    assert table.get("1") is table.find("email", "b@x")
    assert table.find("email", "c@x") is None


def test_a_new_value_moves_the_key():
    table = a_table("a@x")
    record = table.get("0")
    assert record is not None
    table.replace(record, {"email": "z@x"}, at=NOON)
    assert (table.find("email", "a@x"), table.find("email", "z@x")) == (None, record)


def test_another_holder_of_a_key_is_a_clash_and_the_record_itself_is_none():
    table = a_table("a@x", "b@x")
    first = table.get("0")
    assert table.clash({"email": "a@x"}) is first
    assert table.clash({"email": "a@x"}, besides=first) is None


def test_an_archived_record_leaves_the_list_and_frees_its_key():
    table = a_table("a@x", "b@x")
    first = table.get("0")
    assert first is not None
    table.archive(first, at=NOON)
    assert (ids(table.after()), ids(table.after(archived=True)), len(table)) == (["1"], ["0"], 1)
    assert table.find("email", "a@x") is None


def test_paging_goes_on_after_a_record_that_was_archived_meanwhile():
    table = a_table("a@x", "b@x", "c@x")
    middle = table.get("1")
    assert middle is not None
    table.archive(middle, at=NOON)
    assert ids(table.after("1")) == ["2"]
