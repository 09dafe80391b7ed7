"""Signing in to Salesforce without a person: client credentials, and a signed assertion (JWT bearer)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from connectors.inspection import Now, now, skew
from connectors.oauth import post
from connectors.tokens import Credentials, Session
from model.errors import ConnectorError, NotAuthorized, RetryLater

PATH = "/services/oauth2/token"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LOGIN, TEST = "https://login.salesforce.com", "https://test.salesforce.com"
ASSERTION_LIFE = 120  # seconds; Help "OAuth 2.0 JWT Bearer Flow": about three minutes at most
SKEW = 60.0  # seconds by which two clocks may differ before it is worth a word

# Parts of what the token endpoint says, in lower case -> what to do about it. The first match counts.
ADVICE: tuple[tuple[str, str], ...] = (
    (
        "hasn't approved this consumer",
        "Pre-authorize the user: in the External Client App's policies set Permitted Users to "
        '"Admin approved users are pre-authorized" and add a permission set or profile that the user has.',
    ),
    (
        "not admin approved",
        "Add a permission set or profile that the user has to the External Client App's policies.",
    ),
    (
        "request not supported on this domain",
        "Client credentials are granted at My Domain only: use https://YOUR-DOMAIN.my.salesforce.com as the "
        "address.",
    ),
    (
        "no client credentials user",
        "Name the user it runs as: the External Client App's policies, Client Credentials Flow, Run As.",
    ),
    (
        "audience is invalid",
        "The login URL is not one of this org: https://login.salesforce.com, https://test.salesforce.com for "
        "a sandbox, or My Domain.",
    ),
    (
        "assertion",
        "The signature or its time does not hold: check that the certificate uploaded to the External Client "
        "App belongs to this private key, and that this machine's clock is right.",
    ),
    ("inactive user", "Activate the user in Setup, Users."),
    ("ip restricted", "Relax the IP restrictions in the app's policies, or add this machine's address."),
    (
        "invalid_client_id",
        "Check the client id (the app's Consumer Key). A new app can take some minutes until it is known.",
    ),
    (
        "client identifier invalid",
        "Check the client id (the app's Consumer Key). A new app can take some minutes until it is known.",
    ),
    (
        "invalid_client",
        "Check the client secret (the app's Consumer Secret); for JWT, that a certificate is uploaded to "
        "the app.",
    ),
    (
        "invalid_grant",
        "Check the user name, that the user is active, and the app's policies; the user's login history in "
        "Setup tells more.",
    ),
    ("unsupported_grant_type", "Enable the flow in the External Client App's OAuth settings."),
    ("inactive_org", "The org is locked or closed: ask its administrator."),
)
PASSING = frozenset({"rate_limit_exceeded", "server_error", "temporarily_unavailable", "unknown_error"})


def client_credentials(base_url: str, credentials: Credentials, clock: Now = now) -> Callable[[], Session]:
    """Return what signs in as the app's own Run As user; only My Domain grants it."""

    def form() -> dict[str, str]:
        return {
            "grant_type": "client_credentials",
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
        }

    return partial(_sign_in, credentials.login_url or base_url, form, clock)


def jwt_bearer(base_url: str, credentials: Credentials, clock: Now = now) -> Callable[[], Session]:
    """Return what signs in as a named user with an assertion signed by the app's private key."""
    login_url = (credentials.login_url or base_url).rstrip("/")

    def form() -> dict[str, str]:
        claims = {
            "iss": credentials.client_id,
            "sub": credentials.username,
            "aud": audience(login_url),
            "exp": int(clock().timestamp()) + ASSERTION_LIFE,
        }
        return {"grant_type": JWT_BEARER, "assertion": signed(claims, credentials.private_key)}

    return partial(_sign_in, login_url, form, clock)


def audience(login_url: str) -> str:
    """Return whom an assertion is for: login or test for Salesforce's own addresses, else the one named."""
    host = (urlsplit(login_url).hostname or "").lower()
    if host.endswith(".sandbox.my.salesforce.com") or host == urlsplit(TEST).hostname:
        return TEST
    if host.endswith(".my.salesforce.com") or host == urlsplit(LOGIN).hostname:
        return LOGIN
    return login_url


def private_key(pem: str) -> rsa.RSAPrivateKey:
    """Read an RSA key; raises ``ValueError`` with what is wrong, and never with the key."""
    text = pem.replace("\\n", "\n").strip()  # as one line of a .env file
    if "PRIVATE KEY-----" not in text:
        raise ValueError("it is no private key in PEM (-----BEGIN PRIVATE KEY-----)")
    try:
        key = serialization.load_pem_private_key(text.encode(), password=None)
    except TypeError:
        raise ValueError("the private key has a passphrase; write it without one") from None
    except Exception:  # noqa: BLE001 - whatever a parser says of a key may quote it
        raise ValueError("the private key cannot be read; is the file whole?") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("the private key is not RSA, which is the only kind that Salesforce takes")
    return key


def signed(claims: Mapping[str, Any], pem: str) -> str:
    """Return the claims as an RS256 JWT. Raises ``NotAuthorized`` for a key that cannot be used."""
    try:
        key = private_key(pem)
    except ValueError as error:
        raise NotAuthorized(f"Salesforce sign-in: {error}") from None
    parts = ({"alg": "RS256", "typ": "JWT"}, claims)
    head = b".".join(_base64url(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    return (head + b"." + _base64url(key.sign(head, padding.PKCS1v15(), hashes.SHA256()))).decode()


def _base64url(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _sign_in(url: str, form: Callable[[], dict[str, str]], clock: Now) -> Session:
    reply = post("Salesforce", f"{url.rstrip('/')}{PATH}", form())
    body = reply.body
    if reply.status == 200 and body.get("access_token"):
        scopes = tuple(str(body.get("scope") or "").split())
        return Session(str(body["access_token"]), str(body.get("instance_url") or "").rstrip("/"), scopes)
    raise refusal(reply.status, body, reply.headers, clock())


def refusal(status: int, body: Mapping[str, Any], headers: Mapping[str, str], at: datetime) -> ConnectorError:
    """Turn a refused sign-in into the error that says what to do, in Salesforce's words first."""
    code = str(body.get("error") or f"HTTP {status}")
    said = f"{code}: {body['error_description']}" if body.get("error_description") else code
    if status >= 500 or status == 429 or code.lower() in PASSING:
        return RetryLater(f"Salesforce sign-in {said}")
    if not body:
        return NotAuthorized(
            f"Salesforce sign-in {said}: this address has no token endpoint; check the login URL"
        )
    lowered = said.lower()
    advice = next((text for part, text in ADVICE if part in lowered), "")
    behind = skew(headers, at)
    if "assertion" in lowered and behind is not None and abs(behind) > SKEW:
        ahead = "behind" if behind > 0 else "ahead of"
        advice = f"This machine's clock is {abs(behind):.0f} s {ahead} Salesforce's: set it right (NTP)."
    return NotAuthorized(f"Salesforce sign-in {said}. {advice}".rstrip())
