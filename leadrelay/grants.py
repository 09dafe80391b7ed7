"""Where tokens come from of accounts that were connected in the browser: in the daemon, and beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from connectors.tokens import App, Credentials
from leadrelay.clock import SystemClock
from leadrelay.control import alone, ask_daemon
from leadrelay.settings import SPACE, Settings, prefix_of
from model.errors import ConnectorError, LeadRelayError, RetryLater
from model.times import Clock
from sync.access import hashed
from sync.connections import StoredConnection
from sync.database import Store, open_store
from sync.grants import KeptGrant, reconnect_text

if TYPE_CHECKING:
    from connectors.base import Grant, TokenSource
    from connectors.granted import GrantedTokens

STILL_GOOD = timedelta(minutes=1)  # of life left with which a command takes the token that is kept


class Grants(Protocol):
    """Makes the source of tokens of a connection of the way ``oauth``."""

    def source(self, one: StoredConnection, app: App) -> TokenSource:
        """Return where its tokens come from."""


class ReconnectNeeded(LeadRelayError):
    """The vendor takes the tokens of a connection no more: a person connects it anew."""


def source_of(
    grants: Grants, settings: Settings, one: StoredConnection, credentials: Credentials
) -> TokenSource:
    """Return where a connection's tokens come from. Raises ``LeadRelayError``: they cannot be renewed."""
    if one.reconnect:
        raise ReconnectNeeded(reconnect_text(one.name, one.reconnect))
    return grants.source(one, app_of(settings, one, credentials))


def app_of(settings: Settings, one: StoredConnection, credentials: Credentials) -> App:
    """Return the app by which an account was connected. Raises ``LeadRelayError`` where it is not set."""
    app, prefix = settings.app(one.name, one.kind), prefix_of(one.name)
    names = f"{prefix}_CLIENT_ID and {prefix}_CLIENT_SECRET"
    if app is None:
        raise LeadRelayError(f"{names} are not set, the app by which {one.name} was connected")
    if app.client_id != credentials.client_id:
        raise LeadRelayError(
            f"{one.name} was connected by the app {credentials.client_id}, and {prefix}_CLIENT_ID names "
            f"another; set it back, or connect again on the page of {one.name}"
        )
    return replace(app, login_url=credentials.login_url or app.login_url)


@dataclass
class GrantsOfStore:
    """Renews in this process, over a store that it may write to; one source for each connection as it is."""

    settings: Settings
    store: Store
    clock: Clock
    on_end: Callable[[], None] = lambda: None  # the vendor has taken one back
    _sources: dict[str, tuple[object, GrantedTokens]] = field(default_factory=dict)

    def source(self, one: StoredConnection, app: App) -> GrantedTokens:
        """Return the one source of a connection; another after it was connected anew."""
        mark = (one.updated_at, app)
        known = self._sources.get(one.name)
        if known is None or known[0] != mark:
            known = self._sources[one.name] = (mark, self._made(one, app))
        return known[1]

    def _made(self, one: StoredConnection, app: App) -> GrantedTokens:
        from connectors.granted import GrantedTokens
        from connectors.registry import FLOWS

        flow = FLOWS[one.kind](self.clock.now)
        keeper = KeptGrant(self.store, self.settings.vault(), SPACE, one.name, self.clock, self.on_end)
        return GrantedTokens(keeper, lambda grant: flow.renew(app, grant), clock=self.clock.now)


@dataclass(frozen=True, slots=True)
class GrantsBeside:
    """For commands: takes what is kept, and has the running daemon renew it, or does it where none runs."""

    settings: Settings

    def source(self, one: StoredConnection, app: App) -> TokensBeside:
        """Return the source of a connection."""
        return TokensBeside(self.settings, one, app)


@dataclass(slots=True)
class TokensBeside:
    """Implements ``RenewableTokens`` and ``ScopedTokens`` in a process that may not write to the store."""

    settings: Settings
    one: StoredConnection
    app: App
    _grant: Grant | None = None  # as it was read last

    def token(self) -> str:
        """Return a token that is good now. Raises ``LeadRelayError``."""
        grant = self._grant or self._kept()
        is_good = grant.expires_at is None or grant.expires_at - SystemClock().now() > STILL_GOOD
        return grant.token if is_good else self._renewed("")

    def scopes(self) -> tuple[str, ...]:
        """Return what the person allowed."""
        return (self._grant or self._kept()).scopes

    def renew(self, refused: str) -> str:
        """Return another token than the one refused, if there is one."""
        return self._renewed(refused)

    def _kept(self) -> Grant:
        store = open_store(self.settings.database_url)
        try:
            self._grant = KeptGrant(store, self.settings.vault(), SPACE, self.one.name, SystemClock()).read()
        finally:
            store.close()
        return self._grant

    def _renewed(self, refused: str) -> str:
        try:
            return self._asked(refused)
        except ConnectorError:
            raise
        except LeadRelayError as error:
            self._kept()  # this says so where the vendor has ended it
            raise RetryLater(f"the token of {self.one.name} cannot be renewed: {error}") from error

    def _asked(self, refused: str) -> str:
        body = json.dumps({"refused": hashed(refused) if refused else ""})
        path = f"tokens/{quote(self.one.name, safe='')}"
        if ask_daemon(self.settings.database_url, "POST", path, body) is not None:
            return self._kept().token
        with alone(self.settings.database_url) as store:
            tokens = GrantsOfStore(self.settings, store, SystemClock()).source(self.one, self.app)
            token = tokens.renew(refused) if refused else tokens.token()
        self._kept()
        return token
