"""Changes: every one that the CRM shows is met, whatever happens while they are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
import requests

from connectors.base import Connector
from model.change import Record, RecordChange
from model.errors import RetryLater
from model.event import RecordRef
from model.listing import Changes, Listed
from tests.contracts.conftest import Server
from tests.contracts.crms import CRMS, DIALECTS, a_change, a_new_person, fields_read

pytestmark = pytest.mark.parametrize("crm", CRMS)
LONGEST_POSITION = 190
START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


@pytest.fixture
def small_pages(monkeypatch) -> int:
    """Salesforce's pages hold 2,000 records; as small as HubSpot's they are filled sooner."""
    monkeypatch.setattr("connectors.salesforce.changes.PAGE", 200)
    return 200


def clock(server: Server, at: datetime) -> None:
    """Stop the CRM's clock at a moment."""
    server._post("clock", {"now": at.isoformat(), "frozen": True})


def names(crm: str) -> tuple[str, ...]:
    return fields_read(crm)[DIALECTS[crm].object]


def look(
    connector: Connector, crm: str, position: str | None, overlap: float = 0.0, most: int = 400
) -> Iterator[Changes]:
    """Look until nothing more is known to have changed."""
    for _ in range(most):
        page = connector.changes(DIALECTS[crm].object, names(crm), position, overlap=overlap)
        position = page.position
        assert len(position) <= LONGEST_POSITION
        yield page
        if page.is_drained:
            return
    raise AssertionError("the look has no end")


def met(pages: list[Changes]) -> list[Listed]:
    return [one for page in pages for one in page.listed]


def ids_of(pages: list[Changes]) -> set[str]:
    return {one.record.ref.id for one in met(pages)}


def make(connector: Connector, crm: str, count: int, *, mark: str = "p", **values: Any) -> list[RecordRef]:
    people = [a_new_person(crm, f"{mark}{number}@example.com", **values) for number in range(count)]
    made = {outcome.key: outcome.ref for outcome in connector.create(people, fields_read(crm))}
    return [made[person.key] for person in people]


def retitle(connector: Connector, crm: str, refs: list[RecordRef], title: str) -> None:
    list(connector.update([a_change(crm, ref.id, title=title) for ref in refs]))


def seed(server: Server, count: int) -> None:
    body = {DIALECTS[server.crm].object: count, "seed": 3}
    requests.post(f"{server.url}/__sandbox/seed", json=body, timeout=60).raise_for_status()


def beginning(connector: Connector, crm: str) -> str:
    """The position of a CRM where nothing ever changed."""
    page = connector.changes(DIALECTS[crm].object, names(crm), None)
    assert (list(page.listed), page.is_drained) == ([], True)
    return page.position


def test_without_a_position_only_that_of_the_newest_change_is_told(crm, sandboxes):
    connector, server = sandboxes[crm]
    clock(server, START)
    old = make(connector, crm, 3)
    clock(server, START + timedelta(seconds=5))
    retitle(connector, crm, old[:1], "CTO")
    before = server.calls()
    first = connector.changes(DIALECTS[crm].object, names(crm), None)
    assert server.calls() - before == 1
    assert (list(first.listed), first.is_drained) == ([], True)
    clock(server, START + timedelta(seconds=10))
    [new] = make(connector, crm, 1, mark="new")
    assert ids_of(list(look(connector, crm, first.position))) >= {new.id}
    assert ids_of(list(look(connector, crm, first.position))) <= {new.id, old[0].id}


def test_a_changed_record_comes_as_it_is_with_its_keys_and_stamp(crm, sandboxes):
    connector, server = sandboxes[crm]
    start = beginning(connector, crm)
    clock(server, START)
    [ref] = make(connector, crm, 1, title="CEO")
    [one] = met(list(look(connector, crm, start)))
    assert one.record.ref == ref
    assert one.record.fields[DIALECTS[crm].title] == "CEO"
    assert one.record.modified_at == START
    assert ("email", "p0@example.com") in {(key.kind, key.value) for key in one.keys}
    assert set(names(crm)) <= one.record.fields.keys()


def test_a_hundred_changes_among_thousands_are_one_call(crm, sandboxes):
    connector, server = sandboxes[crm]
    clock(server, START)
    seed(server, 3_000)
    position = connector.changes(DIALECTS[crm].object, names(crm), None).position
    clock(server, START + timedelta(hours=1))
    everyone = [row["id"] for row in server._get(f"records/{DIALECTS[crm].object}")["records"]]
    chosen = [RecordRef(crm, DIALECTS[crm].object, each) for each in everyone[::30]]
    assert len(chosen) == 100
    retitle(connector, crm, chosen, "Changed")
    before = server.calls()
    pages = list(look(connector, crm, position, overlap=10))
    assert server.calls() - before == len(pages) == 1
    assert ids_of(pages) >= {ref.id for ref in chosen}
    assert len(met(pages)) < 150


@pytest.mark.parametrize("count", [199, 200, 201, 300, 400])
def test_records_of_one_moment_are_all_met_and_the_look_ends(crm, sandboxes, small_pages, count):
    connector, server = sandboxes[crm]
    start = beginning(connector, crm)
    clock(server, START)
    refs = make(connector, crm, count)
    pages = list(look(connector, crm, start, overlap=10))
    assert ids_of(pages) == {ref.id for ref in refs}
    assert len(pages) <= count // small_pages + 2
    again = list(look(connector, crm, pages[-1].position, overlap=10))
    assert ids_of(again) == {ref.id for ref in refs}  # the stretch before the position, once more
    assert again[-1].position == pages[-1].position


def test_the_stretch_before_the_position_is_read_again(crm, sandboxes):
    connector, server = sandboxes[crm]
    start, refs = beginning(connector, crm), []
    for number in range(4):
        clock(server, START + timedelta(seconds=10 * number))
        refs += make(connector, crm, 1, mark=f"at{number}-")
    position = list(look(connector, crm, start))[-1].position
    assert ids_of(list(look(connector, crm, position))) <= {refs[3].id}
    assert ids_of(list(look(connector, crm, position, overlap=15))) == {ref.id for ref in refs[2:]}
    assert ids_of(list(look(connector, crm, position, overlap=3_600))) == {ref.id for ref in refs}
    assert list(look(connector, crm, position, overlap=3_600))[-1].position == position


def test_what_changes_during_a_look_is_met_by_it_or_the_next(crm, sandboxes, small_pages):
    connector, server = sandboxes[crm]
    start = beginning(connector, crm)
    clock(server, START)
    refs = make(connector, crm, 450, title="before")
    first = connector.changes(DIALECTS[crm].object, names(crm), start)
    assert not first.is_drained
    clock(server, START + timedelta(seconds=30))
    retitle(connector, crm, [refs[0], refs[250], refs[449]], "during")
    new = make(connector, crm, 1, mark="new")
    pages = [first, *look(connector, crm, first.position, overlap=5)]
    clock(server, START + timedelta(seconds=60))
    pages += look(connector, crm, pages[-1].position, overlap=5)
    told = {one.record.ref.id: one.record.fields[DIALECTS[crm].title] for one in met(pages)}
    assert told.keys() == {ref.id for ref in (*refs, *new)}
    assert {told[refs[place].id] for place in (0, 250, 449)} == {"during"}


def test_more_than_ten_thousand_are_walked_through(crm, sandboxes):
    connector, server = sandboxes[crm]
    start = beginning(connector, crm)
    seed(server, 10_300)
    before, size = server.calls(), {"hubspot": 200, "salesforce": 2_000}[crm]
    pages = list(look(connector, crm, start))
    assert len(ids_of(pages)) == 10_300
    assert server.calls() - before <= 10_300 // size + 4
    assert len(met(pages)) <= 10_300 + size


@pytest.mark.parametrize("number", range(6))
def test_whatever_is_written_meanwhile_the_last_word_is_met(crm, sandboxes, monkeypatch, number):
    """Writes, deletions, lag and reads in any order; after a quiet while all is known as it is."""
    connector, server = sandboxes[crm]
    for module in ("hubspot.pages", "salesforce.changes"):
        monkeypatch.setattr(f"connectors.{module}.PAGE", 5)
    draw, now = Random(number), START
    clock(server, now)
    position, overlap = beginning(connector, crm), 6.0
    refs: list[RecordRef] = make(connector, crm, 12, title="0")
    told: dict[str, Record] = {}
    for turn in range(60):
        if turn % 20 == 0:
            server.faults(search_lag_ms=draw.choice([0, 0, 2_500]))
        now += timedelta(milliseconds=draw.choice([0, 1, 400, 1_000, 2_000]))
        clock(server, now)
        what = draw.random()
        if what < 0.15:
            refs += make(connector, crm, draw.randrange(1, 4), mark=f"t{turn}-", title=str(turn))
        elif what < 0.5:
            retitle(connector, crm, draw.sample(refs, draw.randrange(1, len(refs))), str(turn))
        else:
            page = connector.changes(DIALECTS[crm].object, names(crm), position, overlap=overlap)
            position = page.position
            told |= {one.record.ref.id: one.record for one in page.listed}
    server.faults()
    now += timedelta(minutes=1)
    for _ in range(2):
        pages = list(look(connector, crm, position, overlap=overlap))
        position = pages[-1].position
        told |= {one.record.ref.id: one.record for one in met(pages)}
    title = DIALECTS[crm].title
    there = {row["id"]: row["fields"] for row in server._get(f"records/{DIALECTS[crm].object}")["records"]}
    assert {each: record.fields[title] for each, record in told.items()} == {
        each: fields[title] for each, fields in there.items()
    }


def test_a_call_that_fails_says_when_to_come_again_and_the_position_still_holds(crm, sandboxes):
    connector, server = sandboxes[crm]
    position = beginning(connector, crm)
    refs = make(connector, crm, 30)
    for trouble in (
        {"rate_429": 1},
        {"error_rate": 1, "error_status": 503},
        {"error_rate": 1, "error_status": 500},
        {"drop_rate": 1},
        {"timeout_rate": 1, "timeout_s": 0.01},
    ):
        server.faults(**trouble)
        with pytest.raises(RetryLater):
            connector.changes(DIALECTS[crm].object, names(crm), position)
        with pytest.raises(RetryLater):
            connector.changes(DIALECTS[crm].object, names(crm), None)
        server.faults()
        assert ids_of(list(look(connector, crm, position))) == {ref.id for ref in refs}


@pytest.mark.parametrize("number", range(3))
def test_a_look_through_bad_weather_meets_all(crm, sandboxes, small_pages, number):
    connector, server = sandboxes[crm]
    position = beginning(connector, crm)
    refs = make(connector, crm, 2 * small_pages + 30)
    server.faults(
        seed=number, error_rate=0.3, error_status=502, rate_429=0.2, drop_rate=0.1, timeout_rate=0.2,
        timeout_s=0.005,
    )  # fmt: skip
    seen: set[str] = set()
    failures = 0
    for _ in range(200):
        try:
            page = connector.changes(DIALECTS[crm].object, names(crm), position, overlap=5)
        except RetryLater:
            failures += 1
            continue
        seen |= ids_of([page])
        position = page.position
        if page.is_drained:
            break
    assert seen == {ref.id for ref in refs}
    assert failures > 0


def test_a_field_that_is_not_there_is_named_and_the_rest_is_read(crm, sandboxes):
    connector, _server = sandboxes[crm]
    position = beginning(connector, crm)
    [ref] = make(connector, crm, 1, title="CEO")
    page = connector.changes(DIALECTS[crm].object, (*names(crm), "Not_There__c"), position)
    assert page.absent == ("Not_There__c",)
    [one] = page.listed
    assert one.record.ref == ref
    assert (one.record.fields["Not_There__c"], one.record.fields[DIALECTS[crm].title]) == (None, "CEO")


def test_who_was_deleted_is_among_the_changes_or_in_the_bin(crm, sandboxes):
    connector, server = sandboxes[crm]
    clock(server, START)
    refs = make(connector, crm, 5)
    position = connector.changes(DIALECTS[crm].object, names(crm), None).position
    clock(server, START + timedelta(minutes=1))
    for ref in refs[:2]:
        server.act("delete", ref.object, id=ref.id)
    gone = [one.record for one in met(list(look(connector, crm, position))) if one.record.archived]
    after: str | None = None
    while True:
        page = connector.archived_page(DIALECTS[crm].object, after)
        gone += [one.record for one in page.listed]
        after = page.after
        if after is None:
            break
    assert {record.ref for record in gone} == set(refs[:2])
    assert {record.modified_at for record in gone} == {START + timedelta(minutes=1)}
    assert all(record.archived and record.became is None for record in gone)


def test_a_merge_names_who_became_whom(crm, sandboxes):
    connector, server = sandboxes[crm]
    clock(server, START)
    one, other, third = make(connector, crm, 3, title="CEO")
    position = connector.changes(one.object, names(crm), None).position
    clock(server, START + timedelta(minutes=1))
    winner = server.act("merge", one.object, id=one.id, other=other.id)["id"]
    changed = {each.record.ref.id: each for each in met(list(look(connector, crm, position)))}
    assert third.id not in changed or changed[third.id].record.modified_at == START
    told = set(changed[winner].replaces)
    told |= {each for each, it in changed.items() if it.record.became and it.record.became.id == winner}
    assert told >= {other.id}
    assert not changed[winner].record.archived
    read = list(connector.read([other], fields_read(crm)))
    assert len(read) == 1
    by_id = {record.ref.id for record in read} | {record.became.id for record in read if record.became}
    assert winner in by_id


def test_the_bin_is_read_to_its_end(crm, sandboxes):
    connector, server = sandboxes[crm]
    refs = make(connector, crm, 120)
    assert list(connector.archived_page(refs[0].object, None).listed) == []
    connector.delete(refs)
    pages, after = [], None
    while not pages or after is not None:
        pages.append(connector.archived_page(refs[0].object, after))
        after = pages[-1].after
    listed = [one.record for page in pages for one in page.listed]
    expected = {ref.id for ref in refs} if crm == "hubspot" else set()
    assert {record.ref.id for record in listed} == expected
    assert len(listed) == len(expected)
    server.faults(error_rate=1, error_status=503)
    if crm == "hubspot":
        with pytest.raises(RetryLater):
            connector.archived_page(refs[0].object, None)


def test_the_bin_tells_what_was_merged_into_a_deleted_record(crm, sandboxes):
    connector, server = sandboxes[crm]
    one, other = make(connector, crm, 2)
    kept = replace(one, id=server.act("merge", one.object, id=one.id, other=other.id)["id"])
    connector.delete([kept])
    listed = [record.record for record in connector.archived_page(one.object, None).listed]
    told = {record.ref: set(record.merged_ids) for record in listed}
    assert told == ({kept: {one.id, other.id}} if crm == "hubspot" else {})


def test_since_when_a_field_has_held_its_value_where_the_vendor_keeps_that(crm, sandboxes):
    connector, server = sandboxes[crm]
    title, first_name = DIALECTS[crm].title, DIALECTS[crm].first_name
    clock(server, START)
    refs = make(connector, crm, 60, title="CEO", first_name="Ada")
    for minutes, value in ((1, "CTO"), (2, ""), (3, "CTO")):
        clock(server, START + timedelta(minutes=minutes))
        retitle(connector, crm, refs[:1], value)
    fields = {refs[0].object: (title, first_name)}
    plain = list(connector.read(refs, fields))
    records = {record.ref: record for record in connector.read(refs, fields, history=True)}
    assert len(records) == len(plain) == 60
    assert all(not record.changed_at for record in plain)
    changed = records[refs[0]].changed_at
    if crm == "hubspot":
        assert changed == {title: START + timedelta(minutes=3), first_name: START}
        assert records[refs[59]].changed_at == {title: START, first_name: START}
    else:
        assert changed == {}
    assert records[refs[0]].fields[title] == "CTO"


def test_since_when_a_field_is_blank(crm, sandboxes):
    connector, server = sandboxes[crm]
    title = DIALECTS[crm].title
    clock(server, START)
    [ref] = make(connector, crm, 1, title="CEO")
    clock(server, START + timedelta(minutes=5))
    list(
        connector.update([RecordChange("one", ref.object, {title: "" if crm == "hubspot" else None}, ref.id)])
    )
    [record] = connector.read([ref], {ref.object: (title,)}, history=True)
    assert not record.fields[title]
    assert record.changed_at == ({title: START + timedelta(minutes=5)} if crm == "hubspot" else {})
