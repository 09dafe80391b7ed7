"""Batch reads by id or by a unique property, and who of a batch of changes is in HubSpot already."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from connectors.base import by_kind
from connectors.batches import chunks, halves
from connectors.hubspot.client import Client
from connectors.hubspot.errors import Refused, existing_id, subjects, words
from connectors.hubspot.records import TELLING, email_of, emails_in, ids_in, to_record, values_of
from model.change import Record, RecordChange
from model.errors import RetryLater

BATCH = 100
BATCH_WITH_HISTORY = 50

Row = Mapping[str, Any]
# A property that HubSpot keeps unique: its name, what a change has for it, what a record has.
Key = tuple[str, Callable[[RecordChange], str | None], Callable[[Row], Iterable[str]]]


class Reader:
    """Reads records of any number of ids or unique values, a hundred a call."""

    def __init__(self, connection: str, client: Client, external_id_field: str = "") -> None:
        self._connection = connection
        self._client = client
        self._external_id_field = external_id_field
        self._keys: list[Key] = [("email", email_of, emails_in)]
        if external_id_field:
            self._keys.append((external_id_field, self._lead_id_of, self._lead_ids_in))

    def by_id(
        self, object_type: str, ids: Iterable[str], names: Sequence[str], *, history: bool = False
    ) -> Iterator[Row]:
        """Yield the records that are there; ids that were merged away lead to the record they became.

        ``history`` asks for the earlier values of all names too, which takes twice the calls.
        """
        return self._all_rows(object_type, ids, names, by=None, history=tuple(names) if history else ())

    def by_key(
        self, object_type: str, values: Iterable[str], names: Sequence[str], key: str
    ) -> Iterator[Row]:
        """Yield the records with these values of a unique property; none where the account lacks it."""
        return self._all_rows(object_type, values, names, by=key)

    def find(
        self,
        changes: Sequence[RecordChange],
        fields: Mapping[str, Sequence[str]],
        clashes: Mapping[str, Row] | None = None,
    ) -> dict[str, Record]:
        """Find those of one object type that exist, by change key.

        ``clashes`` are HubSpot's errors by change key: an id in their words is read first.
        Contacts are then found by address and by our lead id.
        """
        object_type = changes[0].object
        names = fields.get(object_type, ())
        found: dict[str, Record] = {}

        def settle(
            wanted: Mapping[str, str], rows: Iterable[Row], marks: Callable[[Row], Iterable[str]]
        ) -> None:
            by_mark = {mark: row for row in rows for mark in marks(row)}
            for key, mark in wanted.items():
                if mark in by_mark:
                    found[key] = to_record(self._connection, object_type, by_mark[mark])

        ids = {key: each for key, error in (clashes or {}).items() if (each := existing_id(error))}
        settle(ids, self.by_id(object_type, ids.values(), names), ids_in)
        for name, mark_of, marks_in in self._keys if object_type == "contacts" else ():
            left = [change for change in changes if change.key not in found]
            wanted = {change.key: mark for change in left if (mark := mark_of(change))}
            settle(wanted, self._all_rows(object_type, wanted.values(), names, by=name), marks_in)
        return found

    def _all_rows(
        self,
        object_type: str,
        keys: Iterable[str],
        names: Sequence[str],
        *,
        by: str | None,
        history: Sequence[str] = (),
    ) -> Iterator[Row]:
        telling = (*TELLING, self._external_id_field) if self._external_id_field else TELLING
        asked = list(dict.fromkeys((*names, *telling)))
        for batch in chunks(list(dict.fromkeys(keys)), BATCH_WITH_HISTORY if history else BATCH):
            yield from self._rows(object_type, batch, asked, by=by, history=history)

    def _rows(
        self,
        object_type: str,
        keys: Sequence[str],
        names: Sequence[str],
        *,
        by: str | None,
        history: Sequence[str] = (),
    ) -> Iterator[Row]:
        """Yield the records of one call; the rows that HubSpot was too busy for are read once more.

        Each call is smaller than the last, else ``RetryLater``.
        """
        try:
            answer = self._client.read(object_type, keys, names, by=by, history=history)
        except Refused as refusal:
            if by not in (None, "email"):
                return  # the account has no such property, or its values are not unique
            if len(keys) > 1:
                for half in halves(keys):
                    yield from self._rows(object_type, half, names, by=by, history=history)
            elif by is None and not refusal.is_not_found:
                raise  # not the same as gone
            return
        yield from (row for row in answer.results if row.get("id"))
        troubles = [error for error in answer.errors if error.get("category") != "OBJECT_NOT_FOUND"]
        if troubles:  # some may be there and were not read
            named = {subject for error in troubles for subject in subjects(error)}
            unread = [key for key in keys if key in named]
            if not 0 < len(unread) < len(keys) or not all(map(subjects, troubles)):
                raise RetryLater(f"HubSpot {answer.status}: {words(troubles[0])}")
            yield from self._rows(object_type, unread, names, by=by, history=history)

    def _lead_id_of(self, change: RecordChange) -> str | None:
        sent = change.fields.get(self._external_id_field)
        return str(sent) if sent else next(iter(by_kind(change.identities, "lead")), None)

    def _lead_ids_in(self, row: Row) -> Iterator[str]:
        if value := values_of(row).get(self._external_id_field):
            yield str(value)
