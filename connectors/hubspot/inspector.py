"""What a HubSpot account tells of itself: token, scopes, property definitions, limits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from connectors.base import Endpoint, ScopedTokens, Usage
from connectors.hubspot.errors import to_connector_error
from connectors.hubspot.limits import usage_of
from connectors.hubspot.paths import UNDATED, dated
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
from model.errors import ConnectorError, NotAuthorized

NEWEST = "2026-09"
SUPPORTED_MONTHS = 18  # HubSpot "Versioning": each dated version
UNDATED_UNTIL = date(2027, 9, 1)  # HubSpot changelog: /v1/ to /v3/ are unsupported from September 2027

# Says whose a private app's token is and what it may do. It needs no scope, and knows no OAuth tokens.
TOKEN_INFO = "/oauth/v2/private-apps/get/access-token-info"

_TYPES = {
    "string": "text",
    "phone_number": "text",
    "number": "number",
    "bool": "bool",
    "datetime": "datetime",
    "date": "date",
    "enumeration": "choice",
}
_DATED = re.compile(r"(\d{4})-(\d{2})")


class HubSpotInspector:
    """Asks one HubSpot account about itself; implements ``connectors.inspection.Inspector``."""

    def __init__(self, endpoint: Endpoint, *, clock: Now = now) -> None:
        self._caller = Caller(endpoint, "HubSpot", usage_of, error_of, clock)
        self._tokens = endpoint.tokens
        self._version = endpoint.options.get("api_version", NEWEST)

    @property
    def clock_ahead(self) -> float | None:
        """How far HubSpot's clock is ahead of ours, by the newest answer."""
        return self._caller.clock_ahead

    def account(self) -> Account:
        """Say which portal this is, and what the token may do where HubSpot tells."""
        info = self._token_info()
        answer = self._caller.call("GET", f"/account-info/{self._version}/details")
        if answer.status != 403 or not info.get("hubId"):  # it needs a scope that a token may lack
            self._checked(answer)
        portal = answer.row.get("portalId") or info.get("hubId")
        if portal is None:
            raise unreadable("HubSpot", "the account")
        scopes, user = info.get("scopes"), info.get("userId")
        return Account(
            id=str(portal),
            name=f"portal {portal}",
            kind=str(answer.row.get("accountType") or ""),
            user=f"user {user}" if user else "",
            scopes=frozenset(map(str, scopes)) if isinstance(scopes, list) else None,
            time_zone=str(answer.row.get("timeZone") or ""),
        )

    def _token_info(self) -> Mapping[str, Any]:
        """What is told of a private app's token; other kinds of token are unknown there."""
        granted = self._tokens.scopes() if isinstance(self._tokens, ScopedTokens) else ()
        if granted:  # a person allowed it in the browser
            return {"scopes": list(granted)}
        answer = self._caller.call("POST", TOKEN_INFO, body={"tokenKey": self._tokens.token()})
        return answer.row if answer.status == 200 else {}

    def fields(self, object_type: str) -> Fields | None:
        """Return the property definitions of an object."""
        path = dated("/crm/v3/properties/{objectType}", self._version).replace("{objectType}", object_type)
        answer = self._caller.call("GET", path)
        if answer.status in (400, 404):
            return None
        rows = self._checked(answer).row.get("results")
        if not isinstance(rows, list):
            raise unreadable("HubSpot", f"the properties of {object_type}")
        found = [_field(row) for row in rows if isinstance(row, dict) and row.get("name")]
        return Fields({each.name: each for each in found})

    def describe(self, object_type: str, since: str = "") -> Described:  # noqa: ARG002 - no such condition
        """Return the property definitions; HubSpot has no way to ask whether they changed."""
        return Described(self.fields(object_type))

    def usage(self) -> Sequence[Usage]:
        """Return the limits by the headers of the calls so far; an OAuth app has none for the day."""
        return usage_of(self._caller.headers)

    def version(self, today: date) -> Version:
        """Say how long the version is supported: a dated one for 18 months from its month."""
        until = supported_until(self._version)
        return Version(self._version, NEWEST, until is not None and today < until, until)

    def needs(self, objects: Sequence[str]) -> Sequence[Need]:
        """Return the scopes of reading and writing these objects and the owners.

        Who may read records may read what their properties are.
        """
        found = [Need(("crm.objects.owners.read",), "to know who can own leads")]
        for each in objects:
            kind = each if each in ("contacts", "companies", "deals", "leads") else "contacts"
            found.append(Need((f"crm.objects.{kind}.read",), f"to read {each}"))
            found.append(Need((f"crm.objects.{kind}.write",), f"to write {each}", to_write=True))
        return found

    @staticmethod
    def _checked(answer: Answer) -> Answer:
        if answer.status == 200:
            return answer
        error = error_of(answer)
        if isinstance(error, NotAuthorized) and answer.status == 401:
            raise NotAuthorized(
                f"{error} Copy the token again: it was rotated, deleted, or is another account's."
            )
        raise error


def error_of(answer: Answer) -> ConnectorError:
    """Return what an answer that is no success means."""
    return to_connector_error(answer.status, answer.headers, answer.row, writes=False)


def supported_until(version: str) -> date | None:
    """Return the first day on which a version is not supported any more; ``None`` for an unknown one."""
    if version == UNDATED:
        return UNDATED_UNTIL
    match = _DATED.fullmatch(version)
    if match is None or not 1 <= int(match[2]) <= 12:
        return None
    months = int(match[1]) * 12 + int(match[2]) - 1 + SUPPORTED_MONTHS
    return date(months // 12, months % 12 + 1, 1)


def _field(row: Mapping[str, Any]) -> Field:
    kind = _TYPES.get(str(row.get("type")), "other")
    listed = row.get("options")
    options = tuple(str(one.get("value")) for one in listed or () if isinstance(one, dict))
    if kind == "choice" and (row.get("externalOptions") or row.get("referencedObjectType")):
        # Owners have no list; stages and pipelines have theirs elsewhere ("Pipelines").
        kind, options = "owner" if row.get("referencedObjectType") == "OWNER" else "other", ()
    meta = row.get("modificationMetadata")
    is_read_only = bool(row.get("calculated")) or (
        isinstance(meta, dict) and meta.get("readOnlyValue") is True
    )
    is_unique = bool(row.get("hasUniqueValue")) or row.get("name") == "email"
    return Field(
        name=str(row["name"]),
        type=kind,
        said=str(row.get("type") or ""),
        can_create=not is_read_only,
        can_update=not is_read_only,
        options=options,
        is_closed=kind == "choice",
        is_unique=is_unique,
        is_key=is_unique,
    )
