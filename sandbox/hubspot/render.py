"""Shows a record as the object API answers it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import request

from sandbox.history import Write
from sandbox.hubspot.errors import ApiError, bad_request
from sandbox.hubspot.objects import Objects
from sandbox.hubspot.values import iso
from sandbox.reading import sent_json, whole_number
from sandbox.records import Record

AFTER_UPDATE = ("lifecyclestage",)  # HubSpot answers it beside what was written


class View:
    """What a call wants to see of each record: properties, their history, associations."""

    def __init__(
        self,
        objects: Objects,
        properties: Sequence[str],
        with_history: Sequence[str] = (),
        associations: Sequence[str] = (),
    ) -> None:
        self._objects, self._kind, self._account = objects, objects.kind, objects.account
        known = objects.definitions
        wanted = [*properties, *with_history, *self._kind.always]
        asked = properties or with_history
        self.names = (
            sorted({name for name in wanted if name in known}) if asked else self._kind.without_asking
        )
        self.with_history = [name for name in with_history if name in known]
        self.associated = [self._account.of(name).kind.name for name in associations]

    def show(self, record: Record) -> dict[str, Any]:
        """A record with the properties asked for; one without a value is null."""
        told = bare(self._objects, record)
        told["properties"] = {name: record.values.get(name) for name in self.names}
        if self.with_history:
            told["propertiesWithHistory"] = {name: self._versions(record, name) for name in self.with_history}
        associations = {name: self._others(record, name) for name in self.associated}
        told_of = {name: {"results": others} for name, others in associations.items() if others}
        return told | ({"associations": told_of} if told_of else {})

    def _others(self, record: Record, target: str) -> list[dict[str, str]]:
        """The associated records of a type, each once for every label."""
        account, source = self._account, self._kind.name
        others = account.links.of((source, record.id), target)
        return [
            {"id": other, "type": made.name}
            for other, specs in others.items()
            if account.objects[target].find(other) is not None
            for made in (account.link_types.get(source, target, spec) for spec in specs)
            if made is not None
        ]

    def _versions(self, record: Record, name: str) -> list[dict[str, Any]]:
        """The values a property has had, newest first; those of records merged into it as well."""
        ids = [old for old in (record.values.get("hs_merged_object_ids") or "").split(";") if old]
        writes = [
            write for one in (*ids, record.id) for write in self._account.history.of(self._kind.name, one)
        ]
        return [
            {"value": write.after[name] or "", "timestamp": iso(write.at), **self._source(write)}
            for write in reversed(writes)
            if name in write.after
        ]

    def _source(self, write: Write) -> dict[str, Any]:
        source, source_id = self._account.source_of(write)
        told = {"sourceType": source, "sourceId": source_id}
        user_id = source_id.removeprefix("userId:")
        return told | ({"updatedByUserId": int(user_id)} if user_id != source_id else {})


def bare(objects: Objects, record: Record) -> dict[str, Any]:
    """A record without its properties."""
    told: dict[str, Any] = {
        "id": record.id,
        "properties": {},
        "createdAt": iso(record.created_at),
        "updatedAt": iso(record.updated_at),
        "archived": record.archived_at is not None,
        "url": f"{request.host_url}browse/{objects.kind.name}/{record.id}",
    }
    return told | ({"archivedAt": iso(record.archived_at)} if record.archived_at else {})


def created(objects: Objects, record: Record) -> dict[str, Any]:
    """A new record: every property that has a value."""
    return bare(objects, record) | {"properties": dict(sorted(record.values.items()))}


def updated(objects: Objects, record: Record, written: Iterable[str]) -> dict[str, Any]:
    """A changed record: the properties that were written and those HubSpot keeps itself."""
    values = record.values
    kept = {name: values[name] for name in (*objects.kind.always, *AFTER_UPDATE) if name in values}
    known = {name: values.get(name) for name in written if name in objects.definitions}
    return bare(objects, record) | {"properties": kept | known}


def names_in(query: str) -> list[str]:
    """A query argument given several times, as a comma list, or both."""
    return [name.strip() for text in request.args.getlist(query) for name in text.split(",") if name.strip()]


def flag_in(query: str) -> bool:
    """A true-or-false query argument in any spelling; the vendor's Python client sends ``False``."""
    return request.args.get(query, "false").lower() == "true"


def limit_in(default: int, most: int) -> int:
    """The page size asked for."""
    text = request.args.get("limit", str(default))
    limit = whole_number(text)
    if limit is None or not 1 <= limit <= most:
        raise bad_request(f"Invalid limit: {text}. It must be between 1 and {most}.")
    return limit


def body() -> Mapping[str, Any]:
    """The JSON object that was sent."""
    sent = sent_json()
    if not isinstance(sent, dict):
        raise ApiError(400, "Invalid input JSON on line 1, column 1: no JSON object", "VALIDATION_ERROR")
    return sent


def properties_of(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The properties of a body or of one row of a batch."""
    sent = row.get("properties")
    if not isinstance(sent, dict):
        raise bad_request("Invalid request: properties must be an object.")
    return sent


def page(shown: list[dict[str, Any]], after: str | None) -> dict[str, Any]:
    """A page of results; with where to go on unless it is the last."""
    if after is None:
        return {"results": shown}
    query = [(name, text) for name, texts in request.args.lists() if name != "after" for text in texts]
    link = "&".join(f"{name}={text}" for name, text in [*query, ("after", after)])
    return {"results": shown, "paging": {"next": {"after": after, "link": f"{request.base_url}?{link}"}}}
