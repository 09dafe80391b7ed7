"""A fault as a log may show it: where it happened and what kind it is, without the values at hand."""

from __future__ import annotations

import hashlib
import re
import traceback
from pathlib import Path

from model.errors import LeadRelayError

# What an exception quotes is often what it minds: '…', "…", and PostgreSQL's DETAIL: Key (email)=(…).
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|=\([^()]*\)")
_EMAIL = re.compile(r"[^\s@<>\"'(),;:=]+@[^\s@<>\"'(),;:]+\.[^\s@<>\"'(),;:]+")
_PHONE = re.compile(r"\+\d[\d ()/.-]{6,20}\d")
LONGEST = 500  # characters of what an exception says


def without_people(text: str) -> str:
    """Return a text without e-mail addresses and international phone numbers."""
    return _PHONE.sub("[phone]", _EMAIL.sub("[e-mail]", text))


def said_by(error: BaseException) -> str:
    """Return what an exception says: our own sentences whole, any other without what it quotes."""
    text = str(error)
    if not isinstance(error, LeadRelayError):
        text = _QUOTED.sub("'…'", text)
    return without_people(text)[:LONGEST]


def plain(error: BaseException) -> str:
    """Return what people are shown of an exception: our own sentence, or where the log has any other."""
    if isinstance(error, LeadRelayError):
        return said_by(error)
    return f"an unexpected failure ({type(error).__name__}); the log has it as fault {mark_of(error)}"


def mark_of(error: BaseException) -> str:
    """Return a mark, the same for the same failure at the same line, that leads from a page to the log."""
    frames = traceback.extract_tb(error.__traceback__)[-1:]
    where = [f"{Path(one.filename).name}:{one.name}:{one.lineno}" for one in frames]
    return hashlib.sha256(" ".join([type(error).__name__, *where]).encode()).hexdigest()[:8]


def traceback_of(error: BaseException) -> str:
    """Return the traceback, causes first, with lines of code but no values."""
    parts: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        frames = "".join(traceback.format_tb(current.__traceback__))
        said = said_by(current)
        name = type(current).__name__
        parts.append(
            f"Traceback (most recent call last):\n{frames}{name}: {said}" if said else f"{frames}{name}"
        )
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\n\nThen:\n\n".join(reversed(parts))
