"""What an account tells of itself: whose the token is, which fields there are, how far limits are used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import requests

from connectors.base import Endpoint, RenewableTokens, Usage
from model.errors import ConnectorError, RetryLater

Now = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Account:
    """Which account a token opens, and as whom."""

    id: str  # HubSpot's portal id, Salesforce's org id
    name: str
    kind: str = ""  # "STANDARD", "Enterprise Edition", …
    user: str = ""  # whom the token acts as, where that is told
    scopes: frozenset[str] | None = None  # None where the vendor does not tell
    time_zone: str = ""  # "Europe/Berlin", where the vendor tells


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an object as the account defines it."""

    name: str
    type: str  # "text", "number", "bool", "datetime", "date", "choice", "owner" or "other"
    said: str  # the vendor's own word for the type
    can_create: bool = True
    can_update: bool = True
    length: int | None = None  # most characters
    options: tuple[str, ...] = ()
    is_closed: bool = False  # other values than ``options`` are refused
    is_unique: bool = False
    is_key: bool = True  # records can be looked up and upserted by it
    is_required: bool = False  # a new record without it is refused


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of an object, and what may be done with its records."""

    by_name: Mapping[str, Field]
    can_create: bool = True
    can_update: bool = True


@dataclass(frozen=True, slots=True)
class Described:
    """What an object has, or that it is as it was when it was last asked about."""

    fields: Fields | None  # ``None``: the account has no such object, or it is unchanged
    modified: str = ""  # the vendor's word for which version this is; handed back at the next look
    is_unchanged: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """The API version in use: whether it answers, and how long it will."""

    used: str
    newest: str
    is_supported: bool
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """A scope without which something does not work."""

    scopes: tuple[str, ...]  # any of them will do
    what: str
    to_write: bool = False


class Inspector(Protocol):
    """Asks an account about itself. Every method raises ``ConnectorError`` when it cannot."""

    @property
    def clock_ahead(self) -> float | None:
        """Seconds that the vendor's clock is ahead of ours, by the newest answer."""

    def account(self) -> Account:
        """Say whose token this is, with the cheapest calls there are."""

    def fields(self, object_type: str) -> Fields | None:
        """Return what an object has; ``None`` where the account, or this user, has no such object."""

    def describe(self, object_type: str, since: str = "") -> Described:
        """Return what an object has, where it is not as it was at the version ``since``."""

    def usage(self) -> Sequence[Usage]:
        """Return the limits that the newest answers told of."""

    def version(self, today: date) -> Version:
        """Say how the API version in use stands."""

    def needs(self, objects: Sequence[str]) -> Sequence[Need]:
        """Return the scopes that a map of these objects needs; none where scopes do not say it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of any status."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def row(self) -> Mapping[str, Any]:
        """The body where it is an object, else an empty one."""
        return self.body if isinstance(self.body, dict) else {}


def now() -> datetime:
    """Return the machine's time."""
    return datetime.now(UTC)


@dataclass
class Caller:
    """Makes single calls to an account, within its budget, and keeps what headers say.

    A limit that an answer tells of stops every caller of the account, not this one alone.
    """

    endpoint: Endpoint
    vendor: str  # as it is called in sentences
    usage_of: Callable[[Mapping[str, str]], Sequence[Usage]]  # what its headers tell of its limits
    error_of: Callable[[Answer], ConnectorError]  # what an answer that is no success means
    clock: Now = now
    clock_ahead: float | None = None
    headers: dict[str, str] = field(default_factory=dict)  # of all answers so far, newest first

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Any = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make one call; a token that a 401 refuses is renewed once where that can be."""
        tokens = self.endpoint.tokens
        token = tokens.token()
        answer = self._send(method, path, token, params, body, headers or {})
        if answer.status == 401 and isinstance(tokens, RenewableTokens):
            fresh = tokens.renew(token)
            if fresh != token:
                answer = self._send(method, path, fresh, params, body, headers or {})
        if answer.status >= 400:
            error = self.error_of(answer)
            if isinstance(error, RetryLater) and error.stops != "call":
                self.endpoint.budget.refused(error.wait, error.stops)
        return answer

    def _send(
        self, method: str, path: str, token: str, params: Any, body: Any, more: Mapping[str, str]
    ) -> Answer:
        self.endpoint.budget.spend("burst")
        url = f"{self.endpoint.base_url.rstrip('/')}{path}"
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", **more}
        try:
            with requests.Session() as session:
                session.trust_env = False  # a .netrc entry would take the place of our token
                answer = session.request(
                    method, url, params=params, json=body, headers=headers,
                    timeout=self.endpoint.timeout, allow_redirects=False,
                )  # fmt: skip
        except requests.exceptions.SSLError as error:
            raise RetryLater(
                f"{self.vendor} could not be reached over TLS ({_cause(error)}); is the certificate good?"
            ) from None
        except requests.RequestException as error:
            raise RetryLater(f"{self.vendor} could not be reached: {_cause(error)}") from None
        self.headers.update({name.lower(): value for name, value in answer.headers.items()})
        self.endpoint.budget.learn(self.usage_of(answer.headers))
        self.clock_ahead = skew(answer.headers, self.clock())
        try:
            told = answer.json()
        except ValueError:
            told = None
        return Answer(answer.status_code, answer.headers, told)


def _cause(error: requests.RequestException) -> str:
    """Return the innermost name of a failure: addresses and queries stay out of it."""
    cause: BaseException = error
    while isinstance(inner := (cause.args[0] if cause.args else None), BaseException):
        cause = inner
    reason = getattr(cause, "reason", None)
    return type(reason if isinstance(reason, BaseException) else cause).__name__


def skew(headers: Mapping[str, str], at: datetime) -> float | None:
    """Return the seconds that a server's clock is ahead of ours; ``None`` where it tells no time."""
    try:
        return (parsedate_to_datetime(headers.get("Date", "")) - at).total_seconds()
    except (TypeError, ValueError):
        return None


def unreadable(vendor: str, what: str) -> ConnectorError:
    """Return the error of an answer that says nothing of what was asked."""
    return RetryLater(f"{vendor}: the answer about {what} cannot be read; is this {vendor}'s address?")
