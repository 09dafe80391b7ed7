"""Lists with the records that someone put into them; lists by filter keep no members here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.hubspot.errors import ApiError, bad_request
from sandbox.hubspot.objects import Objects
from sandbox.hubspot.values import iso

MANUAL, SNAPSHOT, DYNAMIC = "MANUAL", "SNAPSHOT", "DYNAMIC"


@dataclass
class RecordList:
    """One list and when each record joined it."""

    list_id: str
    name: str
    type_id: str
    processing: str
    made_at: datetime
    changed_at: datetime
    filters: Any = None
    members: dict[str, datetime] = field(default_factory=dict)
    deleted_at: datetime | None = None

    def as_json(self, *, with_filters: bool = False) -> dict[str, Any]:
        """The shape of the list API."""
        told = {
            "listId": self.list_id,
            "listVersion": 1,
            "name": self.name,
            "objectTypeId": self.type_id,
            "processingType": self.processing,
            "processingStatus": "COMPLETE",
            "size": len(self.members),
            "createdAt": iso(self.made_at),
            "updatedAt": iso(self.changed_at),
        }
        if self.deleted_at:
            told["deletedAt"] = iso(self.deleted_at)
        return told | ({"filterBranch": self.filters} if with_filters and self.filters else {})


class Lists:
    """The lists of an account, by id. Callers hold the vendor's lock."""

    def __init__(self) -> None:
        self.by_id: dict[str, RecordList] = {}

    def get(self, list_id: str) -> RecordList:
        """The list of that id."""
        found = self.by_id.get(list_id)
        if found is None or found.deleted_at is not None:
            message = f"List does not exist with ID {list_id}."
            raise ApiError(404, message, "OBJECT_NOT_FOUND", subCategory="ILS.LIST_NOT_FOUND")
        return found

    def named(self, type_id: str, name: str) -> RecordList | None:
        """The list of that name; capitals make no difference."""
        wanted = name.strip().lower()
        return next(
            (one for one in self.live() if one.type_id == type_id and one.name.strip().lower() == wanted),
            None,
        )

    def replace(self, type_id: str, old: str, new: str | None) -> None:
        """Let another record take the place of one that was merged, or nobody that of one that was erased."""
        for one in self.by_id.values():
            joined = one.members.pop(old, None) if one.type_id == type_id else None
            if joined is not None and new is not None:
                one.members.setdefault(new, joined)

    def live(self) -> Iterable[RecordList]:
        """The lists that are not deleted, oldest first."""
        return [one for one in self.by_id.values() if one.deleted_at is None]

    def add(
        self, name: str, type_id: str, processing: str, *, at: datetime, filters: Any = None
    ) -> RecordList:
        """Make a list."""
        if self.named(type_id, name) is not None:
            message = f"A list named '{name}' already exists."
            raise bad_request(message, subCategory="ILS.DUPLICATE_LIST_NAMES")
        made = RecordList(str(len(self.by_id) + 1), name, type_id, processing, at, at, filters)
        self.by_id[made.list_id] = made
        return made


def change_members(
    objects: Objects, changed: RecordList, joining: list[str], leaving: list[str]
) -> dict[str, list[str]]:
    """Put records in and take others out; members who join again and strangers who leave are passed over."""
    if changed.processing == DYNAMIC:
        message = f"List {changed.list_id} is processed by its filters; its members cannot be set."
        raise bad_request(message, subCategory="ILS.INVALID_LIST_PROCESSING_TYPE")
    at = objects.account.now()
    names = ("recordsIdsAdded", "recordIdsRemoved", "recordIdsMissing")  # "recordsIds" is HubSpot's own slip
    told: dict[str, list[str]] = {name: [] for name in names}
    for record_id in joining:
        record = objects.find(record_id)
        if record is None:
            told["recordIdsMissing"].append(record_id)
        elif record.id not in changed.members:
            changed.members[record.id] = at
            told["recordsIdsAdded"].append(record_id)
    for record_id in leaving:
        if objects.find(record_id) is None:
            told["recordIdsMissing"].append(record_id)
        elif changed.members.pop(record_id, None) is not None:
            told["recordIdsRemoved"].append(record_id)
    changed.changed_at = at
    return told
