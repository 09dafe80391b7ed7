"""Signing in to Salesforce: both flows against the sandbox, renewal, and what each refusal tells to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from connectors.base import Endpoint
from connectors.registry import token_source
from connectors.salesforce import logins
from connectors.salesforce.client import Client
from connectors.tokens import Credentials, SignedIn
from model.errors import NotAuthorized, RetryLater
from sandbox.clock import Clock
from sandbox.registry import VENDORS
from sandbox.salesforce.oauth.apps import CLIENT_ID, CLIENT_SECRET
from sandbox.server import running
from tests.connectors.endpoints import Notes
from tests.connectors.keys import pair

USER = "integration@northlight.example"
BY_SECRET = Credentials(client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
TOKEN_CALL = "POST /services/oauth2/token"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running(VENDORS["salesforce"](Clock())) as url:
        yield url


@pytest.fixture
def org(server: str) -> str:
    """A sandbox as new, whose app knows the certificate."""
    control(server, "reset", {})
    control(server, "apps", {"client_id": CLIENT_ID, "jwt_certificate": pair()[1]})
    return server


@pytest.fixture
def by_key() -> Credentials:
    return Credentials(client_id=CLIENT_ID, private_key=pair()[0], username=USER)


def control(url: str, path: str, body: object) -> None:
    requests.post(f"{url}/__sandbox/{path}", json=body, timeout=60).raise_for_status()


def calls(url: str, template: str) -> int:
    told = requests.get(f"{url}/__sandbox/stats", timeout=60).json()
    return int(told["calls"].get(template, 0))


def client(url: str, credentials: Credentials) -> tuple[Client, SignedIn]:
    tokens = token_source("salesforce", url, credentials)
    assert isinstance(tokens, SignedIn)
    return Client(Endpoint(url, tokens, Notes())), tokens


def organizations(one: Client) -> list[str]:
    return [row["Name"] for row in one.query("SELECT Name FROM Organization")]


def test_client_credentials_get_a_session_of_the_apps_user(org):
    session = logins.client_credentials(org, BY_SECRET)()
    assert (session.base_url, session.scopes) == (org, ("api", "id"))
    assert organizations(client(org, BY_SECRET)[0]) == ["Northlight"]


def test_an_assertion_gets_a_session_of_the_named_user(org, by_key):
    assert logins.jwt_bearer(org, by_key)().base_url == org
    assert organizations(client(org, by_key)[0]) == ["Northlight"]


def test_a_key_on_one_line_of_a_file_of_settings_is_read(org, by_key):
    one_line = replace(by_key, private_key=by_key.private_key.replace("\n", "\\n"))
    assert logins.jwt_bearer(org, one_line)().token


def test_eight_threads_whose_session_was_ended_sign_in_once(org):
    one, tokens = client(org, BY_SECRET)
    organizations(one)
    tokens._signed_in_at -= 7200
    requests.post(f"{org}/services/oauth2/revoke", data={"token": tokens.token()}, timeout=60)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: organizations(one), range(24)))
    assert found == [["Northlight"]] * 24
    assert calls(org, TOKEN_CALL) == 2


def test_a_call_is_sent_again_once_and_no_more_when_no_session_holds(org):
    one, tokens = client(org, BY_SECRET)
    good = tokens.token()
    tokens._session = replace(tokens.session(), token="00Ddead!token")
    with pytest.raises(NotAuthorized, match="INVALID_SESSION_ID"):  # quite new: another would be no better
        organizations(one)
    assert calls(org, TOKEN_CALL) == 1
    tokens._signed_in_at -= 60
    assert organizations(one) == ["Northlight"]
    assert calls(org, TOKEN_CALL) == 2
    assert tokens.token() != good


Spoiled = Callable[[Credentials], Credentials]


@pytest.mark.parametrize(
    ("spoil", "words", "advice"),
    [
        (lambda c: replace(c, client_id="3MVGnobody"), "invalid_client_id", "Consumer Key"),
        (lambda c: replace(c, client_secret="wrong"), "invalid_client", "Consumer Secret"),
        (
            lambda c: replace(c, client_secret="", private_key=pair()[0], username="who@else.example"),
            "invalid_grant: user hasn't approved this consumer",
            "Admin approved users are pre-authorized",
        ),
    ],
)
def test_a_refusal_comes_in_salesforces_words_with_what_to_do(org, spoil: Spoiled, words, advice):
    tokens = token_source("salesforce", org, spoil(BY_SECRET))
    assert tokens is not None
    with pytest.raises(NotAuthorized) as caught:
        tokens.token()
    assert words in str(caught.value)
    assert advice in str(caught.value)
    assert CLIENT_SECRET not in str(caught.value)


def test_without_a_run_as_user_the_advice_names_the_policy(org):
    control(org, "apps", {"client_id": CLIENT_ID, "run_as": None})
    with pytest.raises(NotAuthorized, match=r"no client credentials user enabled.*Run As"):
        logins.client_credentials(org, BY_SECRET)()


def test_another_key_than_the_certificates_is_told_so(org, by_key):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(NotAuthorized, match="certificate uploaded"):
        logins.jwt_bearer(org, replace(by_key, private_key=pem(other)))()


@pytest.mark.parametrize(("minutes", "way"), [(-20, "behind"), (20, "ahead of")])
def test_a_wrong_clock_is_told_with_its_seconds(org, by_key, minutes, way):
    wrong = datetime.now(UTC) + timedelta(minutes=minutes)
    with pytest.raises(NotAuthorized, match=rf"clock is 1(199|200|201) s {way}"):
        logins.jwt_bearer(org, by_key, lambda: wrong)()


def test_an_away_or_busy_salesforce_is_no_fault_of_the_credentials(org):
    control(org, "faults", {"error_rate": 1.0, "error_status": 503})
    with pytest.raises(RetryLater):
        logins.client_credentials(org, BY_SECRET)()
    with pytest.raises(RetryLater, match="no answer"):
        logins.client_credentials("http://127.0.0.1:9", BY_SECRET)()


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (400, {"error": "invalid_grant", "error_description": "request not supported on this domain"},
         NotAuthorized, "My Domain only"),
        (400, {"error": "invalid_grant", "error_description": "audience is invalid"},
         NotAuthorized, "test.salesforce.com"),
        (400, {"error": "OAUTH_APP_ACCESS_DENIED",
               "error_description": "user is not admin approved to access this app"},
         NotAuthorized, "permission set"),
        (400, {"error": "invalid_grant", "error_description": "new"}, NotAuthorized, "login history"),
        (400, {"error": "brand_new"}, NotAuthorized, "brand_new"),
        (404, {}, NotAuthorized, "no token endpoint"),
        (302, {}, NotAuthorized, "check the login URL"),
        (400, {"error": "rate_limit_exceeded"}, RetryLater, "rate_limit_exceeded"),
        (500, {}, RetryLater, "HTTP 500"),
    ],
)  # fmt: skip
def test_each_refusal_says_what_to_do(status, body, error, words):
    found = logins.refusal(status, body, {}, datetime.now(UTC))
    assert type(found) is error
    assert words in str(found)


@pytest.mark.parametrize(
    ("url", "audience"),
    [
        ("https://login.salesforce.com", "https://login.salesforce.com"),
        ("https://acme.my.salesforce.com", "https://login.salesforce.com"),
        ("https://test.salesforce.com", "https://test.salesforce.com"),
        ("https://acme--uat.sandbox.my.salesforce.com", "https://test.salesforce.com"),
        ("https://login.acme.example", "https://login.acme.example"),
    ],
)
def test_an_assertion_is_for_the_right_audience(url, audience):
    assert logins.audience(url) == audience


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: bytes | None = None) -> str:
    seal: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        seal = serialization.BestAvailableEncryption(password)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, seal).decode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sandbox-secret", "no private key in PEM"),
        (pair()[1], "no private key in PEM"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEverysecret\n-----END PRIVATE KEY-----", "is the file whole"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "not RSA"),
        (pem(ec.generate_private_key(ec.SECP256R1()), b"secret"), "passphrase"),
    ],
    ids=["a secret", "a public key", "cut off", "elliptic", "locked"],
)
def test_a_key_that_cannot_be_used_is_told_without_it(text, words):
    with pytest.raises(ValueError, match=words) as caught:
        logins.private_key(text)
    assert "very" not in str(caught.value)
