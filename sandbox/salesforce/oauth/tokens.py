"""Authorization codes, sessions and refresh tokens, by the virtual clock."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

CODE_LIFE = timedelta(minutes=15)  # commonly said; the documents name no time
SESSION_IDLE = timedelta(hours=2)  # the org's default
REFRESH_IDLE = timedelta(days=30)  # where the switch refresh_idle_limit says so


@dataclass(frozen=True, slots=True)
class Code:
    """What a person has allowed, until the app collects it."""

    client_id: str
    user_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str | None
    made_at: datetime


@dataclass(slots=True)
class Session:
    """An access token at work."""

    client_id: str
    user_id: str
    scopes: tuple[str, ...]
    used_at: datetime
    refresh_token: str | None = None  # what it came from, and dies with


@dataclass(slots=True)
class Refresh:
    """A refresh token at rest."""

    client_id: str
    user_id: str
    scopes: tuple[str, ...]
    used_at: datetime


class Tokens:
    """All that was handed out. Callers hold the org's lock."""

    def __init__(self, org_id: str) -> None:
        self._prefix = org_id[:15]
        self._codes: dict[str, Code] = {}
        self._spent: set[str] = set()
        self._sessions: dict[str, Session] = {}
        self._refresh: dict[str, Refresh] = {}

    def add_code(self, code: Code) -> str:
        """Hand out a code."""
        text = f"aPrx{secrets.token_urlsafe(54)}=="
        self._codes[text] = code
        return text

    def take_code(self, text: str, now: datetime) -> Code | None:
        """The code, once; nothing for one that never was, was collected, or is too old."""
        code = self._codes.pop(text, None)
        self._spent.add(text)
        return code if code is not None and now - code.made_at <= CODE_LIFE else None

    def was_spent(self, text: str) -> bool:
        """Whether a code was asked for before."""
        return text in self._spent

    def open_session(
        self, client_id: str, user_id: str, scopes: tuple[str, ...], now: datetime, refresh: str | None
    ) -> str:
        """Hand out an access token."""
        token = f"{self._prefix}!{secrets.token_urlsafe(72)}"
        self._sessions[token] = Session(client_id, user_id, scopes, now, refresh)
        return token

    def session(self, token: str, now: datetime) -> Session | None:
        """The live session of a token; using it keeps it alive."""
        session = self._sessions.get(token)
        if session is None or now - session.used_at > SESSION_IDLE:
            return None
        session.used_at = now
        return session

    def add_refresh(self, client_id: str, user_id: str, scopes: tuple[str, ...], now: datetime) -> str:
        """Hand out a refresh token."""
        token = f"5Aep861{secrets.token_urlsafe(57)}"
        self._refresh[token] = Refresh(client_id, user_id, scopes, now)
        return token

    def refresh(self, token: str, now: datetime, *, idle_limit: bool) -> Refresh | None:
        """The live refresh token; using it keeps it alive."""
        held = self._refresh.get(token)
        if held is None or (idle_limit and now - held.used_at > REFRESH_IDLE):
            return None
        held.used_at = now
        return held

    def rotate(self, token: str, now: datetime) -> str:
        """Hand out a successor and let the old one die; sessions go on."""
        held = self._refresh.pop(token)
        new = self.add_refresh(held.client_id, held.user_id, held.scopes, now)
        for session in self._sessions.values():
            if session.refresh_token == token:
                session.refresh_token = new
        return new

    def revoke(self, token: str) -> bool:
        """End a session, or a refresh token with all its sessions; false for a token nobody has."""
        if self._sessions.pop(token, None) is not None:
            return True
        if self._refresh.pop(token, None) is None:
            return False
        self._sessions = {
            text: session for text, session in self._sessions.items() if session.refresh_token != token
        }
        return True
