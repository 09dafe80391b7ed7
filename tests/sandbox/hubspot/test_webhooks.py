"""What HubSpot sends by itself: which events, in which calls, and again after a failure."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hubspot import HubSpot
from hubspot.utils.signature import Signature
from hubspot.webhooks import SettingsChangeRequest, SubscriptionCreateRequest, SubscriptionPatchRequest

from tests.sandbox.hubspot.receiver import Receiver, receiving
from tests.waiting import eventually

CONTACTS = "/crm/v3/objects/contacts"
SECRET = "sandbox-client-secret-0001"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def listen(account, receiver: Receiver, *subscriptions: str) -> None:
    told = account.control("webhooks", {"target_url": receiver.url, "subscriptions": list(subscriptions)})
    assert len(told["subscriptions"]) == len(subscriptions), told


def flush(account) -> dict[str, Any]:
    """Send what is due; after this the receiver has it."""
    return account.control("webhooks/flush", {})


def arrived(receiver: Receiver, count: int) -> list[dict[str, Any]]:
    """Wait for the sandbox's own thread to deliver."""
    eventually(lambda: len(receiver.events) >= count, f"{count} webhooks", every=0.01)
    return receiver.events


def test_a_creation_arrives_by_itself_signed_and_with_its_fields(account, receiver):
    listen(account, receiver, "contact.creation")
    contact = account.contact(email="ada@example.com")
    [event] = arrived(receiver, 1)
    occurred = event.pop("occurredAt")
    assert abs(occurred / 1000 - time.time()) < 60
    assert event == {
        "eventId": 1000,
        "subscriptionId": 1,
        "portalId": 62515,
        "appId": 54321,
        "subscriptionType": "contact.creation",
        "attemptNumber": 0,
        "objectId": int(contact),
        "changeSource": "INTEGRATION",
        "sourceId": "54321",
        "changeFlag": "CREATED",
    }
    headers, body = receiver.calls[0]
    assert headers["X-HubSpot-Signature-Version"] == "v1"
    assert headers["X-HubSpot-Signature"] == Signature.get_signature(SECRET, body, "v1")
    assert Signature.is_valid(
        signature=headers["X-HubSpot-Signature-v3"], client_secret=SECRET, request_body=body,
        http_uri=receiver.url, http_method="POST", signature_version="v3",
        timestamp=headers["X-HubSpot-Request-Timestamp"],
    )  # fmt: skip


def test_a_persons_change_names_the_person(account, receiver):
    contact = account.contact(email="ada@example.com", city="York")
    listen(account, receiver, "contact.propertyChange:city", "contact.propertyChange:phone")
    account.act("edit", "contacts", contact, fields={"city": "Leeds"}, by="mei.tanaka@northlight.example")
    flush(account)
    [event] = receiver.events
    assert (event["propertyName"], event["propertyValue"]) == ("city", "Leeds")
    assert (event["changeSource"], event["sourceId"]) == ("CRM_UI", "userId:81007")


def test_the_properties_of_a_new_contact_are_changes_as_well(account, receiver):
    listen(account, receiver, "contact.propertyChange:city", "contact.propertyChange:phone")
    account.contact(city="Leeds")
    flush(account)
    assert [(event["propertyName"], event["propertyValue"]) for event in receiver.events] == [
        ("city", "Leeds")
    ]


def test_a_write_that_changes_nothing_is_not_told(account, receiver):
    contact = account.contact(city="Leeds")
    listen(account, receiver, "contact.propertyChange:city")
    account.call("PATCH", f"{CONTACTS}/{contact}", {"properties": {"city": "Leeds"}})
    flush(account)
    assert receiver.events == []


def test_deletion_restore_and_privacy_deletion(account, receiver):
    contact = account.contact(email="ada@example.com")
    listen(account, receiver, "contact.deletion", "contact.restore", "contact.privacyDeletion")
    account.call("DELETE", f"{CONTACTS}/{contact}")
    account.act("restore", "contacts", contact)
    account.call("POST", f"{CONTACTS}/gdpr-delete", {"objectId": contact})
    flush(account)
    types = [event["subscriptionType"] for event in receiver.events]
    assert types[:2] == ["contact.deletion", "contact.restore"]
    assert sorted(types[2:]) == ["contact.deletion", "contact.privacyDeletion"]


def test_a_merge_names_both_and_the_new_record(account, receiver):
    first, second = account.contact(email="a@example.com"), account.contact(email="b@example.com", phone="1")
    listen(account, receiver, "contact.merge", "contact.creation", "contact.deletion")
    made = account.call(
        "POST", f"{CONTACTS}/merge", {"primaryObjectId": first, "objectIdToMerge": second}
    ).json()
    flush(account)
    [event] = receiver.events
    assert (event["subscriptionType"], event["objectId"]) == ("contact.merge", int(first))
    assert (event["primaryObjectId"], event["mergedObjectIds"]) == (int(first), [int(second)])
    assert (event["newObjectId"], event["numberOfPropertiesMoved"]) == (int(made["id"]), 1)


def test_a_primary_company_is_two_events_for_each_side(account, receiver):
    company, contact = account.make("companies", name="ACME"), account.contact(email="ada@example.com")
    listen(account, receiver, "contact.associationChange", "company.associationChange")
    path = f"/crm/v4/objects/contacts/{contact}/associations/companies/{company}"
    account.call("PUT", path, [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}])
    account.call("DELETE", path)
    flush(account)
    told = [
        (
            event["associationType"],
            event["fromObjectId"],
            event["isPrimaryAssociation"],
            event["associationRemoved"],
        )
        for event in receiver.events
    ]
    to_company, to_contact = ("CONTACT_TO_COMPANY", int(contact)), ("COMPANY_TO_CONTACT", int(company))
    assert sorted(told) == sorted(
        (*way, primary, removed)
        for way in (to_company, to_contact)
        for primary in (False, True)
        for removed in (False, True)
    )
    assert "objectId" not in receiver.events[0]


def test_generic_subscriptions_name_the_object_type(account, receiver):
    listen(account, receiver, "object.creation/0-136", "object.creation/0-27")
    contact = account.contact(email="ada@example.com")
    account.make("leads", (contact, 578), hs_lead_name="Ada")
    flush(account)
    [event] = receiver.events
    assert (event["subscriptionType"], event["objectTypeId"]) == ("object.creation", "0-136")


def test_the_value_of_a_sensitive_property_is_not_told(account, receiver):
    account.call(
        "POST", "/crm/v3/properties/contacts",
        {"name": "iban", "label": "IBAN", "type": "string", "fieldType": "text",
         "groupName": "contactinformation", "dataSensitivity": "sensitive"},
    )  # fmt: skip
    listen(account, receiver, "contact.propertyChange:iban")
    account.contact(iban="DE02")
    flush(account)
    assert (receiver.events[0]["propertyValue"], receiver.events[0]["isSensitive"]) == ("REDACTED", True)


def test_a_call_holds_a_hundred_events_at_most(account, receiver):
    account.control("faults", {"push_delay_ms": 60_000})
    listen(account, receiver, "contact.creation", "contact.propertyChange:city")
    rows = [{"properties": {"city": str(number)}} for number in range(100)]
    account.call("POST", f"{CONTACTS}/batch/create", {"inputs": rows})
    assert flush(account)["waiting"] == 200
    account.control("clock", {"advance": 60})
    assert len(arrived(receiver, 200)) == 200
    assert [body.count("eventId") for _, body in receiver.calls] == [100, 100]


def test_a_failed_call_is_repeated_up_to_ten_times_within_a_day(account, receiver):
    account.control("clock", {"now": "2030-01-01T00:00:00Z", "frozen": True})
    receiver.status = 500
    listen(account, receiver, "contact.creation")
    account.contact(email="ada@example.com")
    flush(account)
    waited = 0
    for attempt in range(1, 11):
        assert flush(account)["retrying"] == 1
        [*_, last] = account.control("webhooks")["deliveries"]
        assert (last["attempt"], last["outcome"]) == (attempt - 1, 500)
        while len(receiver.calls) == attempt:
            account.control("clock", {"advance": 600})
            waited += 600
            flush(account)
    assert [event["attemptNumber"] for event in receiver.events] == list(range(11))
    assert len({event["eventId"] for event in receiver.events}) == 1
    assert waited <= 24 * 3600
    assert flush(account) == {"calls": 0, "retrying": 0, "waiting": 0}
    times = {headers["X-HubSpot-Request-Timestamp"] for headers, _ in receiver.calls}
    assert len(times) == 11, "each attempt is signed at its own time"


def test_a_receiver_that_is_back_gets_what_it_missed(account, receiver):
    receiver.status = 503
    listen(account, receiver, "contact.creation")
    account.contact(email="ada@example.com")
    arrived(receiver, 1)
    flush(account)  # the sender has taken note of the refusal, and of when it tries again
    receiver.status = 200
    account.control("clock", {"advance": 120})
    assert [event["attemptNumber"] for event in arrived(receiver, 2)] == [0, 1]


def test_nobody_there_counts_as_a_failure(account):
    account.control("webhooks", {"target_url": "http://127.0.0.1:9/", "subscriptions": ["contact.creation"]})
    account.contact(email="ada@example.com")
    flush(account)
    told = account.control("webhooks")
    assert told["retrying"] == 1
    assert "Error" in told["deliveries"][0]["outcome"]


def test_a_slow_receiver_is_given_up_after_a_while(account, receiver, monkeypatch):
    monkeypatch.setattr("sandbox.hubspot.webhooks.sender.TIMEOUT_S", 0.1)
    receiver.wait_s = 0.4
    listen(account, receiver, "contact.creation")
    account.contact(email="ada@example.com")
    arrived(receiver, 1)
    flush(account)
    assert account.control("webhooks")["deliveries"][0]["outcome"] == "ReadTimeoutError"


def test_events_come_twice_and_in_another_order_where_a_fault_says_so(account, receiver):
    listen(account, receiver, "contact.creation")

    def ids(**faults: object) -> list[int]:
        account.control("faults", {"push_delay_ms": 1_000, **faults})
        receiver.calls.clear()
        rows = [{"properties": {}} for _ in range(40)]
        account.call("POST", f"{CONTACTS}/batch/create", {"inputs": rows})
        account.control("clock", {"advance": 1})
        flush(account)
        return [event["eventId"] for event in arrived(receiver, 40)]

    plain = ids()
    assert (plain == sorted(plain), len(plain)) == (True, 40)
    twice = ids(push_duplicate_rate=0.5, seed=3)
    assert 40 < len(twice) < 80
    assert len(set(twice)) == 40
    mixed = ids(push_reorder_rate=0.5, seed=3)
    assert mixed != sorted(mixed)
    assert len(set(mixed)) == 40


def test_a_developer_manages_webhooks_through_the_vendors_client(account, receiver, raises_status):
    client = HubSpot(api_key="sandbox-developer-key", host=account.url, retry=False)
    settings, subscriptions = client.webhooks.settings_api, client.webhooks.subscriptions_api
    raises_status(404, settings.get_all, 54321)
    done = settings.configure(
        54321, SettingsChangeRequest(target_url=receiver.url, throttling={"maxConcurrentRequests": 10})
    )
    assert (done.target_url, done.throttling.max_concurrent_requests) == (receiver.url, 10)
    made = subscriptions.create(
        54321, SubscriptionCreateRequest(event_type="contact.propertyChange", property_name="city")
    )
    assert (made.active, made.event_type) == (False, "contact.propertyChange")
    account.contact(city="York")
    assert subscriptions.update(int(made.id), 54321, SubscriptionPatchRequest(active=True)).active is True
    account.contact(city="Leeds")
    flush(account)
    assert [event["propertyValue"] for event in receiver.events] == ["Leeds"]
    assert [one.id for one in subscriptions.get_all(54321).results] == [made.id]
    subscriptions.archive(int(made.id), 54321)
    raises_status(404, subscriptions.get_by_id, int(made.id), 54321)
    settings.clear(54321)
    raises_status(404, settings.get_all, 54321)


KEY = {"hapikey": "sandbox-developer-key"}


@pytest.mark.parametrize("base", ["/webhooks/v3", "/app-webhooks/2026-09"])
def test_webhooks_are_managed_on_every_path_scheme(account, base):
    def call(method: str, path: str, body: object = None) -> requests.Response:
        return requests.request(
            method, f"{account.url}{base}/54321/{path}", json=body, params=KEY, timeout=60
        )

    sent = {"targetUrl": "https://x.example/h", "throttling": {"maxConcurrentRequests": 6}}
    assert call("PUT", "settings", sent).status_code == 200
    made = call("POST", "subscriptions", {"eventType": "deal.creation", "active": True})
    assert (made.status_code, made.json()["active"]) == (201, True)
    rows = {"inputs": [{"id": int(made.json()["id"]), "active": False}, {"id": 99, "active": True}]}
    changed = call("POST", "subscriptions/batch/update", rows)
    assert (changed.status_code, changed.json()["results"][0]["active"]) == (207, False)
    assert call("DELETE", f"subscriptions/{made.json()['id']}").status_code == 204
    assert call("DELETE", "settings").status_code == 204


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("settings", {"targetUrl": "http://x.example/", "throttling": {"maxConcurrentRequests": 10}}, 400),
        ("settings", {"targetUrl": "https://x.example/", "throttling": {"maxConcurrentRequests": 5}}, 400),
        ("settings", {"targetUrl": "https://x.example/"}, 400),
        ("subscriptions", {"eventType": "contact.propertyChange"}, 400),
        (
            "subscriptions",
            {"eventType": "contact.propertyChange", "propertyName": "hs_lastmodifieddate"},
            400,
        ),
        ("subscriptions", {"eventType": "task.creation"}, 400),
        ("subscriptions", {"eventType": "object.creation"}, 400),
        ("subscriptions", {"eventType": "deal.privacyDeletion"}, 400),
        ("subscriptions", {}, 400),
    ],
)
def test_settings_and_subscriptions_that_cannot_be(account, path, body, status):
    method = "PUT" if path == "settings" else "POST"
    answer = requests.request(
        method, f"{account.url}/webhooks/v3/54321/{path}", json=body, params=KEY, timeout=60
    )
    assert answer.status_code == status


def test_the_developers_key_is_needed(account):
    for query in ({}, {"hapikey": "wrong"}):
        answer = requests.get(f"{account.url}/webhooks/v3/54321/settings", params=query, timeout=60)
        assert answer.status_code == 401
    unknown = requests.get(f"{account.url}/webhooks/v3/1/settings", params=KEY, timeout=60)
    assert unknown.status_code == 404


def test_the_same_subscription_twice_is_a_conflict(account):
    path = f"{account.url}/webhooks/v3/54321/subscriptions"
    statuses = [
        requests.post(path, json={"eventType": "contact.creation"}, params=KEY, timeout=60).status_code
        for _ in "ab"
    ]
    assert statuses == [201, 409]


def test_a_reset_forgets_subscriptions_and_what_waits(account, receiver):
    account.control("faults", {"push_delay_ms": 60_000})
    listen(account, receiver, "contact.creation")
    account.contact(email="ada@example.com")
    account.control("reset", {})
    account.control("clock", {"advance": 120})
    assert flush(account) == {"calls": 0, "retrying": 0, "waiting": 0}
    assert account.control("webhooks")["subscriptions"] == []


def test_a_workflow_sends_a_record_signed_as_version_2(account, receiver):
    contact = account.contact(email="zoe@example.com", firstname="Zoë 東京")
    asked = {"object": "contacts", "id": contact, "url": f"{receiver.url}?from=workflow"}
    told = account.control("webhooks/workflow", asked)
    [(headers, body)] = receiver.calls
    assert (told["outcome"], told["body"]) == (200, body)
    sent = {"id": contact, "firstname": "Zoë 東京"}
    assert {"id": json.loads(body)["id"], "firstname": json.loads(body)["properties"]["firstname"]} == sent
    assert headers["X-HubSpot-Signature-Version"] == "v2"
    assert Signature.is_valid(
        signature=headers["X-HubSpot-Signature"], client_secret=SECRET, request_body=body,
        http_uri=asked["url"], http_method="POST", signature_version="v2",
    )  # fmt: skip


def test_a_workflow_sends_chosen_properties_or_nothing(account, receiver):
    contact = account.contact(email="zoe@example.com")
    asked = {"object": "0-1", "id": contact, "url": receiver.url, "properties": ["email", "phone"]}
    account.control("webhooks/workflow", asked)
    assert json.loads(receiver.calls[0][1]) == {"email": "zoe@example.com", "phone": None}
    receiver.status = 500
    assert account.control("webhooks/workflow", asked)["outcome"] == 500
    told = account.control("webhooks/workflow", asked | {"method": "GET"})
    assert (told["outcome"], told["body"]) == (501, "")  # this receiver knows POST only


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "999"},
        {"object": "widgets"},
        {"url": "http://crm.example/x"},
        {"url": "//["},
        {"method": "PUT"},
    ],
)
def test_a_workflow_that_cannot_send_says_why(account, receiver, wrong):
    asked = {"object": "contacts", "id": account.contact(firstname="Ada"), "url": receiver.url, **wrong}
    refused = requests.post(f"{account.url}/__sandbox/webhooks/workflow", json=asked, timeout=60)
    assert refused.status_code in (400, 404), refused.text
    assert not receiver.calls
