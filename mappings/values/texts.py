"""Texts as they come out of a sender's value: clean, composed, bounded. Below all converters."""

from __future__ import annotations

import math
import re
import unicodedata

from model.event import JsonValue

MAX_TEXT = 1_000
MAX_LONG_TEXT = 32_000  # below Salesforce's long text area (32,768) and HubSpot's (65,536)
MOST_MARKS = 30  # combining marks in a row; Unicode's stream-safe text format (UAX #15) has the number


class Unusable(Exception):
    """A value that a converter cannot use; ``reason`` completes the sentence "the value …"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


# Controls except tab and line breaks, lone surrogates, zero-width and direction marks, byte-order marks.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\uffff]"
)
_BREAKS = re.compile(r"\s+")


def is_blank(value: JsonValue) -> bool:
    """Say whether a sender left the value out: nothing, white space, or an empty list or object."""
    if value is None:
        return True
    if isinstance(value, str):
        return not value or value.isspace()
    return isinstance(value, list | dict) and not value


def clean(value: str, limit: int) -> str:
    """Return composed text without invisible characters, trimmed; too long is unusable."""
    if len(value) > limit * 4:
        raise Unusable(f"has {len(value):,} characters; at most {limit:,}")
    if not value.isascii():
        value = unicodedata.normalize("NFC", _calm(_INVISIBLE.sub("", value)))
    elif not value.isprintable():
        value = _INVISIBLE.sub("", value)
    value = value.strip()
    if len(value) > limit:
        raise Unusable(f"has {len(value):,} characters; at most {limit:,}")
    return value


def _calm(value: str) -> str:
    """Leave out what no language writes: so many marks on one letter that composing would take seconds."""
    if len(value) <= MAX_TEXT:  # the time grows with the square of a run
        return value
    kept: list[str] = []
    run = 0
    for char in value:
        run = run + 1 if unicodedata.combining(char) else 0
        if run <= MOST_MARKS:
            kept.append(char)
    return "".join(kept)


def scalar(value: JsonValue) -> str:
    """Return a value as text; of a repeated form field the first that is not blank."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        first = next((item for item in value if not is_blank(item)), None)
        if isinstance(first, list):
            raise Unusable("is a list of lists")
        return "" if first is None else scalar(first)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        if isinstance(value, float) and not math.isfinite(value):
            raise Unusable("is not a usable number")
        try:
            return str(value)
        except ValueError:  # Python refuses to print integers of thousands of digits
            raise Unusable("is a number of absurd length") from None
    raise Unusable("is an object, not a value" if isinstance(value, dict) else "is not a value")


def text(value: JsonValue, _region: str = "") -> str:
    """One line of clean text."""
    cleaned = clean(scalar(value), MAX_TEXT)
    return cleaned if cleaned.isprintable() and "  " not in cleaned else _BREAKS.sub(" ", cleaned)


def long_text(value: JsonValue, _region: str = "") -> str:
    """Clean text that may have several lines."""
    return clean(scalar(value), MAX_LONG_TEXT).replace("\r\n", "\n").replace("\r", "\n")
