"""The receiver of HubSpot's webhooks: what the sandbox sends, and what must not come in."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from typing import Any

import pytest

from model.errors import LeadRelayError, StoreBusy
from model.event import EventKind, RecordRef
from model.hint import Hint, hint_from
from tests.webhooks.house import NOON, House, a_house
from webhooks.callers import LARGEST, Caller, Hooks

SECRET = "sandbox-client-secret-0001"
PUBLIC = "https://middleware.example.com"
PORTAL = 62515
OCCURRED = int(NOON.timestamp() * 1000) - 2_000
OBJECTS = frozenset({"contacts", "companies"})


def a_caller(name: str = "hubspot", account: str = str(PORTAL), objects: frozenset[str] = OBJECTS) -> Caller:
    prefix = f"LEADRELAY_{name.upper()}"
    return Caller(name, account, objects, (f"{prefix}_WEBHOOK_SECRET", f"{prefix}_CLIENT_SECRET"))


def the_house(*callers: Caller, secrets: Mapping[str, str] | None = None, public_url: str = PUBLIC) -> House:
    all_of = list(callers) or [a_caller()]
    hooks = Hooks(lambda kind: all_of if kind == "hubspot" else [], str, public_url)
    return a_house(hooks=hooks, secrets=secrets or {"LEADRELAY_HUBSPOT_WEBHOOK_SECRET": SECRET})


def an_event(change: str = "contact.propertyChange", **more: Any) -> dict[str, Any]:
    event = {
        "eventId": 100, "subscriptionId": 12, "portalId": PORTAL, "appId": 54321, "occurredAt": OCCURRED,
        "subscriptionType": change, "attemptNumber": 0, "objectId": 123, "changeSource": "CRM_UI",
    }  # fmt: skip
    if change.endswith("propertyChange"):
        event |= {"propertyName": "city", "propertyValue": "Leeds"}
    return {name: value for name, value in {**event, **more}.items() if value is not ...}


def signed(
    body: bytes, secret: str = SECRET, *, uri: str = f"{PUBLIC}/hooks/hubspot", at: float | None = None
):
    stamp = str(int((NOON.timestamp() if at is None else at) * 1000))
    digest = hmac.digest(secret.encode(), b"POST" + uri.encode() + body + stamp.encode(), "sha256")
    return {
        "X-HubSpot-Signature-v3": base64.b64encode(digest).decode(),
        "X-HubSpot-Request-Timestamp": stamp,
        "Content-Type": "application/json",
    }


def post(house: House, told: Any, **how: Any):
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    return house.client.post("/hooks/hubspot", data=body, headers=signed(body, **how))


def hints(house: House) -> list[Hint]:
    return [hint_from(event.payload) for event in house.inbox.events]


def test_a_change_becomes_a_hint_of_its_connection():
    house = the_house()
    answer = post(house, [an_event()])
    assert (answer.status_code, answer.json) == (200, {"received": 1, "new": 1, "dropped": 0})
    [event] = house.inbox.events
    assert (event.source, event.kind) == ("hubspot", EventKind.HINT)
    assert event.record == RecordRef("hubspot", "contacts", "123")
    assert hint_from(event.payload) == Hint("contacts", "123", "changed", "city", "Leeds")
    assert event.received_at == NOON
    assert event.occurred_at.timestamp() * 1000 == OCCURRED


@pytest.mark.parametrize(
    ("told", "hint"),
    [
        (an_event("contact.creation"), Hint("contacts", "123", "created")),
        (an_event("company.deletion"), Hint("companies", "123", "deleted")),
        (an_event("contact.restore"), Hint("contacts", "123", "restored")),
        (an_event("contact.privacyDeletion"), Hint("contacts", "123", "forgotten")),
        (
            an_event("contact.merge", primaryObjectId=1, mergedObjectIds=[2, 3], newObjectId=9),
            Hint("contacts", "9", "merged", others=("1", "2", "3")),
        ),
        (
            an_event("contact.merge", primaryObjectId=1, mergedObjectIds=[2], objectId=1),
            Hint("contacts", "1", "merged", others=("2",)),
        ),
        (
            an_event(
                "contact.associationChange", objectId=..., fromObjectId=5, toObjectId=6,
                associationType="CONTACT_TO_COMPANY", associationRemoved=False,
            ),
            Hint("contacts", "5", "associated"),
        ),
        (an_event("object.creation", objectTypeId="0-2"), Hint("companies", "123", "created")),
        (
            an_event("object.propertyChange", objectTypeId="0-1"),
            Hint("contacts", "123", "changed", "city", "Leeds"),
        ),
        (an_event(propertyValue=""), Hint("contacts", "123", "changed", "city", "")),
        (an_event(propertyValue="REDACTED"), Hint("contacts", "123")),
        (an_event(isSensitive=True, propertyValue="x"), Hint("contacts", "123")),
        (an_event(subscriptionType=..., eventType="contact.creation"), Hint("contacts", "123", "created")),
        (an_event(propertyValue="a\0b\ud800"), Hint("contacts", "123", "changed", "city", "a\ufffdb\ufffd")),
    ],
)  # fmt: skip
def test_what_an_event_says(told, hint):
    house = the_house()
    told = {
        name: value
        for name, value in told.items()
        if not (hint.what == "created" and name.startswith("property"))
    }
    assert post(house, [told]).json == {"received": 1, "new": 1, "dropped": 0}
    assert hints(house) == [hint]


@pytest.mark.parametrize(
    "told",
    [
        an_event("contact.conversion"),
        an_event("listing.creation"),
        an_event("deal.creation"),  # known, and not mapped
        an_event("object.creation", objectTypeId="2-1234"),
        an_event("object.creation"),
        an_event(subscriptionType=...),
        an_event(subscriptionType=17),
        an_event(objectId=...),
        an_event(objectId="abc"),
        an_event(objectId=True),
        an_event(portalId=...),
        "text", 7, None, [],
    ],
)  # fmt: skip
def test_what_leads_to_nothing_is_dropped_and_holds_up_no_other(told):
    house = the_house()
    answer = post(house, [told, an_event(objectId=9)])
    assert (answer.status_code, answer.json) == (200, {"received": 2, "new": 1, "dropped": 1})
    assert [hint.id for hint in hints(house)] == ["9"]


def test_a_second_delivery_is_recognised_in_any_order_and_attempt():
    house = the_house()
    events = [an_event(objectId=number, occurredAt=OCCURRED + number) for number in range(100)]
    assert post(house, events).json["new"] == 100
    again = [event | {"attemptNumber": 3} for event in reversed(events)]
    assert post(house, again).json == {"received": 100, "new": 0, "dropped": 0}
    assert len(house.inbox.events) == 100


@pytest.mark.parametrize(
    "other",
    [
        {"propertyName": "phone"}, {"objectId": 124}, {"occurredAt": OCCURRED + 1}, {"eventId": 101},
        {"subscriptionId": 13},
    ],
)  # fmt: skip
def test_an_event_id_alone_does_not_make_a_repeat(other):
    house = the_house()
    assert post(house, [an_event(), an_event(**other)]).json["new"] == 2


def test_associations_of_one_moment_are_told_apart():
    house = the_house()
    pair = {"objectId": ..., "fromObjectId": 5, "associationType": "CONTACT_TO_COMPANY"}
    told = [an_event("contact.associationChange", toObjectId=to, **pair) for to in (6, 7)]
    assert post(house, told).json["new"] == 2


def test_the_moment_of_a_change_is_never_after_ours():
    house = the_house()
    post(house, [an_event(occurredAt=OCCURRED + 86_400_000), an_event(objectId=9, occurredAt="soon")])
    assert [event.occurred_at for event in house.inbox.events] == [NOON, NOON]


def test_more_events_than_hubspot_sends_are_taken_too():
    house = the_house()
    assert post(house, [an_event(objectId=number) for number in range(3_000)]).json["new"] == 3_000


def test_no_event_is_no_trouble():
    assert post(the_house(), []).json == {"received": 0, "new": 0, "dropped": 0}


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"secret": "another"}, "signature_wrong"),
        ({"uri": "https://evil.example/hooks/hubspot"}, "signature_wrong"),
        ({"at": NOON.timestamp() - 301}, "timestamp_outside_tolerance"),
        ({"at": NOON.timestamp() + 301}, "timestamp_outside_tolerance"),
    ],
)
def test_what_is_not_signed_right_and_now_stays_out(how, code):
    house = the_house()
    answer = post(house, [an_event()], **how)
    assert (answer.status_code, answer.json["code"], house.inbox.events) == (401, code, [])
    assert SECRET not in answer.text


def test_the_address_is_the_one_that_was_given_not_the_one_of_the_headers():
    house = the_house()
    body = json.dumps([an_event()]).encode()
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    there = signed(body, uri="https://evil.example/hooks/hubspot")
    assert house.client.post("/hooks/hubspot", data=body, headers=there | forged).status_code == 401
    assert house.client.post("/hooks/hubspot", data=body, headers=signed(body) | forged).status_code == 200


def test_a_query_of_the_address_is_signed_in_its_decoded_form():
    house = the_house()
    body = json.dumps([an_event()]).encode()
    headers = signed(body, uri=f"{PUBLIC}/hooks/hubspot?src=hs:app/v3&x=(a)%20b")
    address = "/hooks/hubspot?src=hs%3Aapp%2Fv3&x=%28a%29%20b"
    assert house.client.post(address, data=body, headers=headers).status_code == 200


def test_without_a_public_address_that_of_the_call_counts():
    house = the_house(public_url="")
    body = json.dumps([an_event()]).encode()
    headers = signed(body, uri="http://localhost/hooks/hubspot")
    assert house.client.post("/hooks/hubspot", data=body, headers=headers).status_code == 200


def test_the_secret_of_the_oauth_app_counts_where_no_other_is_set():
    house = the_house(secrets={"LEADRELAY_HUBSPOT_CLIENT_SECRET": SECRET})
    assert post(house, [an_event()]).status_code == 200
    house = the_house(
        secrets={"LEADRELAY_HUBSPOT_CLIENT_SECRET": "x", "LEADRELAY_HUBSPOT_WEBHOOK_SECRET": SECRET}
    )
    assert post(house, [an_event()]).status_code == 200


def test_without_a_secret_nothing_comes_in():
    house = the_house(secrets={"UNRELATED": "x"})
    answer = post(house, [an_event()], secret="")
    assert (answer.status_code, answer.json["code"]) == (401, "secret_missing")
    assert "LEADRELAY_HUBSPOT_WEBHOOK_SECRET" in answer.json["message"]


def test_while_the_secret_cannot_be_read_hubspot_is_to_come_again():
    def unreadable(name: str) -> str:
        raise LeadRelayError("the file is away")

    hooks = Hooks(lambda _kind: [a_caller()], str, PUBLIC)
    house = a_house(hooks=hooks, secret_of=unreadable)
    answer = post(house, [an_event()])
    assert (answer.status_code, answer.json["code"]) == (503, "secret_unreadable")


def test_another_portal_stays_out_and_holds_up_no_other():
    house = the_house()
    answer = post(house, [an_event(portalId=1)])
    assert (answer.status_code, answer.json["code"], house.inbox.events) == (401, "another_account", [])
    answer = post(house, [an_event(portalId=1), an_event()])
    assert (answer.status_code, answer.json) == (200, {"received": 2, "new": 1, "dropped": 1})


def test_a_portal_that_is_not_known_yet_is_that_of_the_only_connection():
    house = the_house(a_caller(account=""))
    assert post(house, [an_event(portalId=777)]).json["new"] == 1


def test_of_two_connections_the_portal_and_the_secret_tell_which():
    secrets = {"LEADRELAY_HUBSPOT_WEBHOOK_SECRET": SECRET, "LEADRELAY_EMEA_WEBHOOK_SECRET": SECRET}
    house = the_house(a_caller(), a_caller("emea", "99"), secrets=secrets)
    assert post(house, [an_event(), an_event(portalId=99), an_event(portalId=3)]).json["dropped"] == 1
    assert [event.source for event in house.inbox.events] == ["hubspot", "emea"]
    house = the_house(
        a_caller(), a_caller("emea", "99"), secrets=secrets | {"LEADRELAY_EMEA_WEBHOOK_SECRET": "e"}
    )
    assert post(house, [an_event(portalId=99)]).status_code == 401  # signed by the app of another connection
    assert post(house, [an_event(portalId=99)], secret="e").json["new"] == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed_json"),
        (b"[", 400, "malformed_json"),
        (b"\xff\xfe", 400, "malformed_json"),
        (b"[" * 100_000, 400, "malformed_json"),
        (b"[" + b"9" * 5_000 + b"]", 400, "malformed_json"),
        (b'{"objectId": 1}', 400, "not_events"),
        (b"7", 400, "not_events"),
        (b" " * (LARGEST + 1), 413, "too_large"),
    ],
)
def test_what_is_no_array_of_events_is_refused(body, status, code):
    house = the_house()
    answer = post(house, body)
    assert (answer.status_code, answer.json["code"], house.inbox.events) == (status, code, [])


def test_a_store_that_cannot_commit_lets_hubspot_come_again():
    house = the_house()
    house.inbox.is_busy = True
    answer = post(house, [an_event()])
    assert (answer.status_code, answer.json["code"]) == (503, "store_busy")
    house.inbox.is_busy = False
    assert post(house, [an_event()]).json["new"] == 1


def test_a_store_that_cannot_be_read_lets_hubspot_come_again():
    def away(kind: str) -> list[Caller]:
        raise StoreBusy("away")

    house = a_house(hooks=Hooks(away, str, PUBLIC), secrets={"LEADRELAY_HUBSPOT_WEBHOOK_SECRET": SECRET})
    assert post(house, [an_event()]).status_code == 503
