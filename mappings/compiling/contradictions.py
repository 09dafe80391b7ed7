"""Conditions that no lead can satisfy, found in how they are written; what is not sure counts as possible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

GROUPS = ("all", "any", "not")


def contradiction(data: Any) -> str:
    """Say why a condition can never hold; blank where it can, or where that is not sure."""
    asked: dict[str, list[tuple[str, Any]]] = {}
    for name, operator, operand in _demands(data):
        asked.setdefault(name, []).append((operator, operand))
    for name, demands in asked.items():
        if _excludes(demands):
            return f'"{name}" cannot be all of that at once'
    return ""


def _demands(data: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield what must hold in any case: field, operator, operand. ``any`` and ``not`` leave it open."""
    if isinstance(data, list):
        for one in data:
            yield from _demands(one)
    if not isinstance(data, dict):
        return
    for name, value in data.items():
        if name == "all":
            yield from _demands(value)
        elif name in GROUPS:
            continue
        elif isinstance(value, dict):
            yield from ((name, operator, operand) for operator, operand in value.items())
        else:
            yield name, "in" if isinstance(value, list) else "is", value


def _excludes(demands: list[tuple[str, Any]]) -> bool:
    blank = {operand for operator, operand in demands if operator == "is_blank"}
    if True in blank and (False in blank or any(operator != "is_blank" for operator, _ in demands)):
        return True
    return _no_number(demands) or _no_value(demands)


BOUNDS: Mapping[
    str, tuple[int, bool]
] = {  # operator: which end it bounds, and whether that end itself is out
    "at_least": (0, False),
    "more_than": (0, True),
    "at_most": (1, False),
    "less_than": (1, True),
}


def _no_number(demands: list[tuple[str, Any]]) -> bool:
    """Say whether the least that is asked for lies above the most."""
    low, high = (float("-inf"), False), (float("inf"), False)
    for operator, operand in demands:
        if operator not in BOUNDS or isinstance(operand, bool) or not isinstance(operand, int | float):
            continue
        end, is_out = BOUNDS[operator]
        if end == 0:
            low = max(low, (operand, is_out))
        else:
            high = min(high, (operand, is_out), key=lambda one: (one[0], not one[1]))
    return low[0] > high[0] or (low[0] == high[0] and (low[1] or high[1]))


def _no_value(demands: list[tuple[str, Any]]) -> bool:
    """Say whether no value is left that all lists allow and none rules out."""
    allowed: set[Any] | None = None
    refused: set[Any] = set()
    for operator, operand in demands:
        values = {_folded(one) for one in (operand if isinstance(operand, list) else [operand])}
        if operator in ("is", "in"):
            allowed = values if allowed is None else allowed & values
        elif operator in ("is_not", "not_in"):
            refused |= values
    return allowed is not None and not allowed - refused


def _folded(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip().casefold()
    return value if isinstance(value, int | float | bool) else repr(value)
