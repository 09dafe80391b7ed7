"""OAuth's web server flow: a person allows an app at the vendor's page, and the app gets tokens for that."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import requests

from connectors.base import Grant
from connectors.tokens import App
from model.errors import ConnectorError, NotAuthorized, RetryLater

TIMEOUT = (5.0, 20.0)  # connect, read; seconds: shorter than the right to renew lasts
SHORT_TIMEOUT = (5.0, 10.0)  # where somebody waits for it who wants to disconnect


@dataclass(frozen=True, slots=True)
class Question:
    """What the vendor's page is to ask a person, and where it sends them back to."""

    redirect_uri: str
    state: str  # comes back with the answer
    verifier: str  # of PKCE; the page gets its challenge only
    needed: Sequence[str]  # scopes
    optional: Sequence[str] = ()


class Flow(Protocol):
    """How one vendor does it. Whatever calls raises ``ConnectorError``."""

    vendor: str  # as people call it

    @property
    def hosts(self) -> Sequence[tuple[str, str]]:
        """Where people may sign in: choice and words; none where there is one place."""

    def sign_in_at(self, choice: str, domain: str) -> str:
        """Return the address of a choice among ``hosts``. Raises ``ValueError`` for any other host."""

    def scopes(self, objects: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the scopes that a map of these objects needs, and those that are good to have."""

    def page(self, app: App, question: Question) -> str:
        """Return the address of the vendor's page."""

    def redeem(self, app: App, code: str, redirect_uri: str, verifier: str) -> Grant:
        """Change the code that a person brought back for tokens."""

    def renew(self, app: App, grant: Grant) -> Grant:
        """Change the refresh token for new tokens. Raises ``GrantEnded`` where it is taken no more."""

    def revoke(self, app: App, refresh_token: str) -> None:
        """End a grant at the vendor; one that is over already is no error."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a token endpoint answered."""

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def error(self) -> str:
        """OAuth's word for what is wrong."""
        return str(self.body.get("error") or f"HTTP {self.status}")

    @property
    def said(self) -> str:
        """That, and the vendor's own words."""
        described = self.body.get("error_description")
        return f"{self.error}: {described}" if described else self.error


def new_state() -> str:
    """Return what nobody can guess: 256 random bits."""
    return secrets.token_urlsafe(32)


def new_verifier() -> str:
    """Return a verifier of PKCE (RFC 7636): 86 characters of the unreserved set."""
    return secrets.token_urlsafe(64)


def challenge_of(verifier: str) -> str:
    """Return a verifier's challenge by S256 (RFC 7636, 4.2)."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def address(page: str, parameters: Mapping[str, str]) -> str:
    """Return a page's address with its parameters; blanks as %20, as HubSpot wants them."""
    return f"{page}?{urlencode(parameters, quote_via=quote)}"


def post(vendor: str, url: str, form: Mapping[str, str], timeout: tuple[float, float] = TIMEOUT) -> Reply:
    """Post a form to a token endpoint. Raises ``RetryLater`` where nothing comes back."""
    session = requests.Session()
    session.trust_env = False  # a .netrc entry would take the place of the form
    try:
        with session:
            answer = session.post(url, data=dict(form), timeout=timeout, allow_redirects=False)
    except requests.RequestException as error:
        at = url.partition("/services/")[0].partition("/oauth/")[0]
        raise RetryLater(f"{vendor} sign-in at {at}: no answer ({type(error).__name__})") from None
    try:
        body = answer.json()
    except ValueError:
        body = {}
    return Reply(answer.status_code, answer.headers, body if isinstance(body, dict) else {})


def refused(vendor: str, reply: Reply, advice: Mapping[str, str]) -> ConnectorError:
    """Turn a refusal into the error that says what to do, in the vendor's words first.

    ``advice`` is by parts of those words in lower case; the first that is in them counts.
    """
    if reply.status >= 500 or reply.status == 429:
        return RetryLater(f"{vendor} sign-in {reply.said}")
    lowered = f"{reply.said} {reply.body.get('status', '')}".lower()
    fix = next((text for part, text in advice.items() if part in lowered), "")
    return NotAuthorized(f"{vendor} sign-in {reply.said.rstrip('.')}. {fix}".rstrip())
