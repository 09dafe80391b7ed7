"""Ranges as people write them in conditions: ``50-200``, and of postal codes ``80000-87999``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from mappings.values import countries

Range = tuple[Any, Any]  # both ends belong to it: numbers, or postal codes of the same length

_NUMBERS = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*[-–]\s*(-?\d+(?:\.\d+)?)\s*")
_CODES = re.compile(r"\s*([A-Za-z0-9]+)\s*[-–]\s*([A-Za-z0-9]+)\s*")
_COUNTRY_PREFIX = re.compile(r"^[a-z]{1,3}-(?=\d)|^([a-z]{1,2})(?=\d{4,}(?:-\d+)?$)")
"""D-80331, as Germans, Austrians and Swiss write it; also DE 80331 and D80331, of a country that is one."""
_ONE_LETTER = frozenset("abdefhilnps")
"""Countries by the sign on their cars (UN, Vienna Convention on Road Traffic), where codes are digits."""


def read(text: Any, *, is_postal: bool) -> Range:
    """Return both ends of a range; raises ``ValueError`` with a sentence.

    Postal codes are compared by their characters, so that both ends must have the same number of them.
    """
    match = (_CODES if is_postal else _NUMBERS).fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f'"{text}" is no range')
    if not is_postal:
        return _in_order(text, float(match[1]), float(match[2]))
    if len(match[1]) != len(match[2]):
        raise ValueError(f'the ends of "{text}" differ in length')
    return _in_order(text, match[1].casefold(), match[2].casefold())


def _in_order(text: str, low: Any, high: Any) -> Range:
    if low > high:
        raise ValueError(f'"{text}" begins behind its end')
    return low, high


def within(ranges: Sequence[Range], *, is_postal: bool) -> Callable[[Any], bool]:
    """Return the test whether a value lies in one of these ranges, ends included."""
    if is_postal:
        return lambda value: isinstance(value, str) and any(_is_code_in(value, *one) for one in ranges)
    return lambda value: (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and any(low <= value <= high for low, high in ranges)
    )


def _is_code_in(value: str, low: str, high: str) -> bool:
    """Compare the beginning of a postal code: ``94105-1234`` and ``1012 AB`` are in a range of their digits.

    A code with more digits in a row than the ends have is of another country.
    """
    code = "".join(value.casefold().split())
    code = _without_country(code) if low[0].isdigit() else code
    begin, rest = code[: len(low)], code[len(low) :]
    if len(begin) < len(low) or (begin[-1].isdigit() and rest[:1].isdigit()):
        return False
    return low <= begin <= high and all(a.isdigit() == b.isdigit() for a, b in zip(begin, low, strict=True))


def _without_country(code: str) -> str:
    found = _COUNTRY_PREFIX.match(code)
    if found is None or (found[1] and found[1] not in _ONE_LETTER and countries.find(found[1]) is None):
        return code
    return code[found.end() :]
