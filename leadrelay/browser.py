"""Accounts are connected in the browser: a person leaves for the vendor's page and comes back with a code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from connectors.tokens import App, Credentials
from dashboard.grants import Beginning, NotConnected, Standing
from leadrelay.settings import LOGIN_URLS, SPACE, Settings, is_loopback, prefix_of
from leadrelay.trying import try_account
from mappings.playbook import CrmMap, Playbook
from model.errors import LeadRelayError
from model.times import Clock
from sync import connections, oauth_states
from sync.access import hashed
from sync.connections import StoredConnection
from sync.database import Store
from sync.grants import as_plain
from sync.oauth_states import LIFE, Departure

if TYPE_CHECKING:
    from connectors.inspection import Now
    from connectors.oauth import Flow

AGAIN = "Nothing was changed. Press Connect again on the connection's page."
# What a vendor's page sends back instead of a code -> what it means, and what to do.
REFUSALS: Mapping[str, tuple[str, str]] = {
    "access_denied": (
        "the access was not allowed",
        "Press Connect again and allow it there, as somebody who may add apps to the account.",
    ),
    "invalid_scope": (
        "the app may not ask for all of these scopes",
        "Give the app the scopes that the connection's guide lists, then press Connect again.",
    ),
    "unauthorized_client": (
        "the app is not allowed this way of signing in",
        "Look at the app's OAuth settings, by the connection's guide, then press Connect again.",
    ),
    "OAUTH_APP_BLOCKED": (
        "the org's administrator has blocked the app",
        "Have it unblocked (Setup, Connected Apps OAuth Usage), then press Connect again.",
    ),
    "OAUTH_APPROVAL_ERROR_GENERIC": (
        "the user may not approve the app",
        "Have an administrator install the app and give the user its permission set, then connect again.",
    ),
    "temporarily_unavailable": ("it is busy or away", "Press Connect again in some minutes."),
    "server_error": ("it failed on its side", "Press Connect again in some minutes."),
}


@dataclass
class Browser:
    """Implements ``dashboard.grants.Grants``."""

    settings: Settings
    store: Store
    clock: Clock
    playbook: Callable[[], Playbook]
    connect: Callable[[StoredConnection], None]  # stores an account; ``LeadRelayError`` where it may not
    leave: Callable[[str, str], str]  # forgets one (its name, who does it); says what became of it
    on_change: Callable[[], None]  # takes in what has changed

    def look(self, name: str) -> Standing:
        """Return how a connection of the playbook stands."""
        crm = self._crm(name)
        with self.store.snapshot() as snapshot:
            kept = connections.load(snapshot, SPACE).get(name)
        lacks = self._lacks(crm)
        app = self.settings.app(name, crm.kind)
        standing = Standing(
            self._vendor(crm.kind),
            may_begin=not lacks,
            is_sandbox=app is not None and self.settings.writes_to_address(app.login_url),
            lacks=lacks,
            hosts=self._hosts(crm),
        )
        if kept is None or not kept.has_credentials or self.settings.connection(name, crm.kind).is_set_up:
            return standing
        return replace(
            standing,
            is_kept=True,
            method=kept.method,
            account=kept.account,
            by=kept.by,
            at=kept.updated_at,
            reconnect=kept.reconnect or "",
        )

    def begin(self, one: Beginning) -> str:
        """Remember who leaves, and return the address of the vendor's page."""
        from connectors import oauth

        crm, now = self._crm(one.name), self.clock.now()
        if lacks := self._lacks(crm):
            raise LeadRelayError(lacks)
        app, flow = self._app(crm), self._flow(crm.kind)
        app = replace(app, login_url=self._login_url(crm, app, one))
        needed, optional = flow.scopes(list(crm.all_objects))
        question = oauth.Question(
            f"{one.home}/oauth/{crm.kind}/callback", oauth.new_state(), oauth.new_verifier(), needed, optional
        )
        kept = {"verifier": question.verifier, "redirect_uri": question.redirect_uri}
        kept |= {"login_url": app.login_url, "client_id": app.client_id}
        departure = Departure(
            session=hashed(one.session),
            kind=crm.kind,
            connection=one.name,
            sealed=self.settings.vault().seal(kept),
            by=one.by,
            expires_at=now + LIFE,
        )
        self.store.write(
            partial(oauth_states.begin, space=SPACE, state=question.state, one=departure, now=now)
        )
        return flow.page(app, question)

    def finish(self, kind: str, session: str, answer: Mapping[str, str]) -> str:
        """Redeem the code, try the account, and keep it."""
        one = self._departed(kind, session, answer)
        name = one.connection
        try:
            self._kept(one, self._code(one, answer))
        except NotConnected:
            raise
        except LeadRelayError as error:
            raise NotConnected(f"{str(error).rstrip('.')}.", AGAIN, name) from error
        self.on_change()
        return name

    def disconnect(self, name: str, by: str) -> str:
        """Forget an account's credentials."""
        if not self.look(name).is_kept:
            raise LeadRelayError(
                f"The store keeps no credentials of {name}; take the environment's out there"
            )
        said = self.leave(name, by)
        self.on_change()
        return said

    def _departed(self, kind: str, session: str, answer: Mapping[str, str]) -> Departure:
        """Return who left with this state, once."""
        state = answer.get("state", "")
        one = self.store.write(partial(oauth_states.take, space=SPACE, state=state)) if state else None
        if one is None or one.kind != kind:
            raise NotConnected(
                "This answer belongs to no connection that is being made: it was used, or never begun.",
                AGAIN,
            )
        if one.session != hashed(session):
            raise NotConnected(
                "This was begun in another browser, or before you signed in anew.", AGAIN, one.connection
            )
        if self.clock.now() > one.expires_at:
            minutes = int(LIFE.total_seconds() // 60)
            raise NotConnected(f"It took longer than {minutes} minutes.", AGAIN, one.connection)
        return one

    def _code(self, one: Departure, answer: Mapping[str, str]) -> str:
        """Return the code that came back, or say why there is none."""
        vendor, error = self._vendor(one.kind), answer.get("error", "")
        if not error and answer.get("code"):
            return answer["code"]
        if not error:
            raise NotConnected(f"{vendor} sent no code back.", AGAIN, one.connection)
        means, fix = REFUSALS.get(error, ("", AGAIN))
        said = ": ".join(filter(None, (error, answer.get("error_description", ""))))[:500].rstrip(".")
        text = f"{vendor} says that {means} ({said})." if means else f"{vendor} says: {said}."
        raise NotConnected(text, fix, one.connection)

    def _kept(self, one: Departure, code: str) -> None:
        crm, plain = self._crm(one.connection), self.settings.vault().open(one.sealed)
        app = replace(self._app(crm), login_url=plain["login_url"])
        if app.client_id != plain["client_id"]:
            raise LeadRelayError("The app in the environment is another than when this was begun")
        grant = self._flow(crm.kind).redeem(app, code, plain["redirect_uri"], plain["verifier"])
        credentials = Credentials.of(
            as_plain(grant) | {"client_id": app.client_id, "login_url": app.login_url}
        )
        tried = try_account(self.settings, one.connection, crm.kind, grant.base_url, credentials)
        sealed = self.settings.vault().seal(credentials.as_dict())
        self.connect(
            StoredConnection(
                one.connection, crm.kind, grant.base_url, credentials.method, sealed, tried.account, by=one.by
            )
        )

    def _lacks(self, crm: CrmMap) -> str:
        """Say what has to be set before this account can be connected in the browser; blank: nothing."""
        name, kind = crm.connection, crm.kind
        prefix = prefix_of(name)
        if kind not in self._flows:
            return f"accounts of {kind} are not connected in the browser"
        if self.settings.connection(name, kind).is_set_up:
            return f"{prefix}_… in the environment signs in to {name}, and wins; take it out there first"
        if self.settings.app(name, kind) is None:
            names = f"{prefix}_CLIENT_ID and {prefix}_CLIENT_SECRET"
            return f"{names} are not set; docs/connect-{kind}.md says how to get them"
        if not self.settings.vault().has_key:
            return "LEADRELAY_SECRET_KEY is not set, under which credentials are kept; see docs/operations.md"
        return ""

    def _hosts(self, crm: CrmMap) -> tuple[tuple[str, str], ...]:
        """Return where people may sign in: everywhere, unless the environment names one place."""
        app = self.settings.app(crm.connection, crm.kind)
        is_named = app is None or app.login_url != LOGIN_URLS.get(crm.kind)
        return () if is_named or crm.kind not in self._flows else tuple(self._flow(crm.kind).hosts)

    def _login_url(self, crm: CrmMap, app: App, one: Beginning) -> str:
        if not self._hosts(crm):
            if app.login_url.startswith("http://") and not is_loopback(app.login_url):
                raise LeadRelayError(f"{app.login_url}: the secret would travel in clear; use https")
            return app.login_url
        try:
            return self._flow(crm.kind).sign_in_at(one.host, one.domain)
        except ValueError as error:
            raise LeadRelayError(str(error)) from error

    def _app(self, crm: CrmMap) -> App:
        app = self.settings.app(crm.connection, crm.kind)
        if app is None:
            raise LeadRelayError(self._lacks(crm))
        return app

    @property
    def _flows(self) -> Mapping[str, Callable[[Now], Flow]]:
        from connectors.registry import FLOWS  # the vendors' clients load slowly

        return FLOWS

    def _flow(self, kind: str) -> Flow:
        return self._flows[kind](self.clock.now)

    def _vendor(self, kind: str) -> str:
        return self._flow(kind).vendor if kind in self._flows else kind

    def _crm(self, name: str) -> CrmMap:
        crm = self.playbook().crms.get(name)
        if crm is None:
            raise LeadRelayError(f"No map of the playbook is called {name}")
        return crm
