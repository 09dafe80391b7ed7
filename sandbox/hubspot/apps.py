"""The apps that can be connected to the account, and the tokens they were given."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sandbox.hubspot import shapes

APP_ID, CLIENT_ID, CLIENT_SECRET = 54_321, "sandbox-client-id", "sandbox-client-secret-0001"
DEVELOPER_KEY = "sandbox-developer-key"
TOKEN = "sandbox-token"
LIFETIME, CODE_LIFETIME = timedelta(seconds=1800), timedelta(minutes=5)
LOOPBACK = ("127.0.0.1", "localhost", "::1")

ALL_SCOPES = (
    "oauth",
    *(
        f"crm.objects.{kind}.{right}"
        for kind in ("contacts", "companies", "deals", "leads")
        for right in ("read", "write")
    ),
    "crm.objects.owners.read",
    *(
        f"crm.schemas.{kind}.{right}"
        for kind in ("contacts", "companies", "deals")
        for right in ("read", "write")
    ),
    "crm.lists.read",
    "crm.lists.write",
    "tickets",
    "forms",
    "automation",
    "sales-email-read",
    "settings.users.teams.read",
    *(f"developer.webhooks_journal.{part}" for part in ("read", "subscriptions.read", "subscriptions.write")),
)


@dataclass(frozen=True, slots=True)
class App:
    """An app that asks for access. Without redirect addresses any on this machine will do."""

    app_id: int
    client_id: str
    client_secret: str
    name: str
    redirect_uris: Sequence[str] = ()
    scopes: Sequence[str] = ALL_SCOPES

    def takes(self, redirect_uri: str) -> bool:
        """Whether a person may be sent back to this address."""
        if self.redirect_uris:
            return redirect_uri in self.redirect_uris
        return urlsplit(redirect_uri).hostname in LOOPBACK

    def as_json(self) -> dict[str, Any]:
        """The form the control endpoints answer."""
        return {
            "app_id": self.app_id,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "name": self.name,
            "redirect_uris": list(self.redirect_uris),
            "scopes": list(self.scopes),
        }


@dataclass(slots=True)
class Grant:
    """What a person allowed an app; codes and tokens stand for it."""

    app: App
    user_id: int
    user: str
    scopes: frozenset[str]
    expires_at: datetime | None = None  # of a code or an access token; None for a token that stays
    redirect_uri: str = ""
    challenge: str = ""
    is_client_only: bool = False  # a client-credentials token, for the app itself


@dataclass
class Apps:
    """The apps, and every code and token that is good. Callers hold the vendor's lock."""

    by_client: dict[str, App] = field(default_factory=dict)
    codes: dict[str, Grant] = field(default_factory=dict)
    refresh_tokens: dict[str, Grant] = field(default_factory=dict)
    access_tokens: dict[str, Grant] = field(default_factory=dict)

    def __post_init__(self) -> None:
        app = self.add(App(APP_ID, CLIENT_ID, CLIENT_SECRET, "leadrelay"))
        self.access_tokens[TOKEN] = Grant(
            app, 81_001, "anna.keller@northlight.example", frozenset(ALL_SCOPES)
        )

    def add(self, app: App) -> App:
        """Register an app, or change one."""
        self.by_client[app.client_id] = app
        return app

    def register(self, told: Mapping[str, Any]) -> App:
        """Register an app as a control request describes it; what it leaves out is made up."""
        number = APP_ID + len(self.by_client)
        present = self.by_client.get(str(told.get("client_id", "")))
        return self.add(
            App(
                shapes.whole(told.get("app_id") or (present.app_id if present else number)),
                str(told.get("client_id") or f"client-{number}"),
                str(told.get("client_secret") or secrets.token_urlsafe(12)),
                str(told.get("name") or f"App {number}"),
                tuple(shapes.texts(told.get("redirect_uris"))),
                tuple(shapes.texts(told.get("scopes")) or ALL_SCOPES),
            )
        )

    def by_id(self, app_id: int) -> App | None:
        """The app of that number."""
        return next((app for app in self.by_client.values() if app.app_id == app_id), None)

    def issue_code(self, grant: Grant, *, at: datetime) -> str:
        """A code that can be changed for tokens once, and soon."""
        grant.expires_at = at + CODE_LIFETIME
        return _put(self.codes, grant)

    def issue_refresh(self, grant: Grant) -> str:
        """A token that stays good until it is revoked."""
        return _put(self.refresh_tokens, grant)

    def issue_access(self, grant: Grant, *, at: datetime) -> str:
        """A token that is good for half an hour."""
        fresh = Grant(grant.app, grant.user_id, grant.user, grant.scopes, at + LIFETIME)
        fresh.is_client_only = grant.is_client_only
        return _put(self.access_tokens, fresh)


def _put(tokens: dict[str, Grant], grant: Grant) -> str:
    token = secrets.token_urlsafe(36)
    tokens[token] = grant
    return token
