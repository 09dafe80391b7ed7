"""What one call has changed so far: it can be taken back, and becomes history when the call is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Note = Callable[[str, str, str, Mapping[str, Any], Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """One write, and how to undo it."""

    undo: Callable[[], None]
    kind: str  # "create", "update", "derive", "delete", "undelete", "purge"
    object: str
    record_id: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


class Journal:
    """The writes of one call in their order."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def add(self, entry: Entry) -> None:
        """Keep a write that has just taken effect."""
        self._entries.append(entry)

    def mark(self) -> int:
        """The place to which a part of the call can be taken back."""
        return len(self._entries)

    def roll_back(self, mark: int = 0) -> None:
        """Undo the writes after a mark, the last one first."""
        while len(self._entries) > mark:
            self._entries.pop().undo()

    def commit(self, note: Note) -> None:
        """Tell the history what stayed."""
        for entry in self._entries:
            note(entry.kind, entry.object, entry.record_id, entry.before, entry.after)
        self._entries.clear()
