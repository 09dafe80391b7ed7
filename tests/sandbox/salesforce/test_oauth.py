"""Signing in: the web server flow with PKCE, refresh, JWT bearer, client credentials, identity."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.salesforce import ORG_ID
from sandbox.salesforce.oauth.apps import CLIENT_ID, CLIENT_SECRET
from tests.sandbox.salesforce.conftest import ANNA

CALLBACK = "http://127.0.0.1:8000/oauth/salesforce/callback"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
CLIENT = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}


class Browser:
    """Signs in at the authorize page as a person does."""

    def __init__(self, api) -> None:
        self.url = f"{api.url}/services/oauth2/authorize"

    def open(self, **params):
        asked = {
            "response_type": "code", "client_id": CLIENT_ID, "redirect_uri": CALLBACK, "state": "s 1",
            "scope": "api refresh_token", **params,
        }  # fmt: skip
        asked = {name: value for name, value in asked.items() if value is not None}
        return requests.get(self.url, params=asked, timeout=60, allow_redirects=False)

    def submit(self, page, **fields):
        kept = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
        return requests.post(self.url, data={**kept, **fields}, timeout=60, allow_redirects=False)

    def log_in(self, page, username=ANNA, password="x"):
        return self.submit(page, username=username, password=password)

    def code(self, **params) -> str:
        page = self.submit(self.log_in(self.open(**params)), action="allow")
        return back(page)["code"][0]


def back(answer):
    """What the browser carries back to the app."""
    assert answer.status_code == 302, answer.text
    assert answer.headers["Location"].startswith(CALLBACK)
    return parse_qs(urlsplit(answer.headers["Location"]).query)


@pytest.fixture
def browser(api):
    return Browser(api)


@pytest.fixture
def token(api):
    def ask(host=None, **form):
        headers = {"Host": host} if host else {}
        url = f"{api.url}/services/oauth2/token"
        return requests.post(url, data=form, headers=headers, timeout=60)

    return ask


@pytest.fixture
def signed_in(browser, token):
    """The answer to a code that Anna allowed."""
    return token(grant_type="authorization_code", code=browser.code(), redirect_uri=CALLBACK, **CLIENT).json()


def refused(answer, error, description):
    assert answer.status_code == 400
    assert answer.json() == {"error": error, "error_description": description}


def queried(api, access_token):
    headers = {"Authorization": f"Bearer {access_token}"}
    return requests.get(f"{api.url}/services/data/v68.0/limits", headers=headers, timeout=60).status_code


def test_a_person_logs_in_and_allows_and_the_app_acts_as_they(api, browser, token):
    page = browser.open(code_challenge=CHALLENGE)
    assert (page.status_code, "Log in" in page.text) == (200, True)
    consent = browser.log_in(page)
    assert "Manage user data via APIs" in consent.text
    assert ANNA in consent.text
    answer = back(browser.submit(consent, action="allow"))
    assert answer["state"] == ["s 1"]
    told = token(
        grant_type="authorization_code", code=answer["code"][0], redirect_uri=CALLBACK,
        code_verifier=VERIFIER, **CLIENT,
    ).json()  # fmt: skip
    assert sorted(told) == [
        "access_token", "id", "instance_url", "issued_at", "refresh_token", "scope", "signature",
        "token_type",
    ]  # fmt: skip
    anna = api.user(ANNA)
    assert told["id"] == f"{api.url}/id/{ORG_ID}/{anna}"
    assert (told["token_type"], told["scope"]) == ("Bearer", "api refresh_token")
    assert abs(int(told["issued_at"]) / 1000 - time.time()) < 60
    signed = hmac.new(CLIENT_SECRET.encode(), (told["id"] + told["issued_at"]).encode(), hashlib.sha256)
    assert told["signature"] == base64.b64encode(signed.digest()).decode()
    headers = {"Authorization": f"Bearer {told['access_token']}", "Sforce-Auto-Assign": "FALSE"}
    url = f"{told['instance_url']}/services/data/v68.0/sobjects/Lead"
    made = requests.post(url, json={"LastName": "x", "Company": "y"}, headers=headers, timeout=60).json()
    assert api.read(made["id"], "CreatedById,OwnerId") == {"CreatedById": anna, "OwnerId": anna}


def test_a_wrong_password_and_an_inactive_user_stay_at_the_door(browser):
    page = browser.open()
    for username in ("nobody@example.com", "oliver.stone@northlight.example"):
        assert "Please check your username and password" in browser.log_in(page, username).text
    assert "Please check" in browser.log_in(page, password="").text


def test_a_person_may_refuse(browser):
    answer = back(browser.submit(browser.log_in(browser.open()), action="deny"))
    assert answer == {
        "error": ["access_denied"], "error_description": ["end-user denied authorization"], "state": ["s 1"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "api nonsense"}, "invalid_scope"),
        ({"prompt": "none"}, "immediate_unsuccessful"),
    ],
)
def test_what_the_authorize_page_sends_back(browser, params, error):
    assert back(browser.open(**params))["error"] == [error]


@pytest.mark.parametrize(
    ("params", "error"),
    [({"client_id": "x"}, "invalid_client_id"), ({"redirect_uri": "http://evil/"}, "redirect_uri_mismatch")],
)
def test_an_unknown_app_or_address_is_sent_nowhere(browser, params, error):
    page = browser.open(**params)
    assert (page.status_code, f"error={error}" in page.text) == (400, True)


def test_an_app_may_demand_pkce_and_no_secret(api, browser, token):
    api.control("apps", {"client_id": CLIENT_ID, "require_pkce": True, "require_secret": False})
    assert back(browser.open())["error"] == ["invalid_request"]
    code = browser.code(code_challenge=CHALLENGE)
    told = token(
        grant_type="authorization_code", code=code, redirect_uri=CALLBACK, code_verifier=VERIFIER,
        client_id=CLIENT_ID,
    )  # fmt: skip
    assert told.status_code == 200


def test_a_wrong_verifier_is_an_invalid_request_and_a_missing_one_an_invalid_grant(browser, token):
    form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, **CLIENT}
    wrong = token(code=browser.code(code_challenge=CHALLENGE), code_verifier="w" * 64, **form)
    refused(wrong, "invalid_request", "invalid code verifier")
    missing = token(code=browser.code(code_challenge=CHALLENGE), **form)
    refused(missing, "invalid_grant", "invalid code verifier")


def test_a_code_is_good_once_for_a_quarter_of_an_hour_and_its_own_address(api, browser, token):
    form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, **CLIENT}
    code = browser.code()
    assert token(code=code, **form).status_code == 200
    refused(token(code=code, **form), "invalid_grant", "expired authorization code")
    refused(token(code="x", **form), "invalid_grant", "invalid authorization code")
    other = {**form, "redirect_uri": "http://localhost:8000/oauth/salesforce/callback"}
    assert token(code=browser.code(), **other).json()["error"] == "redirect_uri_mismatch"
    code = browser.code()
    api.control("clock", {"advance": 16 * 60})
    assert token(code=code, **form).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("form", "error", "description"),
    [
        ({**CLIENT, "grant_type": "magic"}, "unsupported_grant_type", "grant type not supported"),
        ({"grant_type": "refresh_token", "client_id": "x", "refresh_token": "y"}, "invalid_client_id",
         "client identifier invalid"),
        ({**CLIENT, "client_secret": "no", "grant_type": "refresh_token", "refresh_token": "y"},
         "invalid_client", "invalid client credentials"),
        ({**CLIENT, "grant_type": "refresh_token", "refresh_token": "y"}, "invalid_grant",
         "expired access/refresh token"),
        ({**CLIENT, "grant_type": "refresh_token"}, "invalid_request", "refresh_token is required"),
        ({**CLIENT, "grant_type": "password", "username": ANNA, "password": "x"}, "invalid_grant",
         "authentication failure"),
    ],
)  # fmt: skip
def test_errors_of_the_token_endpoint_are_objects(api, token, form, error, description):
    refused(token(**form), error, description)


def test_without_the_scope_there_is_no_refresh_token(browser, token):
    form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, **CLIENT}
    assert "refresh_token" not in token(code=browser.code(scope="api"), **form).json()


def test_a_refresh_gives_a_new_session_and_keeps_the_refresh_token(api, signed_in, token):
    form = {"grant_type": "refresh_token", "refresh_token": signed_in["refresh_token"], **CLIENT}
    first, second = token(**form), token(**form)
    assert "refresh_token" not in first.json()
    tokens = {signed_in["access_token"], first.json()["access_token"], second.json()["access_token"]}
    assert len(tokens) == 3
    assert {queried(api, one) for one in tokens} == {200}


def test_with_rotation_every_refresh_ends_the_old_refresh_token(api, signed_in, token):
    api.fault(refresh_rotation="on")
    form = {"grant_type": "refresh_token", **CLIENT}
    new = token(refresh_token=signed_in["refresh_token"], **form).json()
    assert new["refresh_token"] != signed_in["refresh_token"]
    old = token(refresh_token=signed_in["refresh_token"], **form)
    refused(old, "invalid_grant", "expired access/refresh token")
    assert token(refresh_token=new["refresh_token"], **form).status_code == 200
    assert queried(api, signed_in["access_token"]) == 200


def test_a_session_dies_after_two_idle_hours(api, signed_in):
    for minutes in (119, 119):
        api.control("clock", {"advance": minutes * 60})
        assert queried(api, signed_in["access_token"]) == 200
    api.control("clock", {"advance": 121 * 60})
    headers = {"Authorization": f"Bearer {signed_in['access_token']}"}
    answer = requests.get(f"{api.url}/services/data/v68.0/limits", headers=headers, timeout=60)
    assert answer.status_code == 401
    assert answer.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    assert api.get("limits").status_code == 200, "the sandbox's own token knows no time"


def test_an_org_may_let_idle_refresh_tokens_expire(api, signed_in, token):
    form = {"grant_type": "refresh_token", "refresh_token": signed_in["refresh_token"], **CLIENT}
    api.control("clock", {"advance": 31 * 86_400})
    assert token(**form).status_code == 200
    api.fault(refresh_idle_limit="30_days")
    api.control("clock", {"advance": 31 * 86_400})
    refused(token(**form), "invalid_grant", "expired access/refresh token")


def test_revoking_a_refresh_token_ends_its_sessions(api, signed_in, token):
    url = f"{api.url}/services/oauth2/revoke"
    other = token(grant_type="refresh_token", refresh_token=signed_in["refresh_token"], **CLIENT).json()
    assert requests.post(url, data={"token": other["access_token"]}, timeout=60).status_code == 200
    assert [queried(api, one["access_token"]) for one in (other, signed_in)] == [401, 200]
    assert requests.get(url, params={"token": signed_in["refresh_token"]}, timeout=60).status_code == 200
    assert queried(api, signed_in["access_token"]) == 401
    assert requests.post(url, data={"token": "x"}, timeout=60).json()["error"] == "invalid_token"


def test_a_user_who_is_made_inactive_loses_sessions_and_refreshes(api, signed_in, token):
    api.patch(f"sobjects/User/{api.user(ANNA)}", {"IsActive": False})
    assert queried(api, signed_in["access_token"]) == 401
    form = {"grant_type": "refresh_token", "refresh_token": signed_in["refresh_token"], **CLIENT}
    refused(token(**form), "invalid_grant", "inactive user")


def test_the_identity_address_and_userinfo_tell_who_it_is(api, signed_in):
    headers = {"Authorization": f"Bearer {signed_in['access_token']}"}
    told = requests.get(signed_in["id"], headers=headers, timeout=60).json()
    assert [told[name] for name in ("organization_id", "username", "display_name", "active")] == [
        ORG_ID, ANNA, "Anna Keller", True,
    ]  # fmt: skip
    assert told["urls"]["rest"] == f"{api.url}/services/data/v{{version}}/"
    info = requests.get(f"{api.url}/services/oauth2/userinfo", headers=headers, timeout=60).json()
    assert (info["preferred_username"], info["user_id"]) == (ANNA, told["user_id"])
    missing = requests.get(signed_in["id"], timeout=60)
    assert (missing.status_code, missing.text) == (403, "Missing_OAuth_Token")
    bad = requests.get(signed_in["id"], headers={"Authorization": "Bearer x"}, timeout=60)
    assert (bad.status_code, bad.text) == (403, "Bad_OAuth_Token")


def test_each_logical_host_answers_with_its_own_addresses(browser, token):
    def told(host):
        form = {
            "grant_type": "authorization_code",
            "code": browser.code(),
            "redirect_uri": CALLBACK,
            **CLIENT,
        }
        answer = token(host, **form).json()
        return answer["id"].split("/id/")[0], answer["instance_url"]

    login, test = "https://login.salesforce.com", "https://test.salesforce.com"
    assert told("login.salesforce.com") == (login, "https://northlight.my.salesforce.com")
    assert told("test.salesforce.com") == (test, "https://northlight--sandbox.sandbox.my.salesforce.com")
    assert told("acme.my.salesforce.com") == (login, "https://acme.my.salesforce.com")
    assert told("acme--uat.sandbox.my.salesforce.com")[0] == test


def test_a_lightning_host_knows_no_session(api):
    answer = api.get("limits", headers={"Host": "acme.lightning.force.com"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")


def test_client_credentials_need_a_my_domain_and_run_as_the_apps_user(api, token):
    form = {"grant_type": "client_credentials", **CLIENT}
    told = token("acme.my.salesforce.com", **form).json()
    assert "refresh_token" not in told
    assert told["id"].endswith(api.user("integration@northlight.example"))
    for host in ("login.salesforce.com", "test.salesforce.com"):
        refused(token(host, **form), "invalid_grant", "request not supported on this domain")
    api.control("apps", {"client_id": CLIENT_ID, "run_as": None})
    refused(token("acme.my.salesforce.com", **form), "invalid_grant", "no client credentials user enabled")


def claims(**more):
    expires = int(datetime.now(UTC).timestamp()) + 170
    return {"iss": CLIENT_ID, "sub": ANNA, "aud": "https://login.salesforce.com", "exp": expires, **more}


def by_jwt(token, key, algorithm="RS256", **more):
    assertion = jwt.encode(claims(**more), key, algorithm=algorithm)
    return token(grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", assertion=assertion)


def test_a_signed_assertion_is_a_session_without_a_refresh_token(jwt_app, token, key):
    told = by_jwt(token, key[0]).json()
    assert "refresh_token" not in told
    assert told["id"].endswith(jwt_app.user(ANNA))
    assert queried(jwt_app, told["access_token"]) == 200


@pytest.mark.parametrize(
    ("more", "error", "description"),
    [
        ({"aud": "https://example.com"}, "invalid_grant", "audience is invalid"),
        ({"exp": 1_000_000_000}, "invalid_grant", "expired assertion"),
        ({"exp": int(time.time()) + 3_600}, "invalid_grant", "expired assertion"),
        ({"sub": "ben.carter@northlight.example"}, "invalid_grant", "user hasn't approved this consumer"),
        ({"sub": "nobody@example.com"}, "invalid_grant", "user hasn't approved this consumer"),
        ({"iss": "x"}, "invalid_client_id", "client identifier invalid"),
    ],
)
def test_assertions_that_are_refused(jwt_app, token, key, more, error, description):
    refused(by_jwt(token, key[0], **more), error, description)


def test_a_foreign_signature_is_refused(jwt_app, token, key):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    refused(by_jwt(token, other), "invalid_grant", "invalid assertion")
    refused(by_jwt(token, "secret" * 8, algorithm="HS256"), "invalid_grant", "invalid assertion")


def test_apps_are_registered_and_listed_by_the_control_endpoint(api):
    made = api.control("apps", {"name": "Other", "redirect_uris": ["http://127.0.0.1:1/cb"]}).json()
    assert made["client_id"].startswith("3MVG9")
    assert [app["name"] for app in api.control("apps").json()["apps"]] == ["leadrelay", "Other"]
    wrong = api.control("apps", {"colour": "blue"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "bad_app")


def test_a_token_answer_may_be_urlencoded(token):
    form = {"grant_type": "client_credentials", "format": "urlencoded", **CLIENT}
    answer = token("acme.my.salesforce.com", **form)
    assert parse_qs(answer.text)["token_type"] == ["Bearer"]
