"""Access tokens: what a connection signs in with, and where its calls get a token that is good now."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields

from model.errors import NotAuthorized

YOUNG = 30.0  # seconds; a token that is refused so soon after its sign-in will not get better by another
REST = 30.0  # seconds in which a sign-in that was refused is not tried again: it may lock the user out


@dataclass(frozen=True, slots=True)
class Credentials:
    """What one connection signs in with; which of these are there says how."""

    token: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)  # PEM
    username: str = ""
    login_url: str = ""  # where to sign in, if not at the account's own address
    refresh_token: str = field(default="", repr=False)  # with token: what a person allowed in the browser
    expires_at: str = ""  # of the token, ISO 8601; blank: not told
    scopes: str = ""  # as granted, with blanks between them

    @property
    def method(self) -> str:
        """How it signs in: ``oauth``, ``token``, ``client_credentials``, ``jwt``, or blank for not at all."""
        if self.refresh_token:
            return "oauth"
        if self.token:
            return "token"
        if not self.client_id:
            return ""
        return "jwt" if self.private_key else "client_credentials" if self.client_secret else ""

    def as_dict(self) -> dict[str, str]:
        """Return what is there, as plain data to be sealed."""
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def of(cls, plain: Mapping[str, str]) -> Credentials:
        """Build them from plain data; what this version does not know is left out."""
        known = {one.name for one in fields(cls)}
        return cls(**{name: str(value) for name, value in plain.items() if name in known})


@dataclass(frozen=True, slots=True)
class App:
    """The app, as it is registered with a vendor, by which people connect an account in the browser."""

    client_id: str
    client_secret: str = field(repr=False)
    login_url: str  # HubSpot: the address of its API; Salesforce: where people sign in


@dataclass(frozen=True, slots=True)
class Session:
    """What a sign-in got: the token, the account's own address, and whose it is."""

    token: str = field(repr=False)
    base_url: str = ""
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FixedToken:
    """A token that does not expire; implements ``connectors.base.TokenSource``."""

    value: str = field(repr=False)
    granted: tuple[str, ...] = ()  # where it is known what it may do

    def token(self) -> str:
        """Return the token."""
        return self.value

    def scopes(self) -> tuple[str, ...]:
        """Return what it may do, as far as it is known."""
        return self.granted


class SignedIn:
    """Signs in when a token is first needed and again when one is refused; implements ``RenewableTokens``.

    Safe for many threads: however many of them meet the end of a session, one signs in and all
    get its token. A refused sign-in is told to everybody for a while without another try.
    """

    def __init__(
        self, sign_in: Callable[[], Session], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._sign_in = sign_in
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._signed_in_at = 0.0
        self._refusal: tuple[float, NotAuthorized] | None = None

    def token(self) -> str:
        """Return a token that is good now. Raises ``ConnectorError``."""
        return self.session().token

    def session(self) -> Session:
        """Return the session at hand, or sign in. Raises ``ConnectorError``."""
        with self._lock:
            return self._session or self._fresh()

    def scopes(self) -> tuple[str, ...]:
        """Return what the sign-in said of its scopes. Raises ``ConnectorError``."""
        return self.session().scopes

    def renew(self, refused: str) -> str:
        """Return another token than the one refused; that one again where it is quite new."""
        with self._lock:
            held = self._session
            if held is not None and held.token != refused:
                return held.token  # somebody else met the same end and has signed in
            if held is not None and self._monotonic() - self._signed_in_at < YOUNG:
                return held.token
            self._session = None
            return self._fresh().token

    def _fresh(self) -> Session:
        now = self._monotonic()
        if self._refusal is not None and now - self._refusal[0] < REST:
            raise NotAuthorized(str(self._refusal[1]))
        try:
            session = self._sign_in()
        except NotAuthorized as error:
            self._refusal = (now, error)
            raise
        self._session, self._signed_in_at, self._refusal = session, now, None
        return session
