"""Record ids: 15 characters where case matters, or 18 where it need not; compared as 18."""

from __future__ import annotations

import re

_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-5]{3})?")

OBJECTS = {"00Q": "Lead", "003": "Contact", "001": "Account", "006": "Opportunity", "00T": "Task"}
"""Object type by the first three characters of an id."""


def long_id(text: str) -> str:
    """Return the 18-character form; what is no id comes back as it is.

    Each five characters give one more: bit *j* of its number says that the *j*-th is a capital.
    """
    if not is_id(text):
        return text
    short = text[:15]
    pieces = (short[:5], short[5:10], short[10:])
    return short + "".join(
        _SUFFIX[sum(("A" <= c <= "Z") << j for j, c in enumerate(five))] for five in pieces
    )


def is_id(text: str) -> bool:
    """Say whether a text has the form of an id."""
    return _ID.fullmatch(text) is not None


def object_of(record_id: str) -> str | None:
    """Return the object type that an id belongs to, where its prefix is a known one."""
    return OBJECTS.get(record_id[:3])
