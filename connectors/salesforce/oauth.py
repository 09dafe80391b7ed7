"""Connecting Salesforce in the browser: the web server flow with PKCE, at login, test or My Domain."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from connectors.base import Grant
from connectors.oauth import SHORT_TIMEOUT, Question, Reply, address, challenge_of, post, refused
from connectors.salesforce.logins import LOGIN, PASSING, PATH, TEST
from connectors.tokens import App
from model.errors import GrantEnded, NotAuthorized, RetryLater

AUTHORIZE, REVOKE = "/services/oauth2/authorize", "/services/oauth2/revoke"
SCOPES = ("api", "refresh_token")  # REST "Web Server Flow": without the second there is no refresh token
OWN = "own"  # of the places to sign in: the org's My Domain
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Where an org's own sign-in page is: acme.my.salesforce.com, acme--uat.sandbox.my.salesforce.com
_MY_DOMAIN = re.compile(
    r"[a-z0-9][a-z0-9-]*(\.(sandbox|develop|scratch|demo|patch|trailblaze))?\.my\.salesforce\.com"
)
UNKNOWN_APP = "Check the client id (the app's Consumer Key). A new app takes some minutes until it is known."
ADVICE = {
    "expired authorization code": "It took too long: connect once more.",
    "invalid code verifier": "Connect once more, in one go and in one browser.",
    "redirect_uri": "The app must name this callback URL letter for letter; see docs/connect-salesforce.md.",
    "invalid_client_id": UNKNOWN_APP,
    "client identifier invalid": UNKNOWN_APP,
    "invalid_client": "Check the client secret (the app's Consumer Secret).",
    "inactive user": "Activate the user in Setup, Users.",
    "ip restricted": "Relax the IP restrictions in the app's policies, or add this machine's address.",
    "invalid_grant": "Connect once more.",
}


class SalesforceFlow:
    """Implements ``connectors.oauth.Flow``. An app's ``login_url`` is where people sign in."""

    vendor = "Salesforce"
    hosts = (
        ("login", "Production (login.salesforce.com)"),
        ("test", "Sandbox (test.salesforce.com)"),
        (OWN, "My Domain"),
    )

    def sign_in_at(self, choice: str, domain: str) -> str:
        """Return where an org signs in: at login, at test, or at My Domain as people type it.

        Raises ``ValueError`` for any other host: the app's secret is sent there.
        """
        if choice in ("login", "test"):
            return LOGIN if choice == "login" else TEST
        text = domain.strip().lower() if choice == OWN else ""
        host = (urlsplit(text if "//" in text else f"https://{text}").hostname or "").removesuffix(".")
        host = re.sub(r"\.lightning\.force\.com$", ".my.salesforce.com", host)  # what the address bar shows
        if f"https://{host}" in (LOGIN, TEST) or _MY_DOMAIN.fullmatch(host):
            return f"https://{host}"
        raise ValueError("My Domain is an address such as acme.my.salesforce.com (Setup, My Domain)")

    def scopes(self, objects: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:  # noqa: ARG002
        """Return the two scopes; which objects and fields may be used is up to the user's permissions."""
        return SCOPES, ()

    def page(self, app: App, question: Question) -> str:
        """Return the address of the page on which a person signs in and allows the app."""
        asked = {
            "response_type": "code",
            "client_id": app.client_id,
            "redirect_uri": question.redirect_uri,
            "scope": " ".join(question.needed),
            "state": question.state,
            "code_challenge": challenge_of(question.verifier),
            "code_challenge_method": "S256",
        }
        return address(f"{app.login_url}{AUTHORIZE}", asked)

    def redeem(self, app: App, code: str, redirect_uri: str, verifier: str) -> Grant:
        """Change a code for tokens; the verifier proves that we asked for it."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        grant = self._granted(app, self._post(app, form), Grant("", ""))
        if not grant.refresh_token:
            raise NotAuthorized(
                "Salesforce gave no refresh token, so the session would end after some hours: add the scope "
                '"Perform requests at any time (refresh_token, offline_access)" to the app.'
            )
        return grant

    def renew(self, app: App, grant: Grant) -> Grant:
        """Change the refresh token for a new session; with rotation on there is a new refresh token, too."""
        reply = self._post(app, {"grant_type": "refresh_token", "refresh_token": grant.refresh_token})
        if reply.status == 400 and reply.error == "invalid_grant":
            raise GrantEnded(f"Salesforce says {reply.said}")
        return self._granted(app, reply, grant)

    def revoke(self, app: App, refresh_token: str) -> None:
        """End a refresh token with all its sessions."""
        reply = post("Salesforce", f"{app.login_url}{REVOKE}", {"token": refresh_token}, SHORT_TIMEOUT)
        if reply.status != 200 and reply.error != "invalid_token":
            raise refused("Salesforce", reply, ADVICE)

    @staticmethod
    def _post(app: App, form: Mapping[str, str]) -> Reply:
        whole = {**form, "client_id": app.client_id, "client_secret": app.client_secret}
        reply = post("Salesforce", f"{app.login_url}{PATH}", whole)
        if reply.error.lower() in PASSING:
            raise RetryLater(f"Salesforce sign-in {reply.said}")
        return reply

    @staticmethod
    def _granted(app: App, reply: Reply, before: Grant) -> Grant:
        body = reply.body
        if reply.status != 200:
            raise refused("Salesforce", reply, ADVICE)
        instance = str(body.get("instance_url") or "").rstrip("/") or before.base_url
        if not body.get("access_token") or not instance:
            raise RetryLater("Salesforce sign-in: the answer has no session")
        _check_instance(app, instance)
        return Grant(
            token=str(body["access_token"]),
            refresh_token=str(body.get("refresh_token") or before.refresh_token),
            base_url=instance,
            scopes=tuple(str(body.get("scope") or "").split()) or before.scopes,
        )


def _check_instance(app: App, instance: str) -> None:
    """Raise ``NotAuthorized`` for an address to which the token must not go."""
    told, asked = urlsplit(instance), urlsplit(app.login_url)
    is_ours = (told.hostname in LOOPBACK) == (asked.hostname in LOOPBACK)
    if not is_ours or (told.scheme != "https" and told.hostname not in LOOPBACK):
        raise NotAuthorized(f"The sign-in at {app.login_url} leads to {instance}, which cannot be right")
