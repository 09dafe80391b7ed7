"""The pages on which a person signs in and allows an app to act for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from flask import Response, redirect, render_template

from sandbox.salesforce.oauth.apps import App
from sandbox.salesforce.oauth.grants import OAuthError
from sandbox.salesforce.oauth.tokens import Code

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

# What each scope lets the app do, in the words of the page.
SCOPES = {
    "api": "Manage user data via APIs",
    "refresh_token": "Perform requests at any time",
    "offline_access": "Perform requests at any time",
    "id": "Access the identity URL service",
    "openid": "Access unique user identifiers",
    "web": "Manage user data via web browsers",
    "full": "Full access",
}
_KEPT = (
    "response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge",
    "code_challenge_method", "login_hint", "display",
)  # fmt: skip


class Consent:
    """One visit of the authorize address; each form carries on what was asked."""

    def __init__(self, org: Org, given: Mapping[str, str]) -> None:
        self.org, self.given = org, given

    def respond(self) -> Response:
        """The next page, or the way back to the app."""
        try:
            app, redirect_uri = self._checked()
        except OAuthError as error:  # nobody to send back to
            page = render_template("salesforce/refused.html", error=error)
            return Response(page, error.status)
        try:
            return self._step(app, redirect_uri)
        except OAuthError as error:
            return self._back(redirect_uri, error.body())

    def _checked(self) -> tuple[App, str]:
        app = self.org.apps.get(self.given.get("client_id", ""))
        if app is None:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        redirect_uri = self.given.get("redirect_uri", "")
        if redirect_uri not in app.redirect_uris:
            raise OAuthError("redirect_uri_mismatch", "redirect_uri must match configuration")
        return app, redirect_uri

    def _step(self, app: App, redirect_uri: str) -> Response:
        if self.given.get("response_type") != "code":
            raise OAuthError("unsupported_response_type", "response type not supported")
        challenge = self.given.get("code_challenge")
        if challenge is None and app.require_pkce:
            raise OAuthError("invalid_request", "missing required code challenge")
        scopes = self._scopes(app)
        action = self.given.get("action")
        if action == "deny":
            raise OAuthError("access_denied", "end-user denied authorization")
        username = self.given.get("username", "")
        user_id = self.org.user_named(username) if action else None
        if self.given.get("immediate") == "true" or self.given.get("prompt") == "none":
            raise OAuthError("immediate_unsuccessful", "the user is not signed in")
        if user_id is None or not self.given.get("password" if action == "login" else "username"):
            return self._login(app, failed=action is not None)
        if action == "login":
            return self._ask(app, username, scopes)
        code = Code(app.client_id, user_id, redirect_uri, scopes, challenge, self.org.now())
        return self._back(redirect_uri, {"code": self.org.tokens.add_code(code)})

    def _scopes(self, app: App) -> tuple[str, ...]:
        wanted = tuple(self.given.get("scope", "").split()) or app.scopes
        if not set(wanted) <= set(app.scopes):
            raise OAuthError("invalid_scope", "the requested scope is not allowed")
        return wanted

    def _login(self, app: App, *, failed: bool) -> Response:
        users = [user.values for user in self.org.rows("User").every() if user.values.get("IsActive")]
        name = self.given.get("username") or self.given.get("login_hint") or ""
        page = render_template(
            "salesforce/login.html", app=app, kept=self._kept(), users=users, username=name, failed=failed
        )
        return Response(page)

    def _ask(self, app: App, username: str, scopes: tuple[str, ...]) -> Response:
        told = list(dict.fromkeys(SCOPES.get(scope, scope) for scope in scopes))
        page = render_template(
            "salesforce/consent.html", app=app, kept={**self._kept(), "username": username}, scopes=told,
            username=username,
        )  # fmt: skip
        return Response(page)

    def _kept(self) -> dict[str, str]:
        return {name: self.given[name] for name in _KEPT if name in self.given}

    def _back(self, redirect_uri: str, answer: Mapping[str, str]) -> Response:
        """Send the browser back to the app."""
        state = {"state": self.given["state"]} if "state" in self.given else {}
        joint = "&" if "?" in redirect_uri else "?"
        location = f"{redirect_uri}{joint}{urlencode({**answer, **state})}"
        response: Response = redirect(location)  # type: ignore[assignment]
        return response
