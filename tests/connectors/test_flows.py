"""The vendors' token endpoints: what goes there, what comes of it, and what each refusal means."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.base import Grant
from connectors.hubspot.oauth import HubSpotFlow
from connectors.oauth import Question, challenge_of, new_state, new_verifier
from connectors.salesforce.oauth import SalesforceFlow
from connectors.tokens import App
from model.errors import GrantEnded, NotAuthorized, RetryLater
from tests.builders import NOON
from tests.connectors.stub import Said

QUESTION = Question("https://leads.example/oauth/x/callback", "the state", "v" * 64, ("oauth", "b c"), ("d",))
HUBSPOT_TOKENS = {"access_token": "a1", "refresh_token": "r1", "expires_in": 1800, "scopes": ["oauth"]}
SALESFORCE_TOKENS = {"access_token": "a1", "refresh_token": "r1", "scope": "api refresh_token"}
FLOWS = {"hubspot": HubSpotFlow(lambda: NOON), "salesforce": SalesforceFlow()}
KEPT = Grant("a0", "r0", base_url="https://kept.example", scopes=("kept",))


def app(stub):
    return App("id", "hush-hush", stub.url)


def tokens(stub, kind, **more):
    """An answer with tokens, as the vendor gives it."""
    if kind == "hubspot":
        return Said(200, HUBSPOT_TOKENS | more)
    return Said(200, SALESFORCE_TOKENS | {"instance_url": stub.url} | more)


def test_hubspots_page_is_its_own_host_for_its_own_api():
    page = urlsplit(FLOWS["hubspot"].page(App("id", "secret", "https://api.hubapi.com"), QUESTION))
    assert (page.netloc, page.path) == ("app.hubspot.com", "/oauth/authorize")
    assert parse_qs(page.query) == {
        "client_id": ["id"],
        "redirect_uri": [QUESTION.redirect_uri],
        "scope": ["oauth b c"],
        "optional_scope": ["d"],
        "state": ["the state"],
    }
    assert "+" not in page.query, "blanks go as %20"


def test_salesforces_page_gets_the_challenge_and_not_the_verifier():
    page = FLOWS["salesforce"].page(App("id", "secret", "https://login.salesforce.com"), QUESTION)
    asked = parse_qs(urlsplit(page).query)
    assert (asked["response_type"], asked["code_challenge"]) == (["code"], [challenge_of(QUESTION.verifier)])
    assert QUESTION.verifier not in page


def test_a_challenge_is_that_of_the_standard():
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636, appendix B
    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert 43 <= len(new_verifier()) <= 128
    assert new_state() != new_state()


def test_hubspot_takes_all_in_the_body_and_says_how_long_its_token_is_good(stub):
    stub.will_say(tokens(stub, "hubspot"))
    grant = FLOWS["hubspot"].redeem(app(stub), "code", "https://back", "v")
    assert grant == Grant("a1", "r1", NOON + timedelta(seconds=1800), stub.url, ("oauth",))
    [asked] = stub.asked
    assert (asked.path, "authorization" in asked.headers) == ("/oauth/2026-03/token", False)
    assert asked.body == {
        "grant_type": "authorization_code",
        "code": "code",
        "redirect_uri": "https://back",
        "client_id": "id",
        "client_secret": "hush-hush",
    }


def test_salesforce_gets_the_verifier_and_tells_where_the_data_is(stub):
    stub.will_say(tokens(stub, "salesforce"))
    grant = FLOWS["salesforce"].redeem(app(stub), "code", "https://back", "verifier")
    assert grant == Grant("a1", "r1", None, stub.url, ("api", "refresh_token"))
    assert (stub.asked[0].path, stub.asked[0].body["code_verifier"]) == ("/services/oauth2/token", "verifier")


@pytest.mark.parametrize("kind", FLOWS)
def test_a_renewal_without_a_new_refresh_token_keeps_the_old_one_and_with_one_takes_it(stub, kind):
    stub.will_say(tokens(stub, kind, refresh_token=None), tokens(stub, kind, refresh_token="rotated"))
    renewed = [FLOWS[kind].renew(app(stub), KEPT).refresh_token for _ in range(2)]
    assert renewed == ["r0", "rotated"]
    assert stub.asked[0].body["refresh_token"] == "r0"


@pytest.mark.parametrize("kind", FLOWS)
@pytest.mark.parametrize(
    ("said", "error"),
    [
        (Said(400, {"error": "invalid_grant", "error_description": "it is over"}), GrantEnded),
        (Said(400, {"error": "invalid_client", "error_description": "no such app"}), NotAuthorized),
        (Said(401, {"error": "invalid_client"}), NotAuthorized),
        (Said(429, {}), RetryLater),
        (Said(503, b"<html>"), RetryLater),
        (Said(0), RetryLater),
        (Said(200, {}), RetryLater),
        (Said(200, b"not json"), RetryLater),
    ],
)
def test_only_invalid_grant_is_the_end(stub, kind, said, error):
    stub.will_say(said)
    with pytest.raises(error) as caught:
        FLOWS[kind].renew(app(stub), KEPT)
    assert type(caught.value) is error
    assert not any(secret in str(caught.value) for secret in ("r0", "hush-hush"))


def test_hubspots_own_status_is_the_end_too(stub):
    stub.will_say(Said(400, {"status": "BAD_REFRESH_TOKEN", "message": "refresh token is invalid"}))
    with pytest.raises(GrantEnded):
        FLOWS["hubspot"].renew(app(stub), KEPT)


def test_what_passes_at_salesforce_by_itself_is_tried_again(stub):
    stub.will_say(Said(400, {"error": "temporarily_unavailable"}))
    with pytest.raises(RetryLater):
        FLOWS["salesforce"].renew(app(stub), KEPT)


def test_salesforce_without_the_scope_for_a_refresh_token_is_told_at_once(stub):
    stub.will_say(tokens(stub, "salesforce", refresh_token=None))
    with pytest.raises(NotAuthorized, match="refresh_token, offline_access"):
        FLOWS["salesforce"].redeem(app(stub), "code", "https://back", "verifier")


@pytest.mark.parametrize("instance", ["https://evil.example", "http://acme.my.salesforce.com"])
def test_a_sign_in_on_this_machine_leads_nowhere_else(stub, instance):
    stub.will_say(tokens(stub, "salesforce", instance_url=instance))
    with pytest.raises(NotAuthorized, match="cannot be right"):
        FLOWS["salesforce"].redeem(app(stub), "code", "https://back", "verifier")


@pytest.mark.parametrize(
    ("kind", "path", "over"),
    [
        ("hubspot", "/oauth/2026-03/token/revoke", "BAD_REFRESH_TOKEN"),
        ("salesforce", "/services/oauth2/revoke", "invalid_token"),
    ],
)
def test_revoking_what_is_over_already_is_no_error_and_what_failed_is_one(stub, kind, path, over):
    stub.will_say(Said(200), Said(400, {"error": over}), Said(503), Said(400, {"error": "invalid_client"}))
    for _ in range(2):
        FLOWS[kind].revoke(app(stub), "r0")
    assert (stub.asked[0].path, stub.asked[0].body["token"]) == (path, "r0")
    with pytest.raises(RetryLater):
        FLOWS[kind].revoke(app(stub), "r0")
    with pytest.raises(NotAuthorized):
        FLOWS[kind].revoke(app(stub), "r0")
