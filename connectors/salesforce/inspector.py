"""What a Salesforce org tells of itself: user, describes, versions, how much of the day's calls is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from connectors.base import Endpoint, ScopedTokens, Usage
from connectors.inspection import (
    Account,
    Answer,
    Caller,
    Described,
    Field,
    Fields,
    Need,
    Now,
    Version,
    now,
    unreadable,
)
from connectors.salesforce.errors import first_error, to_connector_error
from connectors.salesforce.ids import is_id, long_id
from connectors.salesforce.limits import usage_of
from model.errors import ConnectorError, NotAuthorized

OLDEST = 41.0  # API End-of-Life Policy: older ones are unsupported from Summer '27
_OWNERS = frozenset({"User", "Group"})

_TYPES = {
    **dict.fromkeys(("string", "textarea", "email", "phone", "url", "encryptedstring", "id"), "text"),
    **dict.fromkeys(("int", "double", "currency", "percent", "long"), "number"),
    **dict.fromkeys(("picklist", "combobox"), "choice"),
    "boolean": "bool",
    "datetime": "datetime",
    "date": "date",
}


class SalesforceInspector:
    """Asks one Salesforce org about itself; implements ``connectors.inspection.Inspector``."""

    def __init__(self, endpoint: Endpoint, *, clock: Now = now) -> None:
        self._caller = Caller(endpoint, "Salesforce", usage_of, error_of, clock)
        self._tokens = endpoint.tokens
        self._version = endpoint.options.get("api_version", "68.0").removeprefix("v")

    @property
    def clock_ahead(self) -> float | None:
        """How far Salesforce's clock is ahead of ours, by the newest answer."""
        return self._caller.clock_ahead

    def account(self) -> Account:
        """Say which org this is and who the token acts as."""
        # The identity address ends in org and user. It is on another host, so the token is not sent there.
        resources = self._get("").row
        org, user = org_of(resources), user_of(resources)
        row = self._first("SELECT Id, Name, OrganizationType FROM Organization")
        who = self._first(f"SELECT Username FROM User WHERE Id = '{user}'")
        scopes = self._tokens.scopes() if isinstance(self._tokens, ScopedTokens) else ()
        return Account(
            id=org,
            name=str(row.get("Name") or ""),
            kind=str(row.get("OrganizationType") or ""),
            user=str(who.get("Username") or user),
            scopes=frozenset(scopes) or None,
        )

    def fields(self, object_type: str) -> Fields | None:
        """Return an object's describe: what this user cannot see is not in it."""
        return self.describe(object_type).fields

    def describe(self, object_type: str, since: str = "") -> Described:
        """Return an object's describe, unless it is as it was (``If-Modified-Since``)."""
        path, asked = f"{self._base}/sobjects/{object_type}/describe", {"If-Modified-Since": since}
        answer = self._caller.call("GET", path, headers=asked if since else None)
        if answer.status == 304:
            return Described(None, since, is_unchanged=True)
        if answer.status == 404:
            return Described(None)
        return Described(self._fields(answer, object_type), answer.headers.get("Last-Modified", ""))

    def _fields(self, answer: Answer, object_type: str) -> Fields:
        told = self._checked(answer).row
        rows = told.get("fields")
        if not isinstance(rows, list):
            raise unreadable("Salesforce", f"the fields of {object_type}")
        found = [_field(row) for row in rows if isinstance(row, dict) and row.get("name")]
        return Fields(
            {each.name: each for each in found},
            can_create=told.get("createable") is True,
            can_update=told.get("updateable") is True,
        )

    def usage(self) -> Sequence[Usage]:
        """Return the calls of the last 24 hours, of all of the org's integrations together."""
        return usage_of(self._caller.headers)

    def version(self, today: date) -> Version:  # noqa: ARG002 - versions are listed, not dated
        """Say whether the org has the version; a version that is not listed answers 404 or 410."""
        listed = self._checked(self._caller.call("GET", "/services/data/")).body
        names = [str(row.get("version")) for row in listed or () if isinstance(row, dict)]
        if not names:
            raise unreadable("Salesforce", "its versions")
        newest = max(names, key=float)
        is_listed = self._version in names
        return Version(self._version, newest, is_listed and float(self._version) >= OLDEST)

    def needs(self, objects: Sequence[str]) -> Sequence[Need]:  # noqa: ARG002 - permissions say the rest
        """Return the one scope of all data; what the user may do is in the describes."""
        return [Need(("api", "full"), "to call the API")]

    @property
    def _base(self) -> str:
        return f"/services/data/v{self._version}"

    def _get(self, path: str, **params: str) -> Answer:
        return self._checked(self._caller.call("GET", f"{self._base}{path}", params=params or None))

    def _first(self, soql: str) -> Mapping[str, Any]:
        rows = self._get("/query", q=soql).row.get("records")
        return rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], dict) else {}

    @staticmethod
    def _checked(answer: Answer) -> Answer:
        if answer.status == 200:
            return answer
        error = error_of(answer)
        if (
            isinstance(error, NotAuthorized)
            and first_error(answer.body).get("errorCode") == "INVALID_SESSION_ID"
        ):
            raise NotAuthorized(
                f"{error}. A session ends after some hours: sign in by client credentials or JWT instead of "
                "a fixed token, and check that the address is My Domain's."
            )
        raise error


def error_of(answer: Answer) -> ConnectorError:
    """Return what an answer that is no success means."""
    return to_connector_error(answer.status, answer.body, writes=False)


def org_of(resources: Mapping[str, Any]) -> str:
    """Return the org's id out of a version's resources."""
    return _identity(resources)[0]


def user_of(resources: Mapping[str, Any]) -> str:
    """Return the id of the user whom the token acts as, out of a version's resources."""
    return _identity(resources)[1]


def _identity(resources: Mapping[str, Any]) -> tuple[str, str]:
    org, _, user = str(resources.get("identity") or "").partition("/id/")[2].partition("/")
    if not is_id(org) or not is_id(user):
        raise unreadable("Salesforce", "the user")
    return long_id(org), long_id(user)


def _field(row: Mapping[str, Any]) -> Field:
    kind = _TYPES.get(str(row.get("type")), "other")
    referred = row.get("referenceTo")
    if row.get("type") == "reference" and isinstance(referred, list) and _OWNERS & set(referred):
        kind = "owner"
    listed = row.get("picklistValues")
    values = [one for one in listed or () if isinstance(one, dict) and one.get("active") is not False]
    is_required = (
        row.get("nillable") is False
        and row.get("defaultedOnCreate") is False
        and row.get("createable") is True
        and kind != "bool"
    )
    return Field(
        name=str(row["name"]),
        type=kind,
        said=str(row.get("type") or ""),
        can_create=row.get("createable") is True,
        can_update=row.get("updateable") is True,
        length=(row.get("length") or None) if kind in ("text", "choice") else None,
        options=tuple(str(one.get("value")) for one in values),
        is_closed=row.get("restrictedPicklist") is True,
        is_unique=row.get("unique") is True,
        is_key=row.get("externalId") is True or row.get("idLookup") is True,
        is_required=is_required,
    )
