"""What a post says of itself: its id and its moment, where the source's file says that they stand. Pure."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from mappings.playbook import Source
from model.event import JsonValue
from model.times import EPOCH, from_text

LONGEST_ID = 200  # characters that the store holds


def at(body: JsonValue, path: str) -> JsonValue:
    """Return what stands at a dotted path, ``None`` when nothing does."""
    found = body if path else None
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def id_of(source: Source, body: JsonValue) -> str:
    """Return the sender's id that stands in a post, ``""`` when there is none."""
    found = at(body, source.id_path)
    return str(found).strip() if isinstance(found, str | int) and not isinstance(found, bool) else ""


def kept_id(sent: str) -> str:
    """Return a sender's id as it is kept: a long one as a hash, so that every store can index it."""
    if len(sent) <= LONGEST_ID:
        return sent
    return "sha256:" + hashlib.sha256(sent.encode()).hexdigest()


def moment_of(source: Source, body: JsonValue, now: datetime) -> datetime:
    """Return when a post happened, by the sender's own word where the source says where that is."""
    return occurred_at(at(body, source.occurred_at_path), now)


def occurred_at(value: JsonValue, now: datetime) -> datetime:
    """Return the sender's moment, never after ``now``; ``now`` where there is none that can be read.

    Text is ISO 8601; a number, or text of nine digits and more, counts seconds since 1970,
    or milliseconds from 10^11 on (that many seconds would be the year 5138).
    """
    if isinstance(value, str):
        value = value.strip()
        digits = value.replace(".", "", 1)
        if len(digits) >= 9 and digits.isascii() and digits.isdigit():
            value = float(value)
    try:
        if isinstance(value, str):
            moment = from_text(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            moment = EPOCH + timedelta(seconds=value / 1000 if abs(value) >= 1e11 else value)
        else:
            return now
    except (ValueError, OverflowError):
        return now
    return min(moment, now) if moment >= EPOCH else now
