"""Holds the records of one object type in memory; both vendors keep theirs in it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

Key = tuple[str, str]  # field and normalised value: ("email", "ada@example.com")


@dataclass(slots=True)
class Record:
    """A record as it stands. ``values`` is replaced on a write, never changed in place."""

    id: str
    values: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None
    position: int = -1  # place in the order of creation; the table sets it


def no_keys(_values: Mapping[str, Any]) -> Iterable[Key]:
    """The keys of a record type without unique fields: none."""
    return ()


class Table:
    """Records in the order of their creation, each findable by id and by its unique keys.

    Not locked: callers hold the vendor's lock. An archived record keeps its id and gives up its keys.
    """

    def __init__(self, keys_of: Callable[[Mapping[str, Any]], Iterable[Key]] = no_keys) -> None:
        self._keys_of = keys_of
        self._order: list[Record] = []
        self._by_id: dict[str, Record] = {}
        self._by_key: dict[Key, Record] = {}
        self._archived = 0
        self._gone: set[str] = set()

    def __len__(self) -> int:
        return len(self._order) - self._archived

    def get(self, record_id: str) -> Record | None:
        """The record of that id, archived or not."""
        return self._by_id.get(record_id)

    def find(self, field: str, value: str) -> Record | None:
        """The live record that holds this key."""
        return self._by_key.get((field, value))

    def clash(self, values: Mapping[str, Any], *, besides: Record | None = None) -> Record | None:
        """Another live record that already holds one of the keys of these values."""
        for key in self._keys_of(values):
            holder = self._by_key.get(key)
            if holder is not None and holder is not besides:
                return holder
        return None

    def add(self, record: Record) -> None:
        """Take in a new record."""
        record.position = len(self._order)
        self._order.append(record)
        self._by_id[record.id] = record
        self._by_key.update((key, record) for key in self._keys_of(record.values))

    def replace(self, record: Record, values: Mapping[str, Any], *, at: datetime) -> None:
        """Give a record new values and move its keys along."""
        self._release(record)
        record.values, record.updated_at = values, at
        self._by_key.update((key, record) for key in self._keys_of(values))

    def archive(self, record: Record, *, at: datetime) -> None:
        """Put a record into the bin: out of the lists, its keys free for others."""
        self._release(record)
        record.archived_at = record.updated_at = at
        self._archived += 1

    def take_back(self, record: Record) -> None:
        """Undo the adding of the newest record, for a transaction that rolls back."""
        self._release(record)
        del self._by_id[self._order.pop().id]

    def bring_back(self, record: Record, *, at: datetime) -> None:
        """Take a record out of the bin again, with its keys."""
        record.archived_at, record.updated_at = None, at
        self._archived -= 1
        self._by_key.update((key, record) for key in self._keys_of(record.values))

    def discard(self, record: Record, *, at: datetime) -> None:
        """Take a record away for good: no list has it, and its id is not given again."""
        if record.archived_at is None:
            self.archive(record, at=at)
        self._gone.add(record.id)

    def is_gone(self, record: Record) -> bool:
        """Whether a record was taken away for good."""
        return record.id in self._gone

    def after(self, record_id: str | None = None, *, archived: bool = False) -> Iterator[Record]:
        """Records made after the one named, oldest first; from the start without a name."""
        last = self._by_id.get(record_id) if record_id else None
        for position in range(last.position + 1 if last else 0, len(self._order)):
            record = self._order[position]
            if (record.archived_at is not None) == archived and not (archived and record.id in self._gone):
                yield record

    def above(self, number: int) -> list[Record]:
        """Live records with ids above this one, in order; for tables whose ids are numbers that only grow."""
        first = bisect_right(self._order, number, key=lambda record: int(record.id))
        return [record for record in islice(self._order, first, None) if record.archived_at is None]

    def _release(self, record: Record) -> None:
        for key in self._keys_of(record.values):
            if self._by_key.get(key) is record:
                del self._by_key[key]
