"""What only Salesforce tells of changes: deletions, merges, conversions, and objects that know none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from connectors.salesforce.changes import Position
from connectors.salesforce.connector import SalesforceConnector
from model.change import Record
from model.errors import RetryLater
from model.event import RecordRef
from sandbox import salesforce
from sandbox.clock import Clock
from sandbox.registry import VENDORS
from sandbox.server import running
from tests.connectors.endpoints import an_endpoint
from tests.connectors.stub import Said, Stub

START = "1970-01-01T00:00:00+00:00"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running(VENDORS["salesforce"](Clock())) as url:
        yield url


@pytest.fixture
def org(server: str) -> str:
    requests.post(f"{server}/__sandbox/reset", timeout=60).raise_for_status()
    return server


@pytest.fixture
def connector(org: str) -> SalesforceConnector:
    return SalesforceConnector("sf", an_endpoint(org, salesforce.TOKEN))


def act(org: str, verb: str, object_name: str, **more) -> dict:
    answer = requests.post(f"{org}/__sandbox/act/{verb}", json={"object": object_name, **more}, timeout=60)
    assert answer.ok, answer.text
    return answer.json() if answer.content else {}


def a_lead(org: str, name: str = "Lovelace") -> str:
    return act(org, "create", "Lead", fields={"LastName": name, "Company": "Analytical Engines"})["id"]


def changed(connector: SalesforceConnector, object_name: str, *names: str) -> dict[str, Record]:
    position = Position.read('{"far":"' + START + '"}').as_text()
    page = connector.changes(object_name, names, position)
    assert page.is_drained
    return {one.record.ref.id: one.record for one in page.listed}


def read(connector: SalesforceConnector, object_name: str, *ids: str) -> dict[str, Record]:
    refs = [RecordRef("sf", object_name, each) for each in ids]
    return {record.ref.id: record for record in connector.read(refs, {object_name: ("LastName",)})}


def test_a_deleted_lead_is_archived_wherever_it_is_met(org, connector):
    gone, there = a_lead(org), a_lead(org)
    act(org, "delete", "Lead", id=gone)
    for met in (changed(connector, "Lead", "LastName"), read(connector, "Lead", gone, there)):
        assert met[gone].archived
        assert met[gone].became is None
        assert met[gone].modified_at is not None
        assert not met[there].archived


def test_the_loser_of_a_merge_is_archived_and_names_the_winner(org, connector):
    winner, loser = a_lead(org), a_lead(org)
    act(org, "merge", "Lead", id=winner, other=loser)
    for met in (changed(connector, "Lead", "LastName"), read(connector, "Lead", winner, loser)):
        assert (met[loser].archived, met[loser].became) == (True, RecordRef("sf", "Lead", winner))
        assert (met[winner].archived, met[winner].became) == (False, None)


def test_what_a_record_held_last_comes_with_it_when_it_is_gone(org, connector):
    deleted, winner, loser = a_lead(org), a_lead(org), a_lead(org)
    for one in (deleted, loser):
        act(org, "edit", "Lead", id=one, fields={"LastName": "Byron"})
    act(org, "delete", "Lead", id=deleted)
    act(org, "merge", "Lead", id=winner, other=loser)
    for met in (changed(connector, "Lead", "LastName"), read(connector, "Lead", deleted, loser)):
        assert met[deleted].fields["LastName"] == met[loser].fields["LastName"] == "Byron"


def test_a_chain_of_merges_is_told_link_by_link(org, connector):
    first, second, third = a_lead(org), a_lead(org), a_lead(org)
    act(org, "merge", "Lead", id=second, other=first)
    act(org, "merge", "Lead", id=third, other=second)
    met = changed(connector, "Lead")
    assert [met[each].became and met[each].became.id for each in (first, second, third)] == [
        second, third, None,
    ]  # fmt: skip


def test_a_converted_lead_names_its_contact(org, connector):
    lead = a_lead(org)
    act(org, "convert", "Lead", id=lead)
    [contact] = changed(connector, "Contact")
    for met in (changed(connector, "Lead", "LastName"), read(connector, "Lead", lead)):
        assert (met[lead].archived, met[lead].became) == (False, RecordRef("sf", "Contact", contact))
    position = Position.read('{"far":"' + START + '"}').as_text()
    [listed] = connector.changes("Lead", ("LastName",), position).listed
    assert listed.became == contact
    assert listed.record.fields["ConvertedAccountId"].startswith("001")


def test_a_converted_lead_that_was_deleted_is_both(org, connector):
    lead = a_lead(org)
    act(org, "convert", "Lead", id=lead)
    act(org, "delete", "Lead", id=lead)
    for met in (changed(connector, "Lead"), read(connector, "Lead", lead)):
        assert met[lead].archived
        assert met[lead].became is not None
        assert met[lead].became.object == "Contact"


def test_merged_accounts_and_contacts_are_followed_too(org, connector):
    for object_name, fields in (("Account", {"Name": "Acme"}), ("Contact", {"LastName": "Lovelace"})):
        winner, loser = (act(org, "create", object_name, fields=fields)["id"] for _ in range(2))
        act(org, "merge", object_name, id=winner, other=loser)
        assert changed(connector, object_name)[loser].became == RecordRef("sf", object_name, winner)


@pytest.mark.parametrize(
    "object_name", ["User", "Opportunity", "Task", "Event", "Campaign", "CampaignMember", "Case"]
)
def test_other_objects_are_polled_in_one_call_each(org, connector, object_name):
    before = requests.get(f"{org}/__sandbox/stats", timeout=60).json()["calls"]
    changed(connector, object_name)
    after = requests.get(f"{org}/__sandbox/stats", timeout=60).json()["calls"]
    assert sum(after.values()) - sum(before.values()) == 1


def test_what_never_was_is_not_there_and_what_is_there_costs_no_second_call(org, connector):
    lead = a_lead(org)
    before = requests.get(f"{org}/__sandbox/stats", timeout=60).json()["calls"]
    assert read(connector, "Lead", lead).keys() == {lead}
    after = requests.get(f"{org}/__sandbox/stats", timeout=60).json()["calls"]
    assert sum(after.values()) - sum(before.values()) == 1
    assert read(connector, "Lead", lead, "00Q000000000000AAA").keys() == {lead}
    assert read(connector, "User", "005000000000000AAA") == {}


def test_a_field_that_the_user_may_not_see_is_asked_for_once_a_call(org, connector):
    lead = a_lead(org)
    position = Position.read('{"far":"' + START + '"}').as_text()
    page = connector.changes("Lead", ("LastName", "Secret__c"), position)
    assert page.absent == ("Secret__c",)
    assert [one.record.ref.id for one in page.listed] == [lead]


def test_rows_that_cannot_be_read_are_counted_and_a_page_of_them_stops_nothing_forever(
    stub: Stub, monkeypatch
):
    monkeypatch.setattr("connectors.salesforce.changes.PAGE", 2)
    connector = SalesforceConnector("sf", an_endpoint(stub.url))
    good = {"Id": "00Q000000000001EAA", "SystemModstamp": "2026-11-21T10:00:00.000+0000"}
    position = Position.read('{"far":"' + START + '"}').as_text()
    stub.will_say(page_of(good, {"Id": "?"}), page_of({"Id": "?"}, {"SystemModstamp": "soon"}))
    page = connector.changes("Lead", (), position)
    assert ([one.record.ref.id for one in page.listed], page.skipped, page.is_drained) == (
        [good["Id"]], 1, False,
    )  # fmt: skip
    with pytest.raises(RetryLater):
        connector.changes("Lead", (), page.position)


def page_of(*rows: dict) -> Said:
    body = {"totalSize": len(rows), "done": True, "records": list(rows)}
    part = {"body": body, "httpHeaders": {}, "httpStatusCode": 200, "referenceId": "page"}
    return Said(200, {"compositeResponse": [part]})
