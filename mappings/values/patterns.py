"""Regular expressions of the playbook: only those that cannot stall the decider, whatever text they meet."""

from __future__ import annotations

import re
from collections.abc import Callable
from re import _constants as parts  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

MAX_PATTERN = 200
MAX_OPTIONAL = 10
LONG_REPEAT = 10  # a{0,11} counts as open

REACH = (5_000, 1_000, 300)
"""By a pattern's open repetitions: how much of a value it sees."""


def matcher(text: str) -> Callable[[Any], bool]:
    """Return what looks for a sound pattern in a value, without regard to case; a blank has nothing."""
    found = _repetitions(parser.parse(text), inside=False) or _Repetitions()
    search, reach = re.compile(text, re.IGNORECASE).search, REACH[found.open]
    return lambda value: (
        isinstance(value, str) and bool(value) and not value.isspace() and search(value[:reach]) is not None
    )


def pattern_fault(text: str) -> str:
    """Say why a pattern cannot be used: wrong, too long, or slow on some inputs; empty when it is fine."""
    if len(text) > MAX_PATTERN:
        return f"this pattern has {len(text)} characters; at most {MAX_PATTERN}"
    try:
        tree = parser.parse(text)
    except (re.error, RecursionError, OverflowError) as error:
        return f"this pattern is wrong: {error}"
    found = _repetitions(tree, inside=False)
    if found is None:
        return "this pattern repeats a repetition or a choice, which can take very long on some values"
    if found.open >= len(REACH):
        return f"this pattern has {found.open} open repetitions (* or +); at most {len(REACH) - 1}"
    if found.optional > MAX_OPTIONAL:
        return f"this pattern has {found.optional} optional parts; at most {MAX_OPTIONAL}"
    return ""


class _Repetitions(NamedTuple):
    """What makes a backtracking search try again: parts that may be of any length, or be there or not."""

    open: int = 0
    optional: int = 0


def _repetitions(tree: Any, *, inside: bool) -> _Repetitions | None:
    """Count them; ``None`` where one lies inside another, whose ways to match multiply without bound."""
    total = _Repetitions()
    for code, argument in tree:
        if code is parts.GROUPREF or (inside and code is parts.BRANCH):
            return None
        most = 1
        if code in (parts.MAX_REPEAT, parts.MIN_REPEAT, parts.POSSESSIVE_REPEAT):
            least, most, _ = argument
            if inside and least != most:
                return None
            is_open = most > LONG_REPEAT
            total = _Repetitions(total.open + is_open, total.optional + (least != most and not is_open))
        for branch in _inner(argument):
            found = _repetitions(branch, inside=inside or most > 1)
            if found is None:
                return None
            total = _Repetitions(total.open + found.open, total.optional + found.optional)
    return total


def _inner(argument: Any) -> list[Any]:
    if isinstance(argument, parser.SubPattern):
        return [argument]
    if isinstance(argument, tuple | list):
        return [pattern for item in argument for pattern in _inner(item)]
    return []
