"""Numbers as people write them."""

from __future__ import annotations

import re

from mappings.values.texts import Unusable, clean, scalar
from model.event import JsonValue

_NUMBER = r"(?:[1-9]\d?(?:,\d\d)+,\d{3}|\d+(?:[., '\u00a0\u202f]\d{3})*)(?:[.,]\d+)?"
_LAKHS = re.compile(r"\d\d?(?:,\d\d)+,\d{3}(?:\.\d+)?")  # groups of two, as people in India write
_QUANTITY = re.compile(
    rf"(?P<sign>-)?[^\w-]{{0,4}}(?P<number>{_NUMBER})\s?"
    r"(?P<unit>k|m|mio|million|thousand|bn|lakhs?|crores?)?\b(?![.,]\d)"
)
_UNITS = {
    "k": 1e3,
    "thousand": 1e3,
    "m": 1e6,
    "mio": 1e6,
    "million": 1e6,
    "bn": 1e9,
    "lakh": 1e5,
    "lakhs": 1e5,
    "crore": 1e7,
    "crores": 1e7,
}
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:([., '\u00a0\u202f])\d{3})(?:\1\d{3})*")


def number(value: JsonValue, _region: str = "") -> float:
    """A number; ``1,234.5``, ``1.234,5``, ``$5M`` and ``10k`` are understood, of a range its lower end."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _bounded(value)
    words = clean(scalar(value), 100).lower()
    if re.match(r"<|less than|under|up to|bis\b|unter\b", words):
        return 1.0  # "<10" says no more than that there is somebody
    words = re.sub(r"^(?:usd|eur|gbp|chf|us\$|ca|about|over|more than|über|mehr als)\b\.?\s*", "", words)
    match = _QUANTITY.match(words)
    if match is None:
        raise Unusable(f'"{words[:60]}" is not a number')
    amount = _digits(match["number"]) * _UNITS.get(match["unit"] or "", 1)
    return _bounded(-amount if match["sign"] else amount)


def _digits(written: str) -> float:
    """Read digits with separators: groups of three are thousands, what follows the last mark is decimal."""
    if _LAKHS.fullmatch(written):
        return float(written.replace(",", ""))
    if _THOUSANDS.fullmatch(written):
        return float(re.sub(r"\D", "", written))
    whole, mark, rest = written.rpartition("." if written.rfind(".") > written.rfind(",") else ",")
    whole, rest = (re.sub(r"\D", "", part) for part in ((whole, rest) if mark else (rest, "0")))
    return float(f"{whole}.{rest}")


def _bounded(value: float) -> float:
    if not -1e15 < value < 1e15:  # NaN fails this, too
        raise Unusable("is not a usable number")
    return value


def integer(value: JsonValue, region: str = "") -> int:
    """A whole number, cut towards zero; of a range such as ``50-200`` the lower end.

    The lower end never overstates a company, so a lead is not promoted by a guess.
    """
    return int(number(value, region))
