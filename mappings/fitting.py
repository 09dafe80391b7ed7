"""Whether a value of the playbook fits what a field holds, and what is meant by one that does not. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from mappings.problems import did_you_mean
from mappings.values.dates import how_to_write_day

MEANT = {  # what other languages write -> the operator
    **dict.fromkeys((">=", "gte", "ge", "min", "minimum", "from"), "at_least"),
    **dict.fromkeys(("<=", "lte", "le", "max", "maximum", "to"), "at_most"),
    **dict.fromkeys((">", "gt", "above", "over", "greater_than"), "more_than"),
    **dict.fromkeys(("<", "lt", "below", "under"), "less_than"),
    **dict.fromkeys(("=", "==", "eq", "equals"), "is"),
    **dict.fromkeys(("!=", "<>", "ne", "not"), "is_not"),
}
_COMPARED = re.compile(r"\s*([<>]=?|!=|==?)\s*(-?[\d.]+)\s*")
IN_DIGITS = {
    int: "Write it in digits alone, without quotes.",
    float: "Write it in digits, decimals behind a point, without quotes.",
}
KIND_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false", date: "a day"}


def misfit(name: str, kind: type, value: Any) -> tuple[str, str] | None:
    """Say why a field cannot hold a value of the playbook, and what to do; ``None`` where it can."""
    if kind is date:
        if isinstance(value, str) and _is_day(value):
            return None
        return f'"{name}" is a day, not {_shown(value)}', how_to_write_day(str(value))
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number if kind in (int, float) else isinstance(value, kind):
        return None
    shown = f'"{value}"' if isinstance(value, str) else _shown(value)
    fix = "Put it in quotes." if kind is str and isinstance(value, int | float) else ""
    if number_of := _COMPARED.fullmatch(value) if kind in (int, float) and isinstance(value, str) else None:
        fix = f"Write {name}: {{{MEANT[number_of[1]]}: {number_of[2]}}}."
    elif kind in IN_DIGITS and isinstance(value, str) and value[:1].isdigit():
        fix = IN_DIGITS[kind]
    return f'"{name}" is {KIND_WORDS[kind]}, not {shown}', fix


def no_option(name: str, value: Any, options: Sequence[str]) -> tuple[str, str] | None:
    """Say that a field has no such option, in whatever case; ``None`` where it has, or has none at all."""
    if not options or not isinstance(value, str) or value.casefold() in map(str.casefold, options):
        return None
    return f'"{name}" has no option "{value}"', did_you_mean(value, options)


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _shown(operand: Any) -> str:
    if operand is None:
        return "blank"
    if isinstance(operand, bool):
        return str(operand).lower()
    return (
        "a list" if isinstance(operand, list) else "a mapping" if isinstance(operand, dict) else str(operand)
    )
