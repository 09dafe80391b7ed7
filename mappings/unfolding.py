"""Fields whose text is JSON, such as Jotform's ``rawRequest``: read as if they were nested. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any


def unfold(
    body: Mapping[str, Any], fields: Mapping[str, str], problem: Callable[[str, str], None]
) -> Mapping[str, Any]:
    """Return the body with what each field's JSON says under its name; ``fields``: name -> sender's field.

    What is no JSON object is left out and told to ``problem``; the post itself is kept as it came.
    """
    unfolded = {}
    for name, field in fields.items():
        text = body.get(field)
        if text is None:
            continue
        try:
            found = (
                json.loads(text, parse_constant=str, parse_float=_fraction) if isinstance(text, str) else text
            )
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, Mapping):
            unfolded[name] = found
        else:
            problem(field, "is not an object in JSON")
    return {**body, **unfolded} if unfolded else body


def _fraction(digits: str) -> float | str:
    """Return the number, or its text where it is beyond what a double can hold."""
    value = float(digits)
    return value if math.isfinite(value) else digits
