"""What each app wants to hear of, and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sandbox.hubspot.apps import LOOPBACK
from sandbox.hubspot.errors import ApiError, bad_request, fields_missing, not_found
from sandbox.hubspot.kinds import KINDS, SPELLINGS
from sandbox.hubspot.values import iso
from sandbox.reading import whole_number

CHANGES = (
    "creation",
    "deletion",
    "merge",
    "restore",
    "propertyChange",
    "associationChange",
    "privacyDeletion",
)
NAMED = ("contact", "company", "deal", "ticket")  # these have types of their own; others are "object.*"
NEVER = ("num_unique_conversion_events", "hs_lastmodifieddate")
MOST, LEAST_CONCURRENT, CONCURRENT = 1_000, 6, 10


@dataclass(slots=True)
class Subscription:
    """One thing an app wants to hear of."""

    number: int
    kind: str  # "contacts"
    change: str  # "propertyChange"
    is_generic: bool  # asked for as "object.*"
    property_name: str | None
    active: bool
    made_at: datetime
    changed_at: datetime

    @property
    def event_type(self) -> str:
        """The name of the type: contact.creation, object.creation."""
        return f"{'object' if self.is_generic else KINDS[self.kind].singular}.{self.change}"

    def as_json(self) -> dict[str, Any]:
        """The shape of the management API."""
        told = {
            "id": str(self.number),
            "eventType": self.event_type,
            "active": self.active,
            "createdAt": iso(self.made_at),
            "updatedAt": iso(self.changed_at),
        }
        if self.property_name:
            told["propertyName"] = self.property_name
        return told | ({"objectTypeId": KINDS[self.kind].type_id} if self.is_generic else {})


@dataclass
class Settings:
    """The one address of an app, and how many calls it takes at a time."""

    target_url: str
    concurrent: int
    made_at: datetime
    changed_at: datetime

    def as_json(self) -> dict[str, Any]:
        """The shape of the management API."""
        return {
            "targetUrl": self.target_url,
            "throttling": {"maxConcurrentRequests": self.concurrent},
            "createdAt": iso(self.made_at),
            "updatedAt": iso(self.changed_at),
        }


def check_target(address: str) -> None:
    """Refuse an address that is neither https nor on this machine."""
    try:
        parts = urlsplit(address)
    except ValueError:
        raise bad_request(f"{address} is no https address.") from None
    if not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)):
        raise bad_request(f"{address} is no https address.")


@dataclass
class Hooks:
    """The settings and subscriptions of one app. Callers hold the vendor's lock."""

    app_id: int
    settings: Settings | None = None
    by_number: dict[int, Subscription] = field(default_factory=dict)
    _last: int = 0

    def configure(self, target_url: str, concurrent: int, *, at: datetime) -> Settings:
        """Say where to send events."""
        check_target(target_url)
        if concurrent < LEAST_CONCURRENT:
            raise bad_request(f"maxConcurrentRequests must be at least {LEAST_CONCURRENT}.")
        made_at = self.settings.made_at if self.settings else at
        self.settings = Settings(target_url, concurrent, made_at, at)
        return self.settings

    def subscribe(self, told: Mapping[str, Any], *, at: datetime) -> Subscription:
        """Take in a subscription; it is inactive unless it says otherwise."""
        kind, change, is_generic = _read_type(told)
        name = told.get("propertyName")
        if change == "propertyChange" and not name:
            raise fields_missing(["propertyName"])
        if name in NEVER:
            raise bad_request(f"{name} cannot be subscribed to.")
        if len(self.by_number) >= MOST:
            raise bad_request(f"An app can have {MOST} subscriptions at most.")
        name = name if change == "propertyChange" else None
        wanted = (kind, change, is_generic, name)
        if any((one.kind, one.change, one.is_generic, one.property_name) == wanted for one in self):
            raise ApiError(409, "The app has this subscription already.", "CONFLICT")
        self._last += 1
        made = Subscription(self._last, kind, change, is_generic, name, bool(told.get("active")), at, at)
        self.by_number[made.number] = made
        return made

    def get(self, number: str) -> Subscription:
        """The subscription of that number."""
        place = whole_number(number)
        found = None if place is None else self.by_number.get(place)
        if found is None:
            raise not_found(f"There is no subscription {number}.")
        return found

    def __iter__(self) -> Iterator[Subscription]:
        return iter(self.by_number.values())


def _read_type(told: Mapping[str, Any]) -> tuple[str, str, bool]:
    event_type = str(told.get("eventType") or "")
    if not event_type:
        raise fields_missing(["eventType"])
    first, _, change = event_type.partition(".")
    is_generic = first == "object"
    kind = SPELLINGS.get(str(told.get("objectTypeId") or "")) if is_generic else SPELLINGS.get(first)
    fits = is_generic or first in NAMED
    if kind is None or not fits or change not in CHANGES:
        raise bad_request(f"{event_type} is no event type of an object that is known here.")
    if change == "privacyDeletion" and kind.name != "contacts":
        raise bad_request("Only contacts are deleted for privacy.")
    return kind.name, change, is_generic
