"""hubspot-api-client, tokens, and what is refused."""

from __future__ import annotations

import json
import re

import pytest
import requests
from hubspot import HubSpot
from hubspot.utils.oauth import get_auth_url

from tests.sandbox.hubspot.test_oauth import BACK, CLIENT, SCOPES, consent
from tests.sandbox.operations import operation

ADA = {"properties": {"email": "ada@example.com"}, "associations": []}
READER = "oauth crm.objects.contacts.read"


@pytest.fixture
def tokens(account):
    """Ask the token endpoint by the client."""

    def ask(**more):
        return account.strict.oauth.tokens_api.create(**{**CLIENT, **more})

    return ask


@pytest.fixture
def connected(account, tokens):
    """The tokens of an app that a person has let in."""

    def run(scope=SCOPES):
        code = consent(account, scope=scope)["code"]
        return tokens(grant_type="authorization_code", code=code, redirect_uri=BACK)

    return run


@pytest.fixture
def api_of(account):
    """The contacts as a token sees them."""

    def of(token):
        return HubSpot(access_token=token, host=account.url, retry=False).crm.contacts.basic_api

    return of


@operation("tokens", "utils.oauth.get_auth_url", "200: HubSpot's consent page takes its parameters")
def test_auth_url(account):
    asked = get_auth_url(client_id=CLIENT["client_id"], redirect_uri=BACK, scope=tuple(SCOPES.split()))
    page = requests.get(asked.replace("https://app.hubspot.com", account.url), timeout=60)
    assert (page.status_code, "Connect leadrelay" in page.text) == (200, True)


@operation("tokens", "oauth.tokens_api.create(authorization_code)", "200: bearer tokens for 1800 seconds")
def test_code(connected, api_of):
    told = connected()
    assert (told.token_type, told.expires_in) == ("bearer", 1800)
    assert api_of(told.access_token).get_page().results == []


@operation("tokens", "oauth.tokens_api.create(refresh_token)", "200: a new access token and a refresh token")
def test_refresh(connected, tokens):
    before = connected()
    after = tokens(grant_type="refresh_token", refresh_token=before.refresh_token)
    assert (after.expires_in, after.refresh_token is not None) == (1800, True)
    assert after.access_token != before.access_token


@operation("tokens", "oauth.tokens_api.create with a bad code", "400 invalid_grant, BAD_AUTH_CODE")
def test_bad_code(tokens, raises_status):
    error = raises_status(400, tokens, grant_type="authorization_code", code="x", redirect_uri=BACK)
    body = json.loads(error.body)
    assert (body["error"], body["status"]) == ("invalid_grant", "BAD_AUTH_CODE")


@operation(
    "tokens",
    "oauth.refresh_tokens_api.archive",
    "204; refreshing is then 400 invalid_grant, BAD_REFRESH_TOKEN; the access token lives on",
)
def test_revoked(account, connected, tokens, api_of, raises_status):
    told = connected()
    api = account.strict.oauth.refresh_tokens_api
    assert api.archive_with_http_info(told.refresh_token)[1] == 204
    error = raises_status(400, tokens, grant_type="refresh_token", refresh_token=told.refresh_token)
    body = json.loads(error.body)
    assert (body["error"], body["status"]) == ("invalid_grant", "BAD_REFRESH_TOKEN")
    assert body["error_description"] == "refresh token is invalid, expired or revoked"
    assert api_of(told.access_token).get_page().results == []


@operation(
    "tokens", "oauth.access_tokens_api.get, refresh_tokens_api.get", "200: portal, app, user and scopes"
)
def test_token_info(account, connected):
    told = connected()
    access = account.strict.oauth.access_tokens_api.get(told.access_token)
    assert (access.hub_id, access.app_id, access.token_type) == (62515, 54321, "access")
    assert sorted(access.scopes) == sorted(SCOPES.split())
    refresh = account.strict.oauth.refresh_tokens_api.get(told.refresh_token)
    assert (refresh.hub_id, refresh.client_id) == (62515, CLIENT["client_id"])


@operation("refusals", "any call with a wrong token", "401 INVALID_AUTHENTICATION")
def test_401(api_of, raises_status):
    body = json.loads(raises_status(401, api_of("wrong").get_page).body)
    assert (body["status"], body["category"]) == ("error", "INVALID_AUTHENTICATION")


@operation("refusals", "any call with a token of 1801 seconds", "401 EXPIRED_AUTHENTICATION")
def test_expired(account, connected, api_of, raises_status):
    api = api_of(connected().access_token)
    account.control("clock", {"advance": 1801})
    body = json.loads(raises_status(401, api.get_page).body)
    assert (body["category"], list(body["context"])) == ("EXPIRED_AUTHENTICATION", ["expire time"])


@operation(
    "refusals",
    "crm.contacts.basic_api.create without the scope",
    "403 MISSING_SCOPES: the scopes that are required",
)
def test_403(connected, api_of, raises_status):
    api = api_of(connected(READER).access_token)
    body = json.loads(raises_status(403, api.create, ADA).body)
    assert body["category"] == "MISSING_SCOPES"
    assert body["message"].startswith("This app hasn't been granted all required scopes")
    assert body["errors"][0]["context"]["requiredGranularScopes"] == ["crm.objects.contacts.write"]
    assert "scopes" in body["links"]


@operation("refusals", "crm.contacts.basic_api.get_by_id of an unknown id", "404 OBJECT_NOT_FOUND")
def test_404(account, raises_status):
    error = raises_status(404, account.strict.crm.contacts.basic_api.get_by_id, "999")
    assert json.loads(error.body)["category"] == "OBJECT_NOT_FOUND"


@operation(
    "refusals",
    "crm.contacts.basic_api.create of a known address",
    "409 CONFLICT: Contact already exists. Existing ID: …",
)
def test_409(account, raises_status):
    made = account.contact(email="ada@example.com")
    body = json.loads(raises_status(409, account.strict.crm.contacts.basic_api.create, ADA).body)
    assert (body["status"], body["category"]) == ("error", "CONFLICT")
    assert re.fullmatch(r"Contact already exists\. Existing ID: (\d+)", body["message"])[1] == made


@operation(
    "refusals",
    "crm.contacts.basic_api.create with an unknown property",
    "400 VALIDATION_ERROR, PROPERTY_DOESNT_EXIST, and the same as JSON in the message",
)
def test_unknown_property(account, raises_status):
    sent = {"properties": {"shoe_size": "9"}, "associations": []}
    body = json.loads(raises_status(400, account.strict.crm.contacts.basic_api.create, sent).body)
    assert body["category"] == "VALIDATION_ERROR"
    [error] = body["errors"]
    assert (error["code"], error["context"]) == ("PROPERTY_DOESNT_EXIST", {"propertyName": ["shoe_size"]})
    before, _, problems = body["message"].partition(": ")
    assert before == "Property values were not valid"
    [problem] = json.loads(problems)
    assert (problem["isValid"], problem["error"], problem["name"]) == (
        False, "PROPERTY_DOESNT_EXIST", "shoe_size",
    )  # fmt: skip


WRONG_VALUES = {"INVALID_OPTION": ("lifecyclestage", "friend"), "INVALID_EMAIL": ("email", "nonsense")}


@operation(
    "refusals",
    "crm.contacts.basic_api.update with wrong values",
    "400 VALIDATION_ERROR: INVALID_OPTION, INVALID_EMAIL",
)
def test_wrong_values(account, raises_status):
    made = account.contact(email="ada@example.com")
    for code, (name, value) in WRONG_VALUES.items():
        error = raises_status(
            400, account.strict.crm.contacts.basic_api.update, made, {"properties": {name: value}}
        )
        assert [one["code"] for one in json.loads(error.body)["errors"]] == [code]


@operation(
    "refusals",
    "any call beyond the limit of ten seconds",
    "429 TEN_SECONDLY_ROLLING, with the rate headers and no Retry-After",
)
def test_429(account, raises_status):
    account.control("faults", {"limits": {"per_10s": 1}})
    api = account.strict.crm.contacts.basic_api
    api.get_page()
    error = raises_status(429, api.get_page)
    body = json.loads(error.body)
    assert (body["errorType"], body["policyName"]) == ("RATE_LIMIT", "TEN_SECONDLY_ROLLING")
    assert error.headers["X-HubSpot-RateLimit-Max"] == "1"
    assert "Retry-After" not in error.headers


@operation("refusals", "any call beyond the daily limit", "429 DAILY: You have reached your daily limit.")
def test_daily(account, raises_status):
    account.control("faults", {"limits": {"daily": 0}})
    body = json.loads(raises_status(429, account.strict.crm.contacts.basic_api.get_page).body)
    assert (body["policyName"], body["message"]) == ("DAILY", "You have reached your daily limit.")


@operation("refusals", "any call that meets a 503", "ServiceException; nothing took effect")
def test_503(account, raises_status):
    account.control("faults", {"error_rate": 1, "error_status": 503})
    error = raises_status(503, account.strict.crm.contacts.basic_api.create, ADA)
    assert type(error).__name__ == "ServiceException"
    assert account.control("stats")["records"]["contacts"] == 0


@operation("refusals", "api_request to a dated path", "200: the raw call reaches /crm/objects/2026-09")
def test_a_dated_path(account):
    made = account.contact(email="ada@example.com")
    told = account.strict.api_request({"path": f"/crm/objects/2026-09/contacts/{made}"})
    assert (told.status_code, told.json()["id"]) == (200, made)
