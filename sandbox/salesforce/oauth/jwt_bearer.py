"""Checks the assertion of the JWT bearer flow: RS256, the right audience, a few minutes to live."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.salesforce.oauth.grants import Wish

AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
MAX_LIFE_S = 300  # "within three minutes", and some for clocks that differ


def subject_of(wish: Wish) -> tuple[str, str]:
    """The app and the user name of a valid assertion; raises for any other."""
    import jwt  # only this grant needs it

    from sandbox.salesforce.oauth.grants import OAuthError

    assertion = wish.needed("assertion")
    try:
        app = wish.org.apps.get(str(jwt.decode(assertion, options={"verify_signature": False}).get("iss")))
    except jwt.InvalidTokenError:
        raise OAuthError("invalid_grant", "invalid assertion") from None
    if app is None:
        raise OAuthError("invalid_client_id", "client identifier invalid")
    if app.jwt_certificate is None:
        raise OAuthError("invalid_client", "invalid client credentials")
    try:
        claims = jwt.decode(
            assertion, _public_key(app.jwt_certificate), algorithms=["RS256"],
            options={"verify_aud": False, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )  # fmt: skip
    except jwt.InvalidTokenError:
        raise OAuthError("invalid_grant", "invalid assertion") from None
    if claims.get("aud") not in (*AUDIENCES, wish.host.login_url, wish.host.instance_url):
        raise OAuthError("invalid_grant", "audience is invalid")
    if not _is_fresh(wish, claims.get("exp")):
        raise OAuthError("invalid_grant", "expired assertion")
    return app.client_id, str(claims.get("sub", ""))


def _is_fresh(wish: Wish, expires: Any) -> bool:
    """By the virtual clock, or by the real one: a client that mints the assertion knows only the latter."""
    try:
        at = float(expires)
    except (TypeError, ValueError):
        return False
    clocks = (wish.org.now().timestamp(), datetime.now(UTC).timestamp())
    return any(0 < at - now <= MAX_LIFE_S for now in clocks)


def _public_key(pem: str) -> Any:
    if "BEGIN CERTIFICATE" not in pem:
        return pem
    from cryptography.x509 import load_pem_x509_certificate

    return load_pem_x509_certificate(pem.encode()).public_key()
