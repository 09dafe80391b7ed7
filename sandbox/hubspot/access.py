"""Who may call what: tokens and their age, scopes, the developer's key, and what needs none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import g, request

from sandbox.hubspot import scopes
from sandbox.hubspot.apps import DEVELOPER_KEY, Grant
from sandbox.hubspot.errors import ApiError
from sandbox.hubspot.values import iso

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

# How the names of endpoints begin that are not for bearers of a token.
OPEN = ("hubspot.oauth ", "hubspot.form ", "hubspot.page ")
BY_KEY = "hubspot.webhook "
NOT_FOUND = "Authentication credentials not found."


def refusal(account: HubSpot) -> ApiError | None:
    """Why the present call is refused for its credentials; notes whose call it is."""
    endpoint = request.endpoint or ""
    if endpoint.startswith(OPEN):
        return None
    if endpoint.startswith(BY_KEY) and "hapikey" in request.args:
        if request.args["hapikey"] == DEVELOPER_KEY:
            return None
        return ApiError(401, "The API key provided is invalid.", "INVALID_AUTHENTICATION")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    grant = account.apps.access_tokens.get(token) if scheme == "Bearer" else None
    if grant is None:
        return ApiError(401, NOT_FOUND, "INVALID_AUTHENTICATION")
    return _expired(account, grant) or _unscoped(grant)


def _expired(account: HubSpot, grant: Grant) -> ApiError | None:
    if grant.expires_at is None or account.now() < grant.expires_at:
        return None
    return expired(int((account.now() - grant.expires_at).total_seconds()), iso(grant.expires_at))


def _unscoped(grant: Grant) -> ApiError | None:
    g.app_id = grant.app.app_id
    if grant.expires_at is None or request.url_rule is None:  # the sandbox's own token may do everything
        return None
    return scopes.missing(grant.scopes, request.method, request.url_rule.rule, request.view_args or {})


def expired(seconds: int, at: str) -> ApiError:
    """401 for an access token that is too old."""
    message = f"The OAuth token used to make this call expired {seconds} second(s) ago."
    return ApiError(401, message, "EXPIRED_AUTHENTICATION", context={"expire time": [at]})
