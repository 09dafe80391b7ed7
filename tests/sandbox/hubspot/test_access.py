"""Tokens, limits, path schemes, and what is not built."""

from __future__ import annotations

import json
import re

import pytest
import requests
from hubspot import HubSpot

CONTACTS = "/crm/v3/objects/contacts"


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "sandbox-token"}]
)
def test_without_the_token_it_is_401(account, headers):
    refused = requests.get(f"{account.url}{CONTACTS}", headers=headers, timeout=60)
    body = refused.json()
    assert refused.status_code == 401
    assert (body["category"], body["message"]) == (
        "INVALID_AUTHENTICATION",
        "Authentication credentials not found.",
    )
    assert body["correlationId"] == refused.headers["X-HubSpot-Correlation-Id"]


def test_the_vendors_client_raises_unauthorized(account, raises_status):
    stranger = HubSpot(access_token="wrong", host=account.url, retry=False)
    assert json.loads(raises_status(401, stranger.crm.contacts.basic_api.get_page).body)["status"] == "error"


def test_an_expired_token_can_be_played(account):
    account.control("faults", {"error_rate": 1, "error_status": 401})
    body = account.call("GET", CONTACTS).json()
    assert body["category"] == "EXPIRED_AUTHENTICATION"
    assert re.fullmatch(
        r"The OAuth token used to make this call expired \d+ second\(s\) ago\.", body["message"]
    )


def test_headers_tell_what_is_left_of_the_burst(account):
    first, second = account.call("GET", CONTACTS).headers, account.call("GET", CONTACTS).headers
    assert first["X-HubSpot-RateLimit-Max"] == "110"
    assert first["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"
    assert (first["X-HubSpot-RateLimit-Remaining"], second["X-HubSpot-RateLimit-Remaining"]) == ("109", "108")
    assert "X-HubSpot-RateLimit-Secondly" in first
    assert "X-HubSpot-RateLimit-Daily" not in first, "an OAuth app has no daily limit"
    assert first["X-HubSpot-Correlation-Id"] != second["X-HubSpot-Correlation-Id"]


def test_the_burst_limit_answers_429_and_rolls(account):
    account.control("faults", {"limits": {"per_10s": 3}})
    account.control("clock", {"now": "2030-01-01T00:00:00Z", "frozen": True})
    assert [account.call("GET", CONTACTS).status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = account.call("GET", CONTACTS)
    body = refused.json()
    assert body["message"] == "You have reached your ten_secondly_rolling limit."
    assert (body["errorType"], body["policyName"]) == ("RATE_LIMIT", "TEN_SECONDLY_ROLLING")
    assert "category" not in body
    assert "Retry-After" not in refused.headers
    account.control("clock", {"advance": 9.9})
    assert account.call("GET", CONTACTS).status_code == 429
    account.control("clock", {"advance": 0.1})
    assert account.call("GET", CONTACTS).status_code == 200


def test_the_default_burst_is_that_of_an_oauth_app(account):
    statuses = [account.call("GET", "/crm/v3/owners").status_code for _ in range(112)]
    assert statuses.count(429) == 2
    assert account.control("stats")["answers"] == {"200": 110, "429": 2}


def test_the_burst_limit_can_be_switched_off(account):
    account.control("faults", {"limits": {"per_10s": None}})
    answers = [account.call("GET", "/crm/v3/owners") for _ in range(115)]
    assert {answer.status_code for answer in answers} == {200}
    assert "X-HubSpot-RateLimit-Max" not in answers[0].headers


def test_a_daily_limit_counts_to_midnight(account):
    account.control("clock", {"now": "2030-01-01T23:59:00Z"})
    account.control("faults", {"limits": {"daily": 2}})
    first = account.call("GET", CONTACTS)
    assert first.headers["X-HubSpot-RateLimit-Daily"] == "2"
    assert first.headers["X-HubSpot-RateLimit-Daily-Remaining"] == "1"
    account.call("GET", CONTACTS)
    refused = account.call("GET", CONTACTS)
    assert (refused.status_code, refused.json()["policyName"]) == (429, "DAILY")
    assert refused.json()["message"] == "You have reached your daily limit."
    assert refused.json().keys() == {
        "status", "message", "correlationId", "errorType", "policyName", "requestId"
    }  # fmt: skip
    account.control("clock", {"advance": 120})
    assert account.call("GET", CONTACTS).status_code == 200


def test_an_injected_429_has_the_shape_of_the_burst(account):
    account.control("faults", {"rate_429": 1})
    assert account.call("GET", CONTACTS).json()["policyName"] == "TEN_SECONDLY_ROLLING"


def test_an_injected_429_of_a_search_has_the_shape_of_searches(account):
    account.control("faults", {"rate_429": 1})
    assert account.call("POST", f"{CONTACTS}/search", {}).json()["category"] == "RATE_LIMITS"


@pytest.mark.parametrize(
    ("status", "mimetype"),
    [(423, "application/json"), (500, "application/json"), (502, "text/html"), (524, "text/html")],
)
def test_injected_errors(account, status, mimetype):
    account.control("faults", {"error_rate": 1, "error_status": status})
    answer = account.call("GET", CONTACTS)
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (status, mimetype)


def test_a_migrating_account_says_when_to_come_back(account):
    account.control("faults", {"error_rate": 1, "error_status": 477})
    assert int(account.call("GET", CONTACTS).headers["Retry-After"]) > 0


@pytest.mark.parametrize("objects", ["/crm/v3/objects", "/crm/objects/2026-03", "/crm/objects/2026-09"])
@pytest.mark.parametrize("kind", ["contacts", "0-1"])
def test_every_path_scheme_reaches_the_same_contacts(account, objects, kind):
    base = f"{objects}/{kind}"
    contact = account.call("POST", base, {"properties": {"email": "a@example.com"}}).json()["id"]
    assert account.call("PATCH", f"{base}/{contact}", {"properties": {"city": "Leeds"}}).status_code == 200
    assert account.call("GET", f"{base}/a%40example.com", idProperty="email").json()["id"] == contact
    assert account.call("GET", base, archived="False").json()["results"][0]["id"] == contact
    read = {"inputs": [{"id": contact}], "properties": ["city"]}
    assert (
        account.call("POST", f"{base}/batch/read", read).json()["results"][0]["properties"]["city"] == "Leeds"
    )
    assert account.call("DELETE", f"{base}/{contact}").status_code == 204
    assert f"GET {objects}/contacts" in account.control("stats")["calls"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/crm/v3/schemas"),
        ("POST", "/crm/v3/imports"),
        ("GET", "/crm/v3/associations/contacts/companies/types"),
        ("GET", "/marketing/v3/forms"),
        ("PUT", "/crm/v3/objects/contacts"),
        ("POST", "/automation/v2/workflows/7/enrollments/contacts/a@example.com"),
        ("GET", "/crm/objects/2031-03/contacts"),
    ],
)
def test_what_is_not_built_answers_501_and_names_itself(account, method, path):
    answer = account.call(method, path, {} if method == "POST" else None)
    assert (answer.status_code, answer.json()["category"]) == (501, "NOT_BUILT")
    assert f"{method} {path}" in answer.json()["message"]


def test_an_object_type_that_does_not_exist_is_400(account):
    for kind, message in (
        ("widgets", "Unable to infer object type from: widgets"),
        ("0-9999", "Invalid object or event type id: 0-9999"),
    ):
        answer = account.call("GET", f"/crm/v3/objects/{kind}")
        assert (answer.status_code, answer.json()["message"]) == (400, message)


@pytest.mark.parametrize(
    "kind", ["products", "0-7", "line_items", "quotes", "0-142", "users", "2-123", "p_cars"]
)
def test_an_object_type_that_is_not_built_is_501_with_the_page_to_read(account, kind):
    for path in (f"/crm/v3/objects/{kind}", f"/crm/properties/2026-09/{kind}"):
        answer = account.call("GET", path)
        assert (answer.status_code, answer.json()["category"]) == (501, "NOT_BUILT")
        assert kind in answer.json()["message"]
        assert "docs/sandbox.md" in answer.json()["message"]


def test_object_types_are_known_in_capitals(account):
    assert account.call("GET", "/crm/v3/properties/COMPANIES").status_code == 200
    assert (
        account.call("POST", "/crm/v3/objects/Contact", {"properties": {"firstname": "Ada"}}).status_code
        == 201
    )
    assert account.control("stats")["calls"]["POST /crm/v3/objects/contacts"] == 1


def test_the_list_of_endpoints_names_every_path_scheme(account):
    built = account.control("endpoints")["endpoints"]
    assert "POST /crm/objects/2026-09/{object_type}/batch/create" in built
    assert "GET /crm/v3/owners" in built
    assert not [endpoint for endpoint in built if "__sandbox" in endpoint or "browse" in endpoint]


def test_the_pages_need_no_token(account):
    contact = account.contact(email="a@example.com", firstname="Ada", lastname="Lovelace")
    record = account.call("GET", f"{CONTACTS}/{contact}").json()
    html = requests.get(record["url"], timeout=60).text
    assert "Ada Lovelace" in html
    assert "/crm/v3/objects/contacts" in html
