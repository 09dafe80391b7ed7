"""The records of one object type, indexed as queries need it: by e-mail, external id and last change."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sandbox.records import Key, Record, Table
from sandbox.salesforce.schema import ObjectType

_SLACK = 1_000  # outdated entries that the order of changes may carry before it is cleaned


class Rows(Table):
    """A core table whose records are also found by any key field and in the order of their last change.

    Values hold the system fields too, so a query needs nothing but ``record.values``. A deleted record
    stays in the indexes: queryAll shows it.
    """

    def __init__(self, kind: ObjectType) -> None:
        self._unique = kind.unique_names
        super().__init__(self._unique_keys)
        self._keyed: dict[str, dict[str, dict[str, Record]]] = {name: {} for name in kind.lookup_names}
        self._changes: list[tuple[str, str]] = []  # (SystemModstamp, Id), sorted; outdated pairs are skipped

    def widen(self, kind: ObjectType) -> None:
        """Take note of fields that were made since, which no record has yet."""
        self._unique = kind.unique_names
        for name in kind.lookup_names:
            self._keyed.setdefault(name, {})

    def _unique_keys(self, values: Mapping[str, Any]) -> list[Key]:
        return [(name, values[name].lower()) for name in self._unique if values.get(name)]

    def every(self) -> Iterator[Record]:
        """All records in the order of creation, deleted ones too."""
        return (row for row in self._order if row.id not in self._gone) if self._gone else iter(self._order)

    def with_key(self, field: str, value: str) -> Iterable[Record]:
        """The records whose key field has this value, in any case."""
        return self._keyed[field].get(value.lower(), {}).values()

    def changed_from(self, stamp: str) -> Iterator[Record]:
        """The records last changed at that time or later, by time of change and then by id."""
        for place in range(bisect_left(self._changes, (stamp, "")), len(self._changes)):
            changed_at, record_id = self._changes[place]
            record = self._by_id.get(record_id)
            if record is not None and record.values["SystemModstamp"] == changed_at:
                yield record

    def add(self, record: Record) -> None:
        """Take in a new record."""
        super().add(record)
        self._index(record, {}, record.values)

    def take_in(self, records: Iterable[Record]) -> None:
        """Take in many records at once: the order of changes is put right once."""
        changes = []
        for record in records:
            super().add(record)
            self._index_keys(record, {}, record.values)
            changes.append((record.values["SystemModstamp"], record.id))
        self._changes = sorted([*self._changes, *changes])

    def replace(self, record: Record, values: Mapping[str, Any], *, at: datetime) -> None:
        """Give a record new values and move its index entries along."""
        before = record.values
        super().replace(record, values, at=at)
        self._index(record, before, values)

    def take_back(self, record: Record) -> None:
        """Undo the adding of the newest record."""
        super().take_back(record)
        self._index(record, record.values, {})

    def purge(self, record: Record) -> None:
        """Forget a deleted record for good; its place in the order stays, for the others' sake."""
        self._gone.add(record.id)
        del self._by_id[record.id]
        self._index(record, record.values, {})

    def unpurge(self, record: Record) -> None:
        """Undo that."""
        self._gone.discard(record.id)
        self._by_id[record.id] = record
        self._index(record, {}, record.values)

    def _index(self, record: Record, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        self._index_keys(record, before, after)
        if after:
            self._note_change((after["SystemModstamp"], record.id))

    def _index_keys(self, record: Record, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        for name, holders in self._keyed.items():
            old, new = before.get(name), after.get(name)
            if old == new:
                continue
            if old:
                holders[old.lower()].pop(record.id, None)
            if new:
                holders.setdefault(new.lower(), {})[record.id] = record

    def _note_change(self, change: tuple[str, str]) -> None:
        place = bisect_left(self._changes, change)
        if self._changes[place : place + 1] != [change]:
            self._changes.insert(place, change)
        if len(self._changes) > 2 * len(self._by_id) + _SLACK:
            self._changes = sorted((row.values["SystemModstamp"], row.id) for row in self.every())
