"""Words for people: a title and lines, some of which lead somewhere; no mark-up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """Some words of a line, exactly as people shall read them; ``url`` is where they lead, if anywhere."""

    text: str
    url: str = ""


Line = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """One message to people. ``key`` is ours: where the other side has a place for it, it is sent along."""

    key: str
    title: str  # one line; the subject of a mail
    lines: tuple[Line, ...] = ()
    to: tuple[str, ...] = ()  # mail only: whom it is for, instead of the channel's own addresses

    @classmethod
    def of_text(cls, key: str, title: str, text: Iterable[str] | str = ()) -> Message:
        """Build a message of plain lines."""
        lines = text.splitlines() if isinstance(text, str) else text
        return cls(key, title, tuple((Part(line),) for line in lines))

    @property
    def size(self) -> int:
        """The number of characters, those of addresses included."""
        parts = (part for line in self.lines for part in line)
        return len(self.title) + len(self.lines) + sum(len(part.text) + len(part.url) for part in parts)
