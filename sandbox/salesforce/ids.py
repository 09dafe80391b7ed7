"""Record ids: 15 characters that tell case apart, or 18 that need not; the sandbox keeps the long form."""

from __future__ import annotations

import re

_CHECKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # sorts as it counts
_SHORT = re.compile(r"[A-Za-z0-9]{15}")
_INSTANCE = "5g0"  # stands after the prefix in every id that this org mints


def long_form(short: str) -> str:
    """The 18-character form: each five characters add one that says which of them are capitals."""
    suffix = ""
    for start in (0, 5, 10):
        bits = sum(1 << place for place, char in enumerate(short[start : start + 5]) if "A" <= char <= "Z")
        suffix += _CHECKS[bits]
    return short + suffix


def parse(text: object) -> str | None:
    """The 18-character id meant by a 15- or 18-character one; nothing where it cannot be an id."""
    if not isinstance(text, str) or not _SHORT.fullmatch(text[:15]):
        return None
    full = long_form(text[:15])
    return full if text in (full, full[:15]) else None


def mint(prefix: str, number: int) -> str:
    """The n-th id of an object type; ids sort in the order they were minted."""
    tail = ""
    for _ in range(9):
        number, digit = divmod(number, len(_DIGITS))
        tail = _DIGITS[digit] + tail
    return long_form(prefix + _INSTANCE + tail)
