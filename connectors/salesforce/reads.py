"""Finds the people of a batch, and the records that stand in the way of a create."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from connectors.batches import chunks
from connectors.salesforce.client import Client
from connectors.salesforce.ids import is_id, long_id, object_of
from connectors.salesforce.people import (
    PEOPLE,
    Directory,
    asked_fields,
    people_queries,
    to_record,
)
from connectors.salesforce.searching import search
from model.change import Exists, Outcome, Record, RecordChange

Batch = Sequence[RecordChange]
Fields = Mapping[str, Sequence[str]]


class Finder:
    """Looks people and records up before and after a create."""

    def __init__(
        self,
        connection: str,
        client: Client,
        external_id_field: str,
        people: Sequence[str] = PEOPLE,
    ) -> None:
        self._connection = connection
        self._people = people
        self._client = client
        self._external_id_field = external_id_field

    def find(self, batch: Batch, fields: Fields) -> Iterator[Outcome]:
        """Yield ``Exists`` for those who are there; a look-up that fails concerns its whole batch."""
        people = [change for change in batch if change.object in PEOPLE]
        queries = people_queries(people, fields, self._external_id_field, self._people)
        return search(
            people,
            queries.values(),
            lambda: Directory(self._client.queries(queries), self._external_id_field, self._people),
            self._choose,
            partial(self.find, fields=fields),
        )

    def _choose(self, people: Batch, directory: Directory) -> Iterator[Outcome]:
        for change in people:
            if person := directory.person(change):
                yield Exists(change.key, to_record(self._connection, *person))

    def in_the_way(self, change: RecordChange, ids: Iterable[str]) -> str | None:
        """Choose among the ids that a duplicate error names: a person's, the Contact before the Lead."""
        kinds = PEOPLE if change.object in PEOPLE else (change.object,)
        named = [(object_of(each) or change.object, long_id(each)) for each in ids if is_id(each)]
        return next((each for kind in kinds for of, each in named if of == kind), None)

    def read(self, ids: Iterable[tuple[str, str]], fields: Fields) -> dict[str, Record]:
        """Read records by (object type, id); under a converted Lead's id stands the Contact it became."""
        wanted: dict[str, list[str]] = {}
        for object_type, record_id in ids:
            wanted.setdefault(object_type, []).append(record_id)
        records: dict[str, Record] = {}
        for object_type, group in wanted.items():
            for batch in chunks(list(dict.fromkeys(group)), 200):
                for row in self._client.retrieve(object_type, batch, asked_fields(object_type, fields)):
                    record = to_record(self._connection, object_type, row)
                    records[record.ref.id] = record
        converted = {
            each: long_id(contact)
            for each, record in records.items()
            if record.fields.get("IsConverted") is True
            and (contact := record.fields.get("ConvertedContactId"))
        }
        if converted:
            contacts = self.read([("Contact", contact) for contact in converted.values()], fields)
            records |= {each: contacts[contact] for each, contact in converted.items() if contact in contacts}
        return records
