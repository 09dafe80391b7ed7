"""What only HubSpot's changes do: more properties than a search takes, the walk by ids, other objects."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import requests

from connectors.hubspot.changes import Position
from connectors.hubspot.connector import HubSpotConnector
from connectors.hubspot.pages import LONGEST_BODY, PAGE
from model.errors import RetryLater
from model.event import RecordRef
from sandbox import hubspot
from sandbox.clock import Clock
from sandbox.registry import VENDORS
from sandbox.server import running
from tests.connectors.endpoints import an_endpoint
from tests.connectors.stub import Said, Stub

BEGINNING = Position(0).as_text()
MOMENT = "2026-11-21T10:00:00.250Z"
MILLISECONDS = int(datetime.fromisoformat(MOMENT).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running(VENDORS["hubspot"](Clock())) as url:
        yield url


@pytest.fixture
def account(server: str) -> str:
    requests.post(f"{server}/__sandbox/reset", timeout=60).raise_for_status()
    return server


@pytest.fixture
def connector(account: str) -> HubSpotConnector:
    return HubSpotConnector("hubspot", an_endpoint(account, hubspot.TOKEN, external_id_field="leadrelay_id"))


def act(account: str, verb: str, **body) -> dict:
    answer = requests.post(f"{account}/__sandbox/act/{verb}", json=body, timeout=60)
    answer.raise_for_status()
    return answer.json() if answer.content else {}


def row(record_id: object, modified: str = MOMENT) -> dict:
    return {"id": str(record_id), "properties": {"lastmodifieddate": modified}, "updatedAt": modified}


def on(stub: Stub) -> HubSpotConnector:
    return HubSpotConnector("hubspot", an_endpoint(stub.url))


def filters_of(stub: Stub, number: int) -> list[tuple[str, str, str]]:
    [group] = stub.asked[number].body["filterGroups"]
    return [(one["propertyName"], one["operator"], one["value"]) for one in group["filters"]]


def test_more_properties_than_a_search_takes_are_read_by_id(account, connector):
    act(account, "create", object="contacts", fields={"email": "ada@example.com", "zip": "N1 9GU"})
    many = [f"a_property_of_the_customer_with_a_long_name_{n}" for n in range(100)]
    assert len("".join(many)) > LONGEST_BODY
    page = connector.changes("contacts", ["email", *many, "zip"], BEGINNING)
    assert [one.record.fields["zip"] for one in page.listed] == ["N1 9GU"]
    assert (page.absent, page.is_drained) == (tuple(many), True)


@pytest.mark.parametrize("kind", ["companies", "deals", "tasks", "contacts"])
def test_every_object_is_asked_by_its_own_date(account, connector, kind):
    fields = {
        "companies": {"name": "Acme"},
        "deals": {"dealname": "Engine", "pipeline": "default", "dealstage": "appointmentscheduled"},
        "tasks": {"hs_timestamp": MOMENT, "hs_task_subject": "Call"},
        "contacts": {"email": "ada@example.com"},
    }[kind]
    made = act(account, "create", object=kind, fields=fields)
    page = connector.changes(kind, list(fields), BEGINNING)
    assert [one.record.ref.id for one in page.listed] == [made["id"]]
    newest = connector.changes(kind, list(fields), None)
    assert newest.position == page.position != BEGINNING


def test_a_merged_record_names_those_it_replaces(account, connector):
    one, other = (
        act(account, "create", object="contacts", fields={"email": f"{n}@a.com"})["id"] for n in "ab"
    )
    merged = act(account, "merge", object="contacts", id=one, other=other)["id"]
    [listed] = connector.changes("contacts", ["email"], BEGINNING).listed
    assert listed.record.ref.id == merged
    assert set(listed.replaces) == set(listed.record.merged_ids) == {one, other}


def test_read_by_all_its_ids_a_merged_record_comes_once(account, connector):
    one, other = (
        act(account, "create", object="contacts", fields={"email": f"{n}@a.com"})["id"] for n in "ab"
    )
    merged = act(account, "merge", object="contacts", id=one, other=other)["id"]
    refs = [RecordRef("hubspot", "contacts", each) for each in (merged, one, other)]
    [record] = connector.read(refs, {"contacts": ("email",)})
    assert (record.ref.id, set(record.merged_ids)) == (merged, {one, other})


def test_one_page_is_one_search_from_before_the_newest_change(stub):
    stub.will_say(Said(200, {"total": 1, "results": [row(7)]}))
    page = on(stub).changes("contacts", ["email"], Position(5_000).as_text(), overlap=1.5)
    assert filters_of(stub, 0) == [("lastmodifieddate", "GTE", "3500"), ("hs_object_id", "GT", "0")]
    assert stub.asked[0].body["sorts"] == [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
    assert "after" not in stub.asked[0].body
    assert (page.position, page.is_drained) == (Position(MILLISECONDS).as_text(), True)


def test_more_than_a_page_is_a_walk_by_ids_up_to_the_newest_change(stub):
    full = [row(number) for number in range(1, PAGE + 1)]
    later = "2026-11-21T10:05:00.000Z"
    until = int(datetime.fromisoformat(later).timestamp() * 1000)
    stub.will_say(
        Said(200, {"total": 450, "results": full}),
        Said(200, {"total": 450, "results": [row(9, later)]}),
        Said(200, {"total": 430, "results": full}),
        Said(200, {"total": 1, "results": [row(430)]}),
    )
    connector, position = on(stub), Position(5_000).as_text()
    drained = []
    for _ in range(3):
        page = connector.changes("contacts", ["email"], position, overlap=1)
        position = page.position
        drained.append(page.is_drained)
    assert stub.asked[1].body["sorts"] == [{"propertyName": "lastmodifieddate", "direction": "DESCENDING"}]
    assert stub.asked[1].body["limit"] == 1
    window = [("lastmodifieddate", "GTE", "4000"), ("lastmodifieddate", "LTE", str(until))]
    assert filters_of(stub, 2) == [*window, ("hs_object_id", "GT", "0")]
    assert filters_of(stub, 3) == [*window, ("hs_object_id", "GT", str(PAGE))]
    assert drained == [False, False, True]
    assert position == Position(until).as_text()


def test_a_position_never_goes_back(stub):
    stub.will_say(Said(200, {"total": 0, "results": []}))
    position = Position(MILLISECONDS).as_text()
    assert on(stub).changes("contacts", [], position, overlap=60).position == position
    stub.will_say(Said(200, {"total": 1, "results": [row(1, "2020-01-01T00:00:00Z")]}))
    assert on(stub).changes("contacts", [], position, overlap=60).position == position


def test_a_full_page_that_leads_nowhere_is_not_taken_for_the_end(stub):
    stub.will_say(Said(200, {"total": 300, "results": [{"id": None}] * PAGE}))
    with pytest.raises(RetryLater):
        on(stub).changes("contacts", [], BEGINNING)
    walking = Position(0, since=0, until=5, above=10_000).as_text()
    stub.will_say(Said(200, {"total": 300, "results": [row(n) for n in range(1, PAGE + 1)]}))
    with pytest.raises(RetryLater):
        on(stub).changes("contacts", [], walking)


def test_records_without_an_id_are_counted(stub):
    stub.will_say(Said(200, {"total": 2, "results": [row(1), {"properties": {}}]}))
    page = on(stub).changes("contacts", [], BEGINNING)
    assert (len(page.listed), page.skipped, page.is_drained) == (1, 1, True)


def test_a_history_that_cannot_be_read_says_nothing(stub):
    history = {
        "email": None,
        "city": [{"value": "Leeds", "timestamp": "soon"}, 7, {"timestamp": MOMENT}],
        "zip": [{"value": "1", "timestamp": MOMENT}, {"value": "1", "timestamp": "2020-01-01T00:00:00Z"}],
        "phone": [{"value": "2", "timestamp": MOMENT}],
    }
    values = {"email": "a@example.com", "city": "Leeds", "zip": "1", "phone": "3"}
    stub.will_say(
        Said(200, {"results": [{"id": "1", "properties": values, "propertiesWithHistory": history}]})
    )
    ref = RecordRef("hubspot", "contacts", "1")
    [record] = on(stub).read([ref], {"contacts": tuple(values)}, history=True)
    assert {name: at.isoformat(timespec="milliseconds") for name, at in record.changed_at.items()} == {
        "zip": MOMENT.replace("Z", "+00:00")
    }
