"""The token endpoints: codes and refresh tokens become access tokens, which tell about themselves."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, g, request

from sandbox.app import answer
from sandbox.hubspot.apps import LIFETIME, App, Grant
from sandbox.hubspot.errors import PORTAL_ID, not_found

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

VERSIONS = ("v1", "v3", "2026-03", "2026-09")
HUB_DOMAIN = "northlight.example"
# status: error and message
PROBLEMS = {
    "BAD_CLIENT_ID": ("invalid_client", "missing or unknown client id"),
    "BAD_CLIENT_SECRET": ("invalid_client", "missing or invalid client secret"),
    "BAD_AUTH_CODE": ("invalid_grant", "missing or unknown auth code"),
    "BAD_REDIRECT_URI": ("invalid_grant", "redirect URI does not match initial auth code URI"),
    "BAD_CODE_VERIFIER": ("invalid_grant", "code verifier does not match the code challenge"),
    "BAD_REFRESH_TOKEN": ("invalid_grant", "refresh token is invalid, expired or revoked"),
    "BAD_GRANT_TYPE": ("unsupported_grant_type", "missing or unknown grant type"),
    "BAD_SCOPE": ("invalid_scope", "the app does not have one of these scopes"),
}


class Wrong(Exception):
    """A token request that is refused, by its status."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


def add_to(api: Blueprint, account: HubSpot) -> None:
    """Register the endpoints of every version."""

    @api.errorhandler(Wrong)
    def refused(wrong: Wrong) -> Response:
        """Answer as OAuth wants it, and as HubSpot used to before."""
        error, message = PROBLEMS[wrong.status]
        told = {"error": error, "error_description": message, "status": wrong.status, "message": message}
        return answer({**told, "correlationId": g.correlation_id}, 400)

    def token(version: str) -> Response:
        with account.lock:
            sent = request.form
            app = _app(account, sent)
            match sent.get("grant_type"):
                case "authorization_code":
                    return answer(_by_code(account, app, sent, version))
                case "refresh_token":
                    return answer(_by_refresh_token(account, app, sent, version))
                case "client_credentials":
                    return answer(_for_client(account, app, sent))
            raise Wrong("BAD_GRANT_TYPE")

    def introspect() -> Response:
        with account.lock:
            app, given = _app(account, request.form), _given(request.form)
            grant = account.apps.access_tokens.get(given) or account.apps.refresh_tokens.get(given)
            if grant is None or grant.app is not app or _left(account, grant) < 0:
                return answer({"active": False})
            return answer(_told(account, given, grant) | {"active": True})

    def revoke() -> Response:
        with account.lock:
            app, given = _app(account, request.form), _given(request.form)
            grant = account.apps.refresh_tokens.get(given)
            if grant is not None and grant.app is app:
                del account.apps.refresh_tokens[given]
        return Response(status=200)

    def access_info(token: str) -> Response:
        grant = account.apps.access_tokens.get(token)
        if grant is None or _left(account, grant) < 0:
            raise not_found("access token is invalid, expired or revoked")
        told = _told(account, token, grant) | {"token_type": "access"}
        return answer(_without(told, "client_id", "token_use"))

    def refresh_info(token: str) -> Response:
        grant = account.apps.refresh_tokens.get(token)
        if grant is None:
            raise not_found("refresh token is invalid, expired or revoked")
        told = _told(account, token, grant) | {"token_type": "refresh"}
        return answer(_without(told, "app_id", "token_use"))

    def token_info() -> Response:
        """What a private app's token tells, in the shape that others' code reads; OAuth tokens too, here."""
        told = request.get_json(silent=True)
        given = str(told.get("tokenKey", "")) if isinstance(told, dict) else ""
        grant = account.apps.access_tokens.get(given)
        if grant is None or _left(account, grant) < 0:
            raise not_found("access token is invalid, expired or revoked")
        return answer(
            {
                "userId": grant.user_id,
                "hubId": PORTAL_ID,
                "appId": grant.app.app_id,
                "scopes": sorted(grant.scopes),
            }
        )

    def drop(token: str) -> Response:
        with account.lock:
            if account.apps.refresh_tokens.pop(token, None) is None:
                raise not_found("refresh token is invalid, expired or revoked")
        return Response(status=204)

    for version in VERSIONS:
        base, told = f"/oauth/{version}/token", {"version": version}
        api.add_url_rule(base, f"oauth {version}", token, methods=["POST"], defaults=told)
        if version != "v1":
            api.add_url_rule(
                f"{base}/introspect", f"oauth introspect {version}", introspect, methods=["POST"]
            )
            api.add_url_rule(f"{base}/revoke", f"oauth revoke {version}", revoke, methods=["POST"])
    refresh_tokens = "/oauth/v1/refresh-tokens/<token>"
    api.add_url_rule(
        "/oauth/v2/private-apps/get/access-token-info", "oauth token info", token_info, methods=["POST"]
    )
    api.add_url_rule("/oauth/v1/access-tokens/<token>", "oauth access info", access_info, methods=["GET"])
    api.add_url_rule(refresh_tokens, "oauth refresh info", refresh_info, methods=["GET"])
    api.add_url_rule(refresh_tokens, "oauth drop", drop, methods=["DELETE"])


def _app(account: HubSpot, sent: Mapping[str, str]) -> App:
    app = account.apps.by_client.get(sent.get("client_id", ""))
    if app is None:
        raise Wrong("BAD_CLIENT_ID")
    if sent.get("client_secret") != app.client_secret:
        raise Wrong("BAD_CLIENT_SECRET")
    return app


def _by_code(account: HubSpot, app: App, sent: Mapping[str, str], version: str) -> dict[str, Any]:
    grant = account.apps.codes.pop(sent.get("code", ""), None)  # good once, also where the rest is wrong
    if grant is None or grant.app is not app or _left(account, grant) < 0:
        raise Wrong("BAD_AUTH_CODE")
    if sent.get("redirect_uri") != grant.redirect_uri:
        raise Wrong("BAD_REDIRECT_URI")
    if grant.challenge and grant.challenge not in _challenges(sent.get("code_verifier", "")):
        raise Wrong("BAD_CODE_VERIFIER")
    grant.expires_at = None
    return _issued(account, grant, account.apps.issue_refresh(grant), version)


def _by_refresh_token(account: HubSpot, app: App, sent: Mapping[str, str], version: str) -> dict[str, Any]:
    given = sent.get("refresh_token", "")
    grant = account.apps.refresh_tokens.get(given)
    if grant is None or grant.app is not app:
        raise Wrong("BAD_REFRESH_TOKEN")
    if account.faults.setting["refresh_token"] == "rotated":
        del account.apps.refresh_tokens[given]
        given = account.apps.issue_refresh(grant)
    return _issued(account, grant, given, version)


def _for_client(account: HubSpot, app: App, sent: Mapping[str, str]) -> dict[str, Any]:
    """A token for the app itself, which the webhooks journal takes."""
    wanted = frozenset(sent.get("scope", "").split())
    if not wanted or not wanted <= set(app.scopes):
        raise Wrong("BAD_SCOPE")
    grant = Grant(app, 0, "", wanted, is_client_only=True)
    token = account.apps.issue_access(grant, at=account.now())
    return _common(token) | {"token_use": "client_credentials", "scopes": sorted(wanted)}


def _issued(account: HubSpot, grant: Grant, refresh_token: str, version: str) -> dict[str, Any]:
    token = account.apps.issue_access(grant, at=account.now())
    told = _common(token) | {"refresh_token": refresh_token}
    if version == "v1":
        return told
    more = {"hub_id": PORTAL_ID, "scopes": sorted(grant.scopes), "user_id": grant.user_id}
    return told | more | {"token_use": "access_token"}


def _common(token: str) -> dict[str, Any]:
    return {"token_type": "bearer", "access_token": token, "expires_in": int(LIFETIME.total_seconds())}


def _challenges(verifier: str) -> tuple[str, str]:
    """What a verifier may have been announced as: by its hash, or as it is."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return urlsafe_b64encode(digest).decode().rstrip("="), verifier


def _given(sent: Mapping[str, str]) -> str:
    """The token in question: reference and guide of HubSpot do not agree on the name of the field."""
    return sent.get("token") or sent.get("access_token") or sent.get("refresh_token") or ""


def _left(account: HubSpot, grant: Grant) -> float:
    """How many seconds a code or token is still good for."""
    if grant.expires_at is None:
        return LIFETIME.total_seconds()
    return (grant.expires_at - account.now()).total_seconds()


def _told(account: HubSpot, token: str, grant: Grant) -> dict[str, Any]:
    """What a token tells about itself."""
    told: dict[str, Any] = {
        "token": token,
        "hub_id": PORTAL_ID,
        "user_id": grant.user_id,
        "user": grant.user,
        "hub_domain": HUB_DOMAIN,
        "client_id": grant.app.client_id,
        "app_id": grant.app.app_id,
        "scopes": sorted(grant.scopes),
        "token_type": "Bearer",
    }
    if token in account.apps.refresh_tokens:
        return told | {"token_use": "refresh_token"}
    use = "client_credentials" if grant.is_client_only else "access_token"
    left = int(_left(account, grant))
    signed = _signed(grant, int(account.now().timestamp() * 1000) + left * 1000)
    more = {"token_use": use, "expires_in": left, "is_private_distribution": False}
    return told | more | {"signed_access_token": signed}


def _without(told: dict[str, Any], *names: str) -> dict[str, Any]:
    """The older shape, which says less."""
    return {name: value for name, value in told.items() if name not in names}


def _signed(grant: Grant, expires_at: int) -> dict[str, Any]:
    """The token's contents; the signatures stand for HubSpot's own, which nobody else can check."""
    return {
        "expiresAt": expires_at,
        "scopes": "",
        "hubId": PORTAL_ID,
        "userId": grant.user_id,
        "appId": grant.app.app_id,
        "signature": "sandbox",
        "newSignature": "sandbox",
        "scopeToScopeGroupPks": "",
        "trialScopes": "",
        "trialScopeToScopeGroupPks": "",
        "hublet": "eu1",
        "isUserLevel": False,
        "isServiceAccount": False,
        "isPrivateDistribution": False,
        "installingUserId": grant.user_id,
        "appInstallId": f"{PORTAL_ID}-{grant.app.app_id}",
        "audience": "sandbox",
    }
