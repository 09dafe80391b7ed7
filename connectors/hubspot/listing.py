"""All records of a HubSpot object, page after page.

By search with a keyset: each page is a query of its own for the ids above the last one, so that
search's limit of 10,000 results is never met and a walk goes on after any stop. The plain list
has no such limit either, but gives 100 records a call instead of 200, tells no total, and its calls
come out of the ten seconds' allowance that deliveries need; search has an allowance of its own
(five a second an account). Search lags by some moments and leaves archived records out: both
are for the poll to catch up with. Decision 12 has the figures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from connectors.hubspot.client import Client
from connectors.hubspot.reads import Reader, Row
from connectors.hubspot.records import MERGED_IDS, TELLING, emails_in, ids_in, to_record, values_of
from model.lead import Identity
from model.listing import Listed, Page

PAGE = 200
LONGEST_BODY = 3_000  # characters; "CRM search": a longer body is refused
OTHER_DOMAINS = "hs_additional_domains"  # "a.com;b.com": a company's other addresses


class Lister:
    """Reads pages of one account."""

    def __init__(self, connection: str, client: Client, reader: Reader, external_id_field: str) -> None:
        self._connection = connection
        self._client = client
        self._reader = reader
        self._external_id_field = external_id_field

    def page(self, object_type: str, names: Sequence[str], after: str | None) -> Page:
        """Return the records with the lowest ids above ``after``. Raises ``ConnectorError``."""
        asked = list(dict.fromkeys((*names, *self._telling(object_type))))
        within = _fitting(asked, after)
        answer = self._client.search(object_type, _query(within, after))
        rows: Sequence[Row] = [row for row in answer.results if str(row.get("id") or "").isdigit()]
        skipped = len(answer.results) - len(rows)
        last = max((int(row["id"]) for row in rows), default=0)
        if len(within) < len(asked):
            rows = self._completed(object_type, rows, asked[len(within) :])
        held = {name for row in rows for name in values_of(row)}
        absent = tuple(name for name in names if name not in held) if rows else ()
        total = answer.body.get("total")
        is_last = not last or (
            len(answer.results) >= total if isinstance(total, int) else len(answer.results) < PAGE
        )
        return Page(
            [self._listed(object_type, row, names) for row in rows],
            None if is_last else str(last),
            total if isinstance(total, int) else None,
            absent,
            skipped,
        )

    def _telling(self, object_type: str) -> tuple[str, ...]:
        if object_type == "companies":
            return ("domain", "website", OTHER_DOMAINS, MERGED_IDS)
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
        fields = {**dict.fromkeys(names), **record.fields}
        return Listed(
            type(record)(record.ref, fields, record.modified_at, record.archived),
            tuple(self._keys(object_type, row)),
            replaces=tuple(each for each in ids_in(row) if each != record.ref.id),
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


def _query(names: Sequence[str], after: str | None) -> dict[str, Any]:
    above = {"propertyName": "hs_object_id", "operator": "GT", "value": after or "0"}
    return {
        "filterGroups": [{"filters": [above]}],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "limit": PAGE,
        "properties": list(names),
    }


def _fitting(names: Sequence[str], after: str | None) -> Sequence[str]:
    """Return as many of the names, from the first on, as one search takes; the rest is read by id."""
    count = len(names)
    while count and len(json.dumps(_query(names[:count], after or "9" * 20))) > LONGEST_BODY:
        count -= 1
    return names[:count]
