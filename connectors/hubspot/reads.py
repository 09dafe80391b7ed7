"""Batch reads by id or e-mail, and who of a batch of changes is in HubSpot already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.batches import chunks, halves
from connectors.hubspot.client import Client
from connectors.hubspot.errors import Refused, existing_id, words
from connectors.hubspot.records import TELLING, email_of, emails_in, ids_in, to_record
from model.change import Record, RecordChange
from model.errors import RetryLater

BATCH = 100
Row = Mapping[str, Any]


class Reader:
    """Reads records of any number of ids or addresses, a hundred a call."""

    def __init__(self, connection: str, client: Client) -> None:
        self._connection = connection
        self._client = client

    def by_id(self, object_type: str, ids: Sequence[str], names: Sequence[str]) -> Iterator[Row]:
        """Yield the records that are there; ids that were merged away lead to the record they became."""
        for batch in chunks(list(dict.fromkeys(ids)), BATCH):
            yield from self._rows(object_type, batch, _asked(names), by=None)

    def by_email(self, emails: Sequence[str], names: Sequence[str]) -> Iterator[Row]:
        """Yield the contacts of these addresses."""
        for batch in chunks(list(dict.fromkeys(emails)), BATCH):
            yield from self._rows("contacts", batch, _asked(names), by="email")

    def find(
        self,
        changes: Sequence[RecordChange],
        fields: Mapping[str, Sequence[str]],
        clashes: Mapping[str, Row] | None = None,
    ) -> dict[str, Record]:
        """Find those of one object type that exist, by change key.

        ``clashes`` are HubSpot's errors by change key: an id in their words is read first.
        Contacts are found by address too; other objects have no key of their own.
        """
        object_type = changes[0].object
        names = fields.get(object_type, ())
        found: dict[str, Record] = {}
        ids = {key: each for key, error in (clashes or {}).items() if (each := existing_id(error))}
        rows = {
            mark: row for row in self.by_id(object_type, list(ids.values()), names) for mark in ids_in(row)
        }
        for key, each in ids.items():
            if each in rows:
                found[key] = to_record(self._connection, object_type, rows[each])
        if object_type != "contacts":
            return found
        emails = {change.key: email for change in changes if (email := email_of(change))}
        wanted = [email for key, email in emails.items() if key not in found]
        records = [to_record(self._connection, object_type, row) for row in self.by_email(wanted, names)]
        by_email = {email: record for record in records for email in emails_in(record.fields)}
        for key, email in emails.items():
            if key not in found and email in by_email:
                found[key] = by_email[email]
        return found

    def _rows(
        self, object_type: str, keys: Sequence[str], names: Sequence[str], *, by: str | None
    ) -> Iterator[Row]:
        try:
            answer = self._client.read(object_type, keys, names, by=by)
        except Refused as refusal:
            if len(keys) > 1:
                for half in halves(keys):
                    yield from self._rows(object_type, half, names, by=by)
            elif by is None and not refusal.is_not_found:
                raise  # not the same as gone
            return
        for error in answer.errors:
            if error.get("category") != "OBJECT_NOT_FOUND":  # some may be there and were not read
                raise RetryLater(f"HubSpot {answer.status}: {words(error)}")
        yield from answer.results


def _asked(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys((*names, *TELLING)))
