"""The endpoints of signing in, added to those of the API."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from flask import Blueprint, Response, request

from sandbox.app import answer
from sandbox.salesforce.founding import ORG_ID
from sandbox.salesforce.oauth import identity
from sandbox.salesforce.oauth.consent import Consent
from sandbox.salesforce.oauth.grants import GRANTS, OAuthError, Wish
from sandbox.salesforce.oauth.hosts import Host, host_of
from sandbox.salesforce.org import Org


def add_to(routes: Blueprint, org: Org) -> None:
    """Add the endpoints to a blueprint."""

    @routes.route("/services/oauth2/authorize", methods=["GET", "POST"])
    def authorize() -> Response:
        """The pages on which a person signs in and allows an app."""
        with org.lock:
            return Consent(org, request.values.to_dict()).respond()

    @routes.post("/services/oauth2/token")
    def token() -> Response:
        """Tokens for a grant."""
        client_id, secret = _client()
        wish = Wish(org, _host(), request.form, client_id, secret)
        with org.lock:
            grant = GRANTS.get(request.form.get("grant_type", ""))
            try:
                if grant is None:
                    raise OAuthError("unsupported_grant_type", "grant type not supported")
                return _formatted(grant(wish), 200)
            except OAuthError as error:
                return _formatted(error.body(), error.status)

    @routes.route("/services/oauth2/revoke", methods=["GET", "POST"])
    def revoke() -> Response:
        """End a session, or a refresh token with its sessions."""
        with org.lock:
            if org.tokens.revoke(request.values.get("token", "")):
                return Response(status=200)
        return answer(OAuthError("invalid_token", "the token is invalid or was revoked").body(), 400)

    @routes.get("/services/oauth2/userinfo")
    def userinfo() -> Response:
        """Who the token is of, in OpenID's words."""
        user_id = _bearer(org)
        return _nobody() if user_id is None else answer(identity.userinfo(org, _host(), user_id))

    @routes.get("/id/<org_id>/<user_id>")
    def identity_of(org_id: str, user_id: str) -> Response:
        """Who the token is of."""
        bearer = _bearer(org)
        if bearer is None:
            return _nobody()
        if org_id != ORG_ID or user_id != bearer:
            return Response("Bad_Id", 403, content_type="text/html;charset=UTF-8")
        return answer(identity.identity(org, _host(), user_id))


def _host() -> Host:
    return host_of(request.headers.get("Host", "127.0.0.1"), request.scheme)


def _client() -> tuple[str, str | None]:
    """The client's id and secret, from the Basic header or from the body."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Basic":
        try:
            client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", None
        return client_id, secret
    return request.form.get("client_id", ""), request.form.get("client_secret")


def _bearer(org: Org) -> str | None:
    """The user behind the token of the call."""
    token = request.headers.get("Authorization", "").partition(" ")[2].strip()
    with org.lock:
        return org.user_of_token(token or request.args.get("access_token", ""))


def _nobody() -> Response:
    missing = "Authorization" not in request.headers and "access_token" not in request.args
    told = "Missing_OAuth_Token" if missing else "Bad_OAuth_Token"
    return Response(told, 403, content_type="text/html;charset=UTF-8")


def _formatted(body: dict[str, Any], status: int) -> Response:
    """The body as asked for: JSON, urlencoded or XML."""
    form = request.form.get("format", "json")
    if form == "urlencoded":
        return Response(urlencode(body), status, content_type="application/x-www-form-urlencoded")
    if form == "xml":
        parts = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in body.items())
        text = f'<?xml version="1.0" encoding="UTF-8"?><OAuth>{parts}</OAuth>'
        return Response(text, status, content_type="application/xml")
    response = answer(body, status)
    response.headers["Cache-Control"] = "no-cache, no-store"
    return response
