"""The HubSpot account: its owners, its properties, its limits, and what a person does in its pages."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from flask import Response, g, request

from sandbox.app import answer
from sandbox.clock import Clock
from sandbox.hubspot import properties
from sandbox.hubspot.contacts import Contacts
from sandbox.hubspot.errors import ApiError
from sandbox.hubspot.limits import Budget, too_many
from sandbox.people import TEAM
from sandbox.records import Record, Table
from sandbox.vendor import Refused, Vendor, View, plain_template

TOKEN = "sandbox-token"
FOUNDED = datetime(2026, 1, 5, 8, tzinfo=UTC)
FIRST_CONTACT, FIRST_OWNER, FIRST_USER = 101, 71_001, 81_001
# What a path may say for an object type; all but contacts are known and not built.
CONTACTS = frozenset({"contacts", "contact", "0-1"})
TYPE_IDS = {
    "company": "0-2",
    "deal": "0-3",
    "ticket": "0-5",
    "communication": "0-18",
    "task": "0-27",
    "note": "0-46",
    "meeting": "0-47",
    "call": "0-48",
    "email": "0-49",
    "lead": "0-136",
}
PLURALS = {"company": "companies"}
NOT_BUILT = frozenset(
    spelling
    for name, type_id in TYPE_IDS.items()
    for spelling in (name, PLURALS.get(name, f"{name}s"), type_id)
)


class HubSpot(Vendor):
    """One HubSpot account with an installed app."""

    name, title = "hubspot", "HubSpot"
    limits: ClassVar = {"per_10s": 110, "daily": None}
    switches: ClassVar = {
        "batch_create_conflict": ("207", "409"),
        "batch_order": ("input", "shuffled"),
        "new_contact_stage": ("none", "lead"),
    }
    views: ClassVar = {
        "contacts": View(
            "Contacts",
            title=("firstname", "lastname"),
            columns={
                "email": "Email",
                "company": "Company",
                "lifecyclestage": "Lifecycle stage",
                "hubspot_owner_id": "Owner",
                "lastmodifieddate": "Last modified",
            },
        ),
        "owners": View(
            "Owners", title=("firstName", "lastName"), columns={"email": "Email", "userId": "User id"}
        ),
    }

    def __init__(self, clock: Clock) -> None:
        self.definitions = properties.load()
        self.unique = [name for name, told in self.definitions.items() if told["hasUniqueValue"]]
        self.contacts = Contacts(self)
        super().__init__(clock)

    def clear(self) -> None:
        self.tables = {"contacts": Table(self.contacts.keys_of), "owners": Table()}
        self.budget = Budget()
        self.last_contact_id = FIRST_CONTACT - 1
        for place, person in enumerate(TEAM):
            owner = {
                "email": person.email,
                "firstName": person.first_name,
                "lastName": person.last_name,
                "userId": FIRST_USER + place,
            }
            self._add_owner(owner, FOUNDED, archived=not person.active)

    def gate(self) -> Response | None:
        """Check the token, then the limits; a call without a token counts towards none."""
        g.correlation_id = str(uuid.uuid4())
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.refuse(
                ApiError(401, "Authentication credentials not found.", "INVALID_AUTHENTICATION")
            )
        with self.lock:
            refusal = self.budget.take(self.faults.limits, self.clock.now())
            g.rate_headers = self.budget.headers(self.faults.limits, self.clock.now())
        return self.refuse(refusal) if refusal else None

    def dress(self, response: Response) -> None:
        response.headers["X-HubSpot-Correlation-Id"] = g.correlation_id
        response.headers.extend(g.get("rate_headers", {}))

    def refuse(self, error: ApiError) -> Response:
        """The answer of a call that fails as a whole."""
        return answer(error.body(g.correlation_id), error.status)

    def failure(self, status: int) -> Response:
        if status == 429:
            limit = "You have reached your ten_secondly_rolling limit."
            return self.refuse(too_many(limit, "TEN_SECONDLY_ROLLING"))
        if status in (502, 504) or status >= 520:  # from the edge in front of HubSpot, not from its API
            return Response(
                f"<html><body><h1>Error {status}</h1></body></html>", status, mimetype="text/html"
            )
        message, category, more = _failures(self.now()).get(status, ("internal error", "INTERNAL_ERROR", {}))
        response = self.refuse(ApiError(status, message, category, **more))
        if status == 477:
            response.headers["Retry-After"] = "5"
        return response

    def not_built(self) -> Response:
        path = f"{request.method} {request.path}"
        return self.refuse(ApiError(501, f"The sandbox has not built {path}.", "NOT_BUILT"))

    def template(self, rule: str, arguments: Mapping[str, Any]) -> str:
        asked = str(arguments.get("object_type", ""))
        return plain_template(rule).replace("{object_type}", "contacts" if asked in CONTACTS else asked)

    def page_fields(self, object_name: str, record: Record) -> dict[str, Any]:
        fields = self.fields_of(object_name, record)
        owner = self.tables["owners"].get(str(fields.get("hubspot_owner_id")))
        if owner is not None:
            fields["hubspot_owner_id"] = (
                f"{owner.values['firstName']} {owner.values['lastName']} ({owner.id})"
            )
        return fields

    def check_type(self, object_type: str) -> None:
        """Let contacts through; refuse other types as HubSpot or as not built."""
        if object_type in CONTACTS:
            return
        if object_type in NOT_BUILT:
            path = f"{request.method} {request.path}"
            raise ApiError(501, f"The sandbox has not built {path}.", "NOT_BUILT")
        if object_type[:1].isdigit():
            raise ApiError(400, f"Invalid object or event type id: {object_type}", None)
        raise ApiError(400, f"Unable to infer object type from: {object_type}", None)

    def owner(self, owner_id: str) -> Record | None:
        """The active owner of that id."""
        owner = self.tables["owners"].get(owner_id)
        return owner if owner is not None and owner.archived_at is None else None

    # What a person does in HubSpot's pages.

    def create_by_hand(self, object_name: str, fields: Mapping[str, Any], *, by: str) -> Record:  # noqa: ARG002
        if object_name == "owners":
            owners = self.tables["owners"]
            told = {"firstName": "", "lastName": "", "userId": FIRST_USER + len(owners) + 1, **fields}
            return self._add_owner(told, self.now(), archived=False)
        try:
            return self.contacts.create(self.contacts.read(fields))
        except ApiError as error:
            raise Refused(error.status, "hubspot_refuses", error.message) from None

    def edit_by_hand(self, object_name: str, record: Record, fields: Mapping[str, Any], *, by: str) -> None:  # noqa: ARG002
        if object_name == "owners":
            before = {name: record.values.get(name) for name in fields}
            self.tables["owners"].replace(record, {**record.values, **fields}, at=self.now())
            self.wrote("update", "owners", record.id, before, dict(fields))
            return
        try:  # in the pages a stage can also be set back
            self.contacts.update(record, self.contacts.read(fields), forward_only=False)
        except ApiError as error:
            raise Refused(error.status, "hubspot_refuses", error.message) from None

    def delete_by_hand(self, object_name: str, record: Record, *, by: str) -> None:  # noqa: ARG002
        if object_name == "contacts":
            self.contacts.archive(record)
            return
        self.tables["owners"].archive(record, at=self.now())
        self.wrote("delete", "owners", record.id, {"archived": False}, {"archived": True})

    def _add_owner(self, values: Mapping[str, Any], at: datetime, *, archived: bool) -> Record:
        owners = self.tables["owners"]
        number = sum(1 for _ in owners.after()) + sum(1 for _ in owners.after(archived=True))
        owner = Record(str(FIRST_OWNER + number), dict(values), at, at)
        owners.add(owner)
        if archived:
            owners.archive(owner, at=at)
        return owner


def _failures(now: datetime) -> dict[int, tuple[str, str, dict[str, Any]]]:
    """Message, category and further keys of the statuses that have a shape of their own."""
    expired = {"context": {"expire time": [properties.iso(now)]}}
    return {
        401: (
            "The OAuth token used to make this call expired 75 second(s) ago.",
            "EXPIRED_AUTHENTICATION",
            expired,
        ),
        403: ("This app hasn't been granted all required scopes to make this call.", "MISSING_SCOPES", {}),
        423: (
            "The record is locked by other writes. Try again in 2 seconds.",
            "LOCKED",
            {},
        ),  # body not confirmed
        477: (
            "The account is being moved to another data centre.",
            "MIGRATION_IN_PROGRESS",
            {},
        ),  # not confirmed
    }
