"""Shows a contact as the object API answers it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flask import request

from sandbox.hubspot.errors import ApiError, bad_request
from sandbox.hubspot.properties import iso
from sandbox.records import Record

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

ALWAYS = ("createdate", "hs_object_id", "lastmodifieddate")
WITHOUT_ASKING = ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname")
AFTER_UPDATE = ("createdate", "hs_object_id", "lastmodifieddate", "lifecyclestage")
APP_ID = "54321"


class View:
    """What a call wants to see of each contact: properties, and properties with their history."""

    def __init__(self, account: HubSpot, properties: Sequence[str], with_history: Sequence[str] = ()) -> None:
        self._account = account
        wanted = [*properties, *with_history, *ALWAYS] if properties or with_history else WITHOUT_ASKING
        self.names = sorted({name for name in wanted if name in account.definitions})
        self.with_history = [name for name in with_history if name in account.definitions]

    def show(self, record: Record) -> dict[str, Any]:
        """A contact with the properties asked for; one without a value is null."""
        told = bare(record) | {"properties": {name: record.values.get(name) for name in self.names}}
        if self.with_history:
            told["propertiesWithHistory"] = {name: self._versions(record, name) for name in self.with_history}
        return told

    def _versions(self, record: Record, name: str) -> list[dict[str, Any]]:
        """The values a property has had, newest first."""
        versions = []
        for write in reversed(self._account.history.of("contacts", record.id)):
            if name not in write.after:
                continue
            by = self._user_id(write.call.by)
            source = (
                {"sourceType": "CRM_UI", "sourceId": f"userId:{by}", "updatedByUserId": by}
                if by
                else {"sourceType": "INTEGRATION", "sourceId": APP_ID}
            )
            versions.append({"value": write.after[name] or "", "timestamp": iso(write.at), **source})
        return versions

    def _user_id(self, email: str | None) -> int | None:
        for owner in self._account.tables["owners"].after() if email else ():
            if owner.values["email"] == email:
                return int(owner.values["userId"])
        return None


def bare(record: Record) -> dict[str, Any]:
    """A contact without its properties."""
    told: dict[str, Any] = {
        "id": record.id,
        "properties": {},
        "createdAt": iso(record.created_at),
        "updatedAt": iso(record.updated_at),
        "archived": record.archived_at is not None,
        "url": f"{request.host_url}browse/contacts/{record.id}",
    }
    return told | ({"archivedAt": iso(record.archived_at)} if record.archived_at else {})


def created(record: Record) -> dict[str, Any]:
    """A new contact: every property that has a value."""
    return bare(record) | {"properties": dict(sorted(record.values.items()))}


def updated(record: Record, written: Iterable[str]) -> dict[str, Any]:
    """A changed contact: the properties that were written and those HubSpot keeps itself."""
    kept = {name: record.values[name] for name in AFTER_UPDATE if name in record.values}
    return bare(record) | {"properties": kept | {name: record.values.get(name) for name in written}}


def names_in(query: str) -> list[str]:
    """A query argument given several times, as a comma list, or both."""
    return [name.strip() for text in request.args.getlist(query) for name in text.split(",") if name.strip()]


def flag_in(query: str) -> bool:
    """A true-or-false query argument in any spelling; the vendor's Python client sends ``False``."""
    return request.args.get(query, "false").lower() == "true"


def limit_in(default: int, most: int) -> int:
    """The page size asked for."""
    text = request.args.get("limit", str(default))
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise bad_request(f"Invalid limit: {text}. It must be between 1 and {most}.")
    return int(text)


def body() -> Mapping[str, Any]:
    """The JSON object that was sent."""
    sent = request.get_json(silent=True, force=True)
    if not isinstance(sent, dict):
        raise ApiError(400, "Invalid input JSON on line 1, column 1: no JSON object", "VALIDATION_ERROR")
    return sent


def properties_of(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The properties of a body or of one row of a batch."""
    sent = row.get("properties")
    if not isinstance(sent, dict):
        raise bad_request("Invalid request: properties must be an object.")
    if row.get("associations"):
        raise ApiError(501, "The sandbox has not built associations.", "NOT_BUILT")
    return sent


def page(shown: list[dict[str, Any]], after: str | None) -> dict[str, Any]:
    """A page of results; with where to go on unless it is the last."""
    if after is None:
        return {"results": shown}
    query = [(name, text) for name, texts in request.args.lists() if name != "after" for text in texts]
    link = "&".join(f"{name}={text}" for name, text in [*query, ("after", after)])
    return {"results": shown, "paging": {"next": {"after": after, "link": f"{request.base_url}?{link}"}}}
