"""Pages of a search, each record with its keys: what a walk through all records and a poll share."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.hubspot.client import Client
from connectors.hubspot.reads import Reader, Row
from connectors.hubspot.records import (
    MERGED_IDS,
    TELLING,
    emails_in,
    former_ids,
    to_record,
    values_of,
)
from model.errors import RetryLater
from model.lead import Identity
from model.listing import Listed

PAGE = 200
LONGEST_BODY = 3_000  # characters; "CRM search": a longer body is refused
OTHER_DOMAINS = "hs_additional_domains"  # "a.com;b.com": a company's other addresses
ENGAGEMENTS = ("calls", "emails", "meetings", "notes", "tasks")  # found by nothing but their ids
BY_ID = {"propertyName": "hs_object_id", "direction": "ASCENDING"}

Filter = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """One page of a search in the order of the ids."""

    listed: Sequence[Listed]
    rows: Sequence[Row]  # as the search has them, those left out of ``listed`` too
    last: int  # the highest id on it; 0: no record on it has one
    is_last: bool  # nothing that matches lies above it
    total: int | None
    absent: tuple[str, ...]
    skipped: int


class Searcher:
    """Searches one account."""

    def __init__(self, connection: str, client: Client, reader: Reader, external_id_field: str) -> None:
        self._connection = connection
        self._client = client
        self._reader = reader
        self._external_id_field = external_id_field

    def page(
        self, object_type: str, names: Sequence[str], filters: Sequence[Filter], also: Sequence[str] = ()
    ) -> Found:
        """Return the first 200 records that pass all filters, by id. Raises ``ConnectorError``.

        ``also`` are properties that must come with the search itself. Those that are too many for
        its body are read by id; a record that is gone by then is left out.
        """
        asked = list(dict.fromkeys((*also, *names, *self._telling(object_type))))
        within = _fitting(asked, filters)
        answer = self._client.search(object_type, _query(within, filters))
        seen: Sequence[Row] = [row for row in answer.results if str(row.get("id") or "").isdigit()]
        rows = seen
        if len(within) < len(asked):
            rows = self._completed(object_type, seen, asked[len(within) :])
        held = {name for row in rows for name in values_of(row)}
        last = max((int(row["id"]) for row in seen), default=0)
        total = answer.body.get("total")
        return Found(
            [self._listed(object_type, row, names) for row in rows],
            seen,
            last,
            len(answer.results) >= total if isinstance(total, int) else len(answer.results) < PAGE,
            total if isinstance(total, int) else None,
            tuple(name for name in names if name not in held) if rows else (),
            len(answer.results) - len(seen),
        )

    def count(self, object_type: str, filters: Sequence[Filter]) -> int:
        """Return how many records pass all filters. Raises ``ConnectorError``."""
        answer = self._client.search(object_type, _query((), filters) | {"limit": 1})
        total = answer.body.get("total")
        if not isinstance(total, int):
            raise RetryLater("HubSpot: a search tells no total")
        return total

    def _telling(self, object_type: str) -> tuple[str, ...]:
        if object_type == "companies":
            return ("domain", "website", OTHER_DOMAINS, MERGED_IDS)
        if object_type in ENGAGEMENTS:
            return ()
        if object_type == "deals":
            return (MERGED_IDS,)
        return (*TELLING, self._external_id_field) if self._external_id_field else TELLING

    def _completed(self, object_type: str, rows: Sequence[Row], names: Sequence[str]) -> list[Row]:
        """Read the properties that were too many for a search; a record gone meanwhile is left out."""
        more = {str(row["id"]): values_of(row) for row in self._reader.by_id(
            object_type, [str(row["id"]) for row in rows], names
        )}  # fmt: skip
        return [
            {**row, "properties": {**values_of(row), **more[str(row["id"])]}}
            for row in rows
            if str(row["id"]) in more
        ]

    def _listed(self, object_type: str, row: Row, names: Sequence[str]) -> Listed:
        record = to_record(self._connection, object_type, row)
        return Listed(
            replace(record, fields={**dict.fromkeys(names), **record.fields}),
            tuple(self._keys(object_type, row)),
            replaces=former_ids(row),
        )

    def _keys(self, object_type: str, row: Row) -> Iterator[Identity]:
        values = values_of(row)
        if object_type == "contacts":
            yield from (Identity("email", address) for address in emails_in(row))
            if lead_id := values.get(self._external_id_field):
                yield Identity("lead", str(lead_id))
        elif object_type == "companies":
            others = (values.get(OTHER_DOMAINS) or "").split(";")
            for domain in (values.get("domain") or values.get("website") or "", *others):
                yield Identity("domain", domain)


def above(record_id: int | str) -> Filter:
    """Return the filter for higher ids."""
    return {"propertyName": "hs_object_id", "operator": "GT", "value": str(record_id)}


def _query(names: Sequence[str], filters: Sequence[Filter]) -> dict[str, Any]:
    return {
        "filterGroups": [{"filters": list(filters)}],
        "sorts": [BY_ID],
        "limit": PAGE,
        "properties": list(names),
    }


def _fitting(names: Sequence[str], filters: Sequence[Filter]) -> Sequence[str]:
    """Return as many of the names, from the first on, as one search takes; the rest is read by id."""
    count = len(names)
    while count and len(json.dumps(_query(names[:count], filters))) > LONGEST_BODY:
        count -= 1
    return names[:count]
