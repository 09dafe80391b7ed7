"""All records of a Salesforce object, page after page, by SOQL with a keyset on the id.

Each page is one call, a composite one: beside the page it asks whether a record follows it, so that
no call is spent on an empty page at the end, and the first one counts what there is. Queries in a
composite call do not travel in a URI, which is short, and the call counts once (REST
"Composite"). A locator would end after two days, and every new one may take another's place;
the last id is good for ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from simple_salesforce.format import format_soql

from connectors.salesforce.client import Client
from connectors.salesforce.errors import SCHEMA, Refused
from connectors.salesforce.ids import is_id, long_id
from connectors.salesforce.parties import ACCOUNT_ID, OPPORTUNITY
from connectors.salesforce.people import PEOPLE, Row, asked_fields, to_record
from model.errors import RetryLater
from model.lead import Identity
from model.listing import Listed, Page

PAGE = 2_000  # records a query's answer carries at most, and the most that OFFSET skips


class Lister:
    """Reads pages of one org."""

    def __init__(self, connection: str, client: Client, external_id_field: str) -> None:
        self._connection = connection
        self._client = client
        self._external_id_field = external_id_field

    def page(self, object_type: str, names: Sequence[str], after: str | None) -> Page:
        """Return the records with the lowest ids above ``after``. Raises ``ConnectorError``.

        A field that the object does not have, or that this user may not see, fails the whole query:
        then the object is asked what it has, and the rest is read.
        """
        try:
            return self._page(object_type, names, after, self.telling(object_type), ())
        except Refused as refusal:
            if refusal.code not in SCHEMA:
                raise
        there = {name.casefold() for name in self._client.field_names(object_type)}
        known = [name for name in names if name.casefold() in there]
        absent = tuple(name for name in names if name.casefold() not in there)
        telling = [name for name in self.telling(object_type) if name.casefold() in there]
        return self._page(object_type, known, after, telling, absent)

    def _page(
        self,
        object_type: str,
        names: Sequence[str],
        after: str | None,
        telling: Sequence[str],
        absent: tuple[str, ...],
    ) -> Page:
        above = format_soql("WHERE Id > {} ", after) if after else ""
        asked = ", ".join(asked_fields(object_type, {object_type: names}, *telling))
        source = f"FROM {object_type} {above}ORDER BY Id"
        queries = {
            "page": f"SELECT {asked} {source} LIMIT {PAGE}",
            "next": f"SELECT Id {source} LIMIT 1 OFFSET {PAGE}",
        }
        if after is None:
            queries["total"] = f"SELECT COUNT(Id) records FROM {object_type}"
        answer = self._client.queries(queries)
        rows = [row for row in answer["page"] if is_id(str(row.get("Id")))]
        total = next((row.get("records") for row in answer.get("total", ())), None)
        wanted = (*names, *absent)
        return Page(
            [self.listed(object_type, row, wanted) for row in rows],
            long_id(str(rows[-1]["Id"])) if rows and answer["next"] else None,
            total if isinstance(total, int) else None,
            absent,
            len(answer["page"]) - len(rows),
        )

    def count(self, object_type: str) -> int:
        """Return how many records there are, those in the recycle bin left out. Raises ``ConnectorError``."""
        rows = self._client.queries({"total": f"SELECT COUNT(Id) records FROM {object_type}"})["total"]
        total = next((row.get("records") for row in rows), None)
        if not isinstance(total, int):
            raise RetryLater("Salesforce: a count tells no number")
        return total

    def telling(self, object_type: str) -> list[str]:
        """Return the fields that find a record of this object."""
        if object_type == "Account":
            return ["Website"]
        if object_type == OPPORTUNITY:
            return [ACCOUNT_ID]
        if object_type not in PEOPLE:
            return []
        return ["Email", self._external_id_field] if self._external_id_field else ["Email"]

    def listed(self, object_type: str, row: Row, names: Sequence[str]) -> Listed:
        """Read one row, with its keys."""
        record = to_record(self._connection, object_type, row)
        contact = record.became if object_type == "Lead" and not record.archived else None
        return Listed(
            replace(record, fields={**dict.fromkeys(names), **record.fields}),
            tuple(self._keys(object_type, row)),
            became=contact.id if contact else None,
        )

    def _keys(self, object_type: str, row: Row) -> Iterator[Identity]:
        names = {"domain": "Website"} if object_type == "Account" else {"email": "Email"}
        if object_type not in ("Account", *PEOPLE):
            return
        if self._external_id_field and object_type != "Account":
            names["lead"] = self._external_id_field
        for kind, name in names.items():
            if value := row.get(name):
                yield Identity(kind, str(value))
