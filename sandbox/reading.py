"""Reads what a client sent: JSON, and whole numbers."""

from __future__ import annotations

import json
import re
from typing import Any

from flask import request

LARGEST_DIGITS = 18  # of a whole number; more than any page, id or limit has

_DIGITS = re.compile(f"[0-9]{{1,{LARGEST_DIGITS}}}")


def json_of(text: str | bytes) -> Any:
    """The value of a JSON text; ValueError for one that is none, or that nobody could answer.

    NaN is no JSON. A text of half a surrogate pair cannot be written as UTF-8, so that a record with it
    could never be told again; a value nested too deep cannot be read.
    """
    plain = text if isinstance(text, str) else text.decode("utf-8-sig")
    try:
        value = json.loads(plain, parse_constant=_no_constant)
        if "\\u" in plain:
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("nested too deep") from None
    return value


def sent_json() -> Any:
    """The JSON value of the present request, whatever its content type; None where it is none."""
    try:
        return json_of(request.get_data())
    except ValueError:
        return None


def whole_number(text: str) -> int | None:
    """The number that a text of digits names; None for any other, such as "²" or one that is endless."""
    return int(text) if _DIGITS.fullmatch(text) else None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
