"""The client applications that may sign in: one from the start, more by the control endpoint."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

CLIENT_ID = "3MVG9.leadrelay.sandbox"
CLIENT_SECRET = "sandbox-secret"
_CALLBACKS = (
    "http://127.0.0.1:8000/oauth/salesforce/callback",
    "http://localhost:8000/oauth/salesforce/callback",
)


@dataclass(frozen=True, slots=True)
class App:
    """An External Client App as its settings in Setup say."""

    client_id: str
    client_secret: str
    name: str = "leadrelay"
    redirect_uris: tuple[str, ...] = _CALLBACKS
    scopes: tuple[str, ...] = ("api", "id", "refresh_token", "offline_access", "openid", "web", "full")
    require_pkce: bool = False
    require_secret: bool = True
    run_as: str | None = None  # the user name that the client credentials flow acts as
    jwt_certificate: str | None = None  # PEM, a certificate or a public key
    preauthorized: tuple[str, ...] = ()  # the user names that the JWT bearer flow may act as

    def as_json(self) -> dict[str, Any]:
        """The form of the control endpoint."""
        return asdict(self)


class BadApp(ValueError):
    """Settings that make no app."""


def default_app(run_as: str) -> App:
    """The app that every new org has."""
    return App(CLIENT_ID, CLIENT_SECRET, run_as=run_as, preauthorized=(run_as,))


def app_of(given: Mapping[str, Any], known: App | None) -> App:
    """The app of given settings; what is not given stays, or is made up."""
    names = {field.name: field for field in fields(App)}
    unknown = sorted(given.keys() - names.keys())
    if unknown:
        raise BadApp(f"unknown: {', '.join(unknown)}; known: {', '.join(names)}")
    settings: dict[str, Any] = known.as_json() if known else {"client_secret": secrets.token_hex(32).upper()}
    settings |= {"client_id": given.get("client_id") or f"3MVG9{secrets.token_urlsafe(40)}"} | dict(given)
    for name, value in settings.items():
        if isinstance(value, list):
            settings[name] = tuple(value)
    return App(**settings)
