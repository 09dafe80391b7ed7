"""The token endpoint: one function for each grant type."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.founding import ORG_ID
from sandbox.salesforce.oauth.apps import App
from sandbox.salesforce.oauth.hosts import Host
from sandbox.salesforce.oauth.jwt_bearer import subject_of

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

Answer = dict[str, Any]

_REFRESH_SCOPES = ("refresh_token", "offline_access", "full")
# The client credentials flow gives none of these.
_NO_USER_SCOPES = frozenset({"refresh_token", "offline_access", "web", "full", "openid"})


class OAuthError(Exception):
    """An error of the OAuth endpoints: an object, not a list."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error, self.description, self.status = error, description, status

    def body(self) -> Answer:
        """The answer."""
        return {"error": self.error, "error_description": self.description}


@dataclass(frozen=True, slots=True)
class Wish:
    """One call of the token endpoint."""

    org: Org
    host: Host
    form: Mapping[str, str]
    client_id: str
    client_secret: str | None

    def needed(self, name: str) -> str:
        """A parameter that has to be there."""
        value = self.form.get(name)
        if not value:
            raise OAuthError("invalid_request", f"{name} is required")
        return value

    def app(self) -> App:
        """The app that calls, without a look at its secret."""
        app = self.org.apps.get(self.client_id)
        if app is None:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        return app

    def proven_app(self) -> App:
        """The app that calls; raises where its secret is wrong, or missing where it has to be there."""
        app = self.app()
        if self.client_secret is None and not app.require_secret:
            return app
        if not hmac.compare_digest(app.client_secret, self.client_secret or ""):
            raise OAuthError("invalid_client", "invalid client credentials")
        return app


def authorization_code(wish: Wish) -> Answer:
    """A person has allowed it: the code for tokens."""
    app, text = wish.proven_app(), wish.needed("code")
    spent = wish.org.tokens.was_spent(text)
    code = wish.org.tokens.take_code(text, wish.org.now())
    if code is None or code.client_id != app.client_id:
        raise OAuthError(
            "invalid_grant", "expired authorization code" if spent else "invalid authorization code"
        )
    if wish.form.get("redirect_uri") != code.redirect_uri:
        raise OAuthError("redirect_uri_mismatch", "redirect_uri must match configuration")
    if code.challenge is not None:
        verifier = wish.form.get("code_verifier")
        if not verifier:
            raise OAuthError("invalid_grant", "invalid code verifier")
        if challenge_of(verifier) != code.challenge:
            raise OAuthError("invalid_request", "invalid code verifier")
    refresh = None
    if any(scope in _REFRESH_SCOPES for scope in code.scopes):
        refresh = wish.org.tokens.add_refresh(app.client_id, code.user_id, code.scopes, wish.org.now())
    answer = _answer(wish, app, code.user_id, code.scopes, refresh)
    return answer if refresh is None else {**answer, "refresh_token": refresh}


def refresh_token(wish: Wish) -> Answer:
    """A new session for a refresh token; with rotation also a new refresh token, and the old one dies."""
    app, text = wish.proven_app(), wish.needed("refresh_token")
    org, setting = wish.org, wish.org.faults.setting
    held = org.tokens.refresh(text, org.now(), idle_limit=setting["refresh_idle_limit"] == "30_days")
    if held is None or held.client_id != app.client_id:
        raise OAuthError("invalid_grant", "expired access/refresh token")
    _check_active(org, held.user_id)
    if setting["refresh_rotation"] == "off":
        return _answer(wish, app, held.user_id, held.scopes, text)
    new = org.tokens.rotate(text, org.now())
    return {**_answer(wish, app, held.user_id, held.scopes, new), "refresh_token": new}


def jwt_bearer(wish: Wish) -> Answer:
    """A session for a user named in an assertion that the app has signed."""
    client_id, username = subject_of(wish)
    app = wish.org.apps[client_id]
    user = wish.org.user_named(username)
    if user is None:
        raise OAuthError("invalid_grant", "user hasn't approved this consumer")
    if username.lower() not in (name.lower() for name in app.preauthorized):
        raise OAuthError("invalid_grant", "user hasn't approved this consumer")
    _check_active(wish.org, user)
    scopes = tuple(scope for scope in app.scopes if scope not in _REFRESH_SCOPES)
    return _answer(wish, app, user, scopes, None)


def client_credentials(wish: Wish) -> Answer:
    """A session of the app's own user; only a My Domain host grants it."""
    if not wish.host.is_my_domain:
        raise OAuthError("invalid_grant", "request not supported on this domain")
    app = wish.proven_app()
    user = wish.org.user_named(app.run_as or "")
    if user is None:
        raise OAuthError("invalid_grant", "no client credentials user enabled")
    scopes = tuple(scope for scope in app.scopes if scope not in _NO_USER_SCOPES)
    return _answer(wish, app, user, scopes, None)


def password(wish: Wish) -> Answer:
    """External Client Apps know no passwords."""
    wish.proven_app()
    raise OAuthError("invalid_grant", "authentication failure")


GRANTS = {
    "authorization_code": authorization_code,
    "refresh_token": refresh_token,
    "urn:ietf:params:oauth:grant-type:jwt-bearer": jwt_bearer,
    "client_credentials": client_credentials,
    "password": password,
}


def challenge_of(verifier: str) -> str:
    """The challenge that belongs to a verifier: base64url of its SHA-256, without padding."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def identity_url(host: Host, user_id: str) -> str:
    """The address at which a user's identity is told."""
    return f"{host.login_url}/id/{ORG_ID}/{user_id}"


def _answer(wish: Wish, app: App, user_id: str, scopes: tuple[str, ...], refresh: str | None) -> Answer:
    now, identity = wish.org.now(), identity_url(wish.host, user_id)
    issued_at = str(int(now.timestamp() * 1000))
    signed = hmac.new(app.client_secret.encode(), (identity + issued_at).encode(), hashlib.sha256)
    return {
        "access_token": wish.org.tokens.open_session(app.client_id, user_id, scopes, now, refresh),
        "signature": base64.b64encode(signed.digest()).decode(),
        "scope": " ".join(scopes),
        "instance_url": wish.host.instance_url,
        "id": identity,
        "token_type": "Bearer",
        "issued_at": issued_at,
    }


def _check_active(org: Org, user_id: str) -> None:
    user = org.find(user_id)
    if user is None or not user.values.get("IsActive"):
        raise OAuthError("invalid_grant", "inactive user")
