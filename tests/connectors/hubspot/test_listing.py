"""What only HubSpot's listing does: more properties than a search takes, merges, answers that tell little."""

from __future__ import annotations

import pytest
import requests

from connectors.hubspot.connector import HubSpotConnector
from connectors.hubspot.pages import LONGEST_BODY
from model.errors import RetryLater
from model.lead import Identity
from sandbox import hubspot
from sandbox.server import running
from tests.connectors.endpoints import an_endpoint
from tests.connectors.stub import Said


@pytest.fixture
def account():
    """The address of a new sandbox account."""
    with running(hubspot.create_app()) as url:
        yield url


@pytest.fixture
def connector(account) -> HubSpotConnector:
    """A connector to the sandbox account."""
    return HubSpotConnector("hubspot", an_endpoint(account, hubspot.TOKEN, external_id_field="leadrelay_id"))


def act(account, verb, **body):
    answer = requests.post(f"{account}/__sandbox/act/{verb}", json={"object": "contacts", **body}, timeout=60)
    answer.raise_for_status()
    return answer.json()


def row(record_id, **properties):
    return {"id": str(record_id), "properties": properties, "updatedAt": "2026-03-02T12:00:00Z"}


def on(stub):
    return HubSpotConnector("hubspot", an_endpoint(stub.url))


def test_more_properties_than_a_search_takes_are_read_by_id(account, connector):
    act(account, "create", fields={"email": "ada@example.com", "zip": "N1 9GU"})
    act(account, "create", fields={"email": "bob@example.com"})
    many = [f"a_property_of_the_customer_with_a_long_name_{n}" for n in range(100)]
    assert len("".join(many)) > LONGEST_BODY
    page = connector.list_page("contacts", ["email", *many, "zip"], None)
    assert [one.record.fields["zip"] for one in page.listed] == ["N1 9GU", None]
    assert page.absent == tuple(many)
    assert [key for one in page.listed for key in one.keys] == [
        Identity("email", "ada@example.com"),
        Identity("email", "bob@example.com"),
    ]


def test_a_merged_record_names_those_it_replaces_and_every_address(account, connector):
    ada, ada2 = (act(account, "create", fields={"email": each}) for each in ("ada@a.com", "ada@b.com"))
    survivor = act(account, "merge", id=ada["id"], other=ada2["id"])
    [one] = connector.list_page("contacts", ["email"], None).listed
    assert one.record.ref.id == survivor["id"]
    assert set(one.replaces) == {ada["id"], ada2["id"]} - {survivor["id"]}
    assert {key.value for key in one.keys} == {"ada@a.com", "ada@b.com"}


def test_a_row_without_an_id_is_skipped_and_counted(stub):
    rows = [row(7, email="ada@example.com"), {"properties": {"email": "nobody@example.com"}}]
    stub.will_say(Said(200, {"total": 2, "results": rows}))
    page = on(stub).list_page("contacts", ["email"], "6")
    assert [one.record.ref.id for one in page.listed] == ["7"]
    assert (page.skipped, page.after) == (1, None)
    asked = stub.asked[0].body
    assert asked["filterGroups"] == [
        {"filters": [{"propertyName": "hs_object_id", "operator": "GT", "value": "6"}]}
    ]
    assert "after" not in asked


def test_an_answer_that_cannot_be_read_is_asked_for_again(stub):
    stub.will_say(Said(200, b'{"total": 2, "results": [{"id'))
    with pytest.raises(RetryLater):
        on(stub).list_page("contacts", ["email"], None)


def test_a_search_counts_against_the_search_budget(stub):
    kinds = []

    class Counting:
        def spend(self, kind="burst", calls=1):
            kinds.append(kind)

        def learn(self, headers):
            pass

        def refused(self, wait):
            pass

    endpoint = an_endpoint(stub.url, budget=Counting())
    stub.will_say(Said(200, {"total": 0, "results": []}))
    HubSpotConnector("hubspot", endpoint).list_page("contacts", ["email"], None)
    assert kinds == ["search"]
