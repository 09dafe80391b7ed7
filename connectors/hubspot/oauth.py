"""Connecting HubSpot in the browser: its page, and the dated token endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from connectors.base import Grant
from connectors.inspection import Now, now
from connectors.oauth import SHORT_TIMEOUT, TIMEOUT, Question, Reply, address, post, refused
from connectors.tokens import App
from model.errors import GrantEnded, RetryLater

# HubSpot "OAuth": v1 is over on 2027-02-16; these two are the endpoints that follow.
TOKENS = "/oauth/2026-03/token"
REVOKE = f"{TOKENS}/revoke"
API_HOST, PAGE = "api.hubapi.com", "https://app.hubspot.com"
USUAL_LIFE = 1800  # seconds; HubSpot "OAuth", should an answer not say it
ENDED = ("invalid_grant", "BAD_REFRESH_TOKEN")  # error and status of a refresh token that is over
ADVICE = {
    "bad_auth_code": "The code was used already or is too old: connect once more.",
    "bad_redirect_uri": "The app must name this redirect URL letter for letter; see docs/connect-hubspot.md.",
    "bad_client_secret": "Check the client secret: the app's Auth page in HubSpot has it.",
    "bad_client_id": "Check the client id: the app's Auth page in HubSpot has it.",
    "invalid_client": "Check the client id and the client secret: the app's Auth page in HubSpot has both.",
    "invalid_grant": "Connect once more.",
    "scope": "The app's scopes in HubSpot must be those of docs/connect-hubspot.md.",
}
KINDS = ("contacts", "companies", "deals", "leads")


class HubSpotFlow:
    """Implements ``connectors.oauth.Flow``. An app's ``login_url`` is the address of HubSpot's API."""

    vendor = "HubSpot"
    hosts: tuple[tuple[str, str], ...] = ()

    def __init__(self, clock: Now = now) -> None:
        self._clock = clock

    def sign_in_at(self, choice: str, domain: str) -> str:  # noqa: ARG002
        """HubSpot has one place to sign in."""
        raise ValueError("HubSpot has one place to sign in")

    def scopes(self, objects: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return what reading and writing these objects needs; making their properties is optional.

        ``oauth`` says whose account it is. Tasks and notes go by the scopes of contacts.
        """
        kinds = dict.fromkeys(one if one in KINDS else "contacts" for one in objects or ("contacts",))
        rights = (f"crm.objects.{kind}.{right}" for kind in kinds for right in ("read", "write"))
        making = (f"crm.schemas.{kind}.write" for kind in kinds if kind != "leads")
        return ("oauth", "crm.objects.owners.read", *rights), tuple(making)

    def page(self, app: App, question: Question) -> str:
        """Return the address of the page on which an account is chosen and the app allowed."""
        asked = {
            "client_id": app.client_id,
            "redirect_uri": question.redirect_uri,
            "scope": " ".join(question.needed),
            "state": question.state,
        }
        if question.optional:
            asked["optional_scope"] = " ".join(question.optional)
        is_hubspots = urlsplit(app.login_url).hostname == API_HOST
        return address(f"{PAGE if is_hubspots else app.login_url}/oauth/authorize", asked)

    def redeem(self, app: App, code: str, redirect_uri: str, verifier: str) -> Grant:  # noqa: ARG002
        """Change a code for tokens. HubSpot documents no challenge of PKCE, so none was given."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        return self._granted(app, self._post(app, TOKENS, form))

    def renew(self, app: App, grant: Grant) -> Grant:
        """Change the refresh token for new tokens."""
        form = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}
        reply = self._post(app, TOKENS, form)
        if reply.status == 400 and (reply.error in ENDED or reply.body.get("status") in ENDED):
            raise GrantEnded(f"HubSpot says {reply.said}")
        return self._granted(app, reply, grant)

    def revoke(self, app: App, refresh_token: str) -> None:
        """End a refresh token. Access tokens live on until they expire, and the app stays installed."""
        form = {"token": refresh_token, "token_type_hint": "refresh_token"}
        reply = self._post(app, REVOKE, form, SHORT_TIMEOUT)
        if reply.status >= 300 and reply.error not in ENDED:
            raise refused("HubSpot", reply, ADVICE)

    @staticmethod
    def _post(app: App, path: str, form: Mapping[str, str], timeout: tuple[float, float] = TIMEOUT) -> Reply:
        whole = {**form, "client_id": app.client_id, "client_secret": app.client_secret}
        return post("HubSpot", f"{app.login_url}{path}", whole, timeout)

    def _granted(self, app: App, reply: Reply, before: Grant | None = None) -> Grant:
        body = reply.body
        if reply.status != 200:
            raise refused("HubSpot", reply, ADVICE)
        refresh_token = body.get("refresh_token") or (before.refresh_token if before else "")
        if not body.get("access_token") or not refresh_token:
            raise RetryLater("HubSpot sign-in: the answer has no tokens")
        life = body.get("expires_in")
        seconds = life if isinstance(life, int) and life > 0 else USUAL_LIFE
        told = body.get("scopes")
        scopes = tuple(map(str, told)) if isinstance(told, list) else before.scopes if before else ()
        return Grant(
            token=str(body["access_token"]),
            refresh_token=str(refresh_token),
            expires_at=self._clock() + timedelta(seconds=seconds),
            base_url=app.login_url,
            scopes=scopes,
        )
