"""Keeps every write a vendor took, so that a test can look for repeated creates and changed values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.stats import Call


@dataclass(frozen=True, slots=True)
class Write:
    """One write to one record, also one that changed nothing."""

    at: datetime
    call: Call
    kind: str  # "create", "update", "delete"
    object_name: str
    record_id: str
    before: Mapping[str, Any]  # values of the changed fields; empty for a create
    after: Mapping[str, Any]  # a create shares the record's own mapping, which is never changed in place

    @property
    def changes(self) -> dict[str, list[Any]]:
        """Old and new value of each field that changed."""
        return {field: [self.before.get(field), new] for field, new in self.after.items()}

    def as_json(self) -> dict[str, object]:
        """The form that the control endpoints answer."""
        return {
            "at": self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "call": self.call.as_json(),
            "kind": self.kind,
            "object": self.object_name,
            "id": self.record_id,
            "changes": self.changes,
        }


class History:
    """All writes in the order they took effect. Callers hold the vendor's lock."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.writes: list[Write] = []
        self._of_record: defaultdict[tuple[str, str], list[Write]] = defaultdict(list)

    def add(self, write: Write) -> None:
        """Note a write."""
        self.writes.append(write)
        self._of_record[write.object_name, write.record_id].append(write)

    def of(self, object_name: str, record_id: str) -> list[Write]:
        """The writes to one record, oldest first."""
        return list(self._of_record.get((object_name, record_id), ()))

    def select(self, *, object_name: str | None = None, since_call: int = 0) -> Iterator[Write]:
        """The writes of all records, oldest first, that came with or after a call."""
        for write in self.writes[:]:
            if write.call.id >= since_call and object_name in (None, write.object_name):
                yield write
