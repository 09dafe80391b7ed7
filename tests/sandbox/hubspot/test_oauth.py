"""Connecting an app: the consent page, codes, tokens, their age and their scopes."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from hubspot import HubSpot

CLIENT = {"client_id": "sandbox-client-id", "client_secret": "sandbox-client-secret-0001"}
BACK = "http://localhost:8000/oauth/hubspot/callback"
CONTACTS = "/crm/v3/objects/contacts"
SCOPES = "oauth crm.objects.contacts.read crm.objects.contacts.write"
VERSIONS = ["v1", "v3", "2026-03", "2026-09"]


def consent(account, decision: str = "approve", **asked: str) -> dict[str, str]:
    """Open the page, press a button, and return what the app's address is told."""
    query = {"client_id": CLIENT["client_id"], "redirect_uri": BACK, "scope": SCOPES, "state": "s 1", **asked}
    page = requests.get(f"{account.url}/oauth/authorize", params=query, timeout=60)
    assert page.status_code == 200, page.text
    hidden = {
        html.unescape(name): html.unescape(value)
        for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
    }
    form = {**hidden, "decision": decision, "person": "mei.tanaka@northlight.example"}
    answer = requests.post(f"{account.url}/oauth/authorize", data=form, allow_redirects=False, timeout=60)
    assert answer.status_code == 302, answer.text
    target = urlsplit(answer.headers["Location"])
    assert f"{target.scheme}://{target.netloc}{target.path}" == query["redirect_uri"].split("?")[0]
    return {name: values[0] for name, values in parse_qs(target.query).items()}


def token(account, version: str = "v3", **form: str) -> requests.Response:
    return requests.post(f"{account.url}/oauth/{version}/token", data={**CLIENT, **form}, timeout=60)


def connect(account, version: str = "v3", **asked: str) -> dict[str, Any]:
    """The tokens of an app that was let in."""
    code = consent(account, **asked)["code"]
    answer = token(account, version, grant_type="authorization_code", code=code, redirect_uri=BACK)
    assert answer.status_code == 200, answer.text
    return answer.json()


def with_token(account, access_token: str, method: str, path: str, body: object = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {access_token}"}
    return requests.request(method, f"{account.url}{path}", json=body, headers=headers, timeout=60)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_code_becomes_tokens_that_work(account, version):
    told = connect(account, version)
    assert (told["token_type"], told["expires_in"]) == ("bearer", 1800)
    if version != "v1":
        assert (told["hub_id"], told["user_id"], told["token_use"]) == (62515, 81007, "access_token")
        assert sorted(told["scopes"]) == sorted(SCOPES.split())
    assert with_token(account, told["access_token"], "GET", CONTACTS).status_code == 200


def test_the_page_gives_the_state_back_and_says_what_is_asked_for(account):
    query = {"client_id": CLIENT["client_id"], "redirect_uri": BACK, "scope": SCOPES}
    page = requests.get(f"{account.url}/oauth/authorize", params=query, timeout=60).text
    assert "Connect leadrelay to Northlight" in page
    assert "See contacts" in page
    assert consent(account)["state"] == "s 1"


def test_a_person_may_say_no(account):
    told = consent(account, "deny")
    assert (told["error"], told["state"]) == ("access_denied", "s 1")
    assert "code" not in told


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"client_id": "nobody"}, "no app with this client id"),
        ({"redirect_uri": "https://evil.example/"}, "is not registered for leadrelay"),
        ({"scope": ""}, "asks for no scopes"),
        ({"scope": "oauth crm.secrets.read"}, "may not ask for crm.secrets.read"),
    ],
)
def test_a_wrong_address_shows_why_and_leads_nowhere(account, asked, words):
    query = {"client_id": CLIENT["client_id"], "redirect_uri": BACK, "scope": SCOPES, **asked}
    for answer in (
        requests.get(f"{account.url}/oauth/authorize", params=query, timeout=60),
        requests.post(f"{account.url}/oauth/authorize", data=query, allow_redirects=False, timeout=60),
    ):
        assert answer.status_code == 400
        assert words in answer.text


def test_optional_scopes_are_granted_where_the_app_has_them(account):
    told = connect(account, optional_scope="tickets crm.secrets.read")
    assert set(told["scopes"]) == {*SCOPES.split(), "tickets"}


def test_a_code_works_once(account):
    code = consent(account)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
    assert token(account, **form).status_code == 200
    again = token(account, **form)
    assert (again.status_code, again.json()["status"]) == (400, "BAD_AUTH_CODE")


def test_a_code_grows_old_by_the_virtual_clock(account):
    code = consent(account)["code"]
    account.control("clock", {"advance": 301})
    answer = token(account, grant_type="authorization_code", code=code, redirect_uri=BACK)
    assert answer.json()["status"] == "BAD_AUTH_CODE"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "BAD_REFRESH_TOKEN", "invalid_grant"),
        ({"grant_type": "authorization_code", "code": "x"}, "BAD_AUTH_CODE", "invalid_grant"),
        ({"grant_type": "password"}, "BAD_GRANT_TYPE", "unsupported_grant_type"),
        ({"client_id": "nobody"}, "BAD_CLIENT_ID", "invalid_client"),
        ({"client_secret": "wrong"}, "BAD_CLIENT_SECRET", "invalid_client"),
        ({"grant_type": "client_credentials", "scope": "root"}, "BAD_SCOPE", "invalid_scope"),
    ],
)
def test_refused_grants(account, version, form, status, error):
    answer = token(account, version, **form)
    body = answer.json()
    assert (answer.status_code, body["status"], body["error"]) == (400, status, error)
    assert body["message"] == body["error_description"]


def test_the_refusal_of_a_refresh_token_in_hubspots_words(account):
    body = token(account, grant_type="refresh_token", refresh_token="x").json()
    assert body["message"] == "refresh token is invalid, expired or revoked"


def test_the_redirect_address_must_be_the_same(account):
    code = consent(account)["code"]
    answer = token(account, grant_type="authorization_code", code=code, redirect_uri=f"{BACK}/other")
    assert answer.json()["status"] == "BAD_REDIRECT_URI"


def test_a_code_with_a_challenge_needs_its_verifier(account):
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636, appendix B
    form = {"grant_type": "authorization_code", "redirect_uri": BACK}
    code = consent(account, code_challenge=challenge)["code"]
    assert token(account, **form, code=code).json()["status"] == "BAD_CODE_VERIFIER"
    code = consent(account, code_challenge=challenge)["code"]
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert token(account, **form, code=code, code_verifier=verifier).status_code == 200


def test_an_access_token_lives_half_an_hour_and_a_refresh_token_brings_another(account):
    account.control("clock", {"now": "2030-01-01T00:00:00Z", "frozen": True})
    told = connect(account)
    account.control("clock", {"advance": 1799})
    assert with_token(account, told["access_token"], "GET", CONTACTS).status_code == 200
    account.control("clock", {"advance": 76})
    refused = with_token(account, told["access_token"], "GET", CONTACTS)
    body = refused.json()
    assert (refused.status_code, body["category"]) == (401, "EXPIRED_AUTHENTICATION")
    assert body["message"] == "The OAuth token used to make this call expired 75 second(s) ago."
    assert body["context"] == {"expire time": ["2030-01-01T00:30:00.000Z"]}
    fresh = token(account, "2026-09", grant_type="refresh_token", refresh_token=told["refresh_token"]).json()
    assert fresh["refresh_token"] == told["refresh_token"]
    assert with_token(account, fresh["access_token"], "GET", CONTACTS).status_code == 200


def test_refresh_tokens_can_be_made_to_rotate(account):
    account.control("faults", {"refresh_token": "rotated"})
    old = connect(account)["refresh_token"]
    new = token(account, grant_type="refresh_token", refresh_token=old).json()["refresh_token"]
    assert token(account, grant_type="refresh_token", refresh_token=old).status_code == 400
    assert token(account, grant_type="refresh_token", refresh_token=new).status_code == 200


def test_the_vendors_client_changes_and_looks_up_tokens(account):
    client = HubSpot(host=account.url, retry=False)
    code = consent(account)["code"]
    made = client.oauth.tokens_api.create(
        grant_type="authorization_code", code=code, redirect_uri=BACK, **CLIENT
    )
    assert made.expires_in == 1800
    info = client.oauth.access_tokens_api.get(made.access_token)
    assert (info.hub_id, info.user, info.app_id) == (62515, "mei.tanaka@northlight.example", 54321)
    assert sorted(info.scopes) == sorted(SCOPES.split())
    refresh = client.oauth.refresh_tokens_api.get(made.refresh_token)
    assert (refresh.client_id, refresh.user_id) == (CLIENT["client_id"], 81007)
    client.oauth.refresh_tokens_api.archive(made.refresh_token)
    assert token(account, grant_type="refresh_token", refresh_token=made.refresh_token).status_code == 400
    assert with_token(account, made.access_token, "GET", CONTACTS).status_code == 200, "access tokens live on"


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
@pytest.mark.parametrize("field", ["token", "access_token"])
def test_introspection(account, version, field):
    account.control("clock", {"now": "2030-01-01T00:00:00Z", "frozen": True})
    told = connect(account)
    account.control("clock", {"advance": 100})

    def introspect(**form: str) -> dict[str, Any]:
        return requests.post(
            f"{account.url}/oauth/{version}/token/introspect", data={**CLIENT, **form}, timeout=60
        ).json()

    info = introspect(**{field: told["access_token"]})
    assert (info["active"], info["expires_in"], info["token_use"]) == (True, 1700, "access_token")
    assert (info["hub_id"], info["app_id"], info["token_type"]) == (62515, 54321, "Bearer")
    assert introspect(token=told["refresh_token"])["token_use"] == "refresh_token"
    revoked = requests.post(
        f"{account.url}/oauth/{version}/token/revoke",
        data={**CLIENT, "token": told["refresh_token"]},
        timeout=60,
    )
    assert revoked.status_code == 200
    assert introspect(token=told["refresh_token"]) == {"active": False}
    account.control("clock", {"advance": 1701})
    assert introspect(token=told["access_token"]) == {"active": False}


@pytest.mark.parametrize(
    ("method", "path", "body", "scope"),
    [
        ("POST", f"{CONTACTS}/batch/create", {"inputs": [{"properties": {}}]}, "crm.objects.contacts.write"),
        ("GET", "/crm/objects/2026-09/0-2", None, "crm.objects.companies.read"),
        ("POST", "/crm/v3/objects/deals/search", {}, "crm.objects.deals.read"),
        ("GET", "/crm/v3/objects/tickets", None, "tickets"),
        ("POST", "/crm/v3/objects/notes", {}, "crm.objects.contacts.write"),
        ("GET", "/crm/v3/owners/", None, "crm.objects.owners.read"),
        ("POST", "/crm/v3/properties/contacts", {}, "crm.schemas.contacts.write"),
        ("PUT", "/crm/v3/lists/1/memberships/add", [], "crm.lists.read"),
        ("PUT", "/crm/v4/objects/leads/1/associations/default/contacts/1", None, "crm.objects.leads.write"),
    ],
)
def test_a_missing_scope_is_403_and_named(account, method, path, body, scope):
    told = connect(account, scope="oauth crm.objects.contacts.read")
    refused = with_token(account, told["access_token"], method, path, body)
    assert (refused.status_code, refused.json()["category"]) == (403, "MISSING_SCOPES")
    assert refused.json()["message"].startswith("This app hasn't been granted all required scopes")
    assert scope in refused.json()["errors"][0]["context"]["requiredGranularScopes"]
    assert "scopes" in refused.json()["links"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", CONTACTS, None),
        ("POST", f"{CONTACTS}/search", {}),
        ("GET", "/crm/v3/properties/contacts", None),
        ("GET", "/crm/v3/objects/tasks", None),
        ("GET", "/account-info/v3/details", None),
    ],
)
def test_the_scope_for_reading_contacts_lets_these_through(account, method, path, body):
    told = connect(account, scope="oauth crm.objects.contacts.read")
    assert with_token(account, told["access_token"], method, path, body).status_code == 200


def test_an_app_of_ones_own(account):
    made = account.control(
        "apps",
        {"name": "Other", "redirect_uris": ["https://other.example/back"], "scopes": ["oauth", "tickets"]},
    )
    assert [app["name"] for app in account.control("apps")["apps"]] == ["leadrelay", "Other"]
    code = consent(
        account, client_id=made["client_id"], redirect_uri="https://other.example/back", scope="tickets"
    )
    form = {"client_id": made["client_id"], "client_secret": made["client_secret"], "code": code["code"]}
    told = token(account, **form, grant_type="authorization_code", redirect_uri="https://other.example/back")
    assert told.json()["scopes"] == ["tickets"]


def test_writes_name_the_app_they_came_from(account):
    made = account.control("apps", {"name": "Other", "redirect_uris": [BACK]})
    code = consent(account, client_id=made["client_id"])["code"]
    form = {"client_id": made["client_id"], "client_secret": made["client_secret"], "code": code}
    access = token(account, **form, grant_type="authorization_code", redirect_uri=BACK).json()["access_token"]
    contact = with_token(account, access, "POST", CONTACTS, {"properties": {"city": "Leeds"}}).json()["id"]
    told = account.call("GET", f"{CONTACTS}/{contact}", propertiesWithHistory="city").json()
    assert told["propertiesWithHistory"]["city"][0]["sourceId"] == str(made["app_id"])


def test_a_token_for_the_app_itself(account):
    told = token(account, grant_type="client_credentials", scope="developer.webhooks_journal.read").json()
    assert (told["token_use"], told["expires_in"]) == ("client_credentials", 1800)
    assert "refresh_token" not in told


def test_token_calls_count_towards_no_limit(account):
    account.control("faults", {"limits": {"per_10s": 1}})
    connect(account)
    assert account.call("GET", CONTACTS).status_code == 200
