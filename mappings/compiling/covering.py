"""Which conditions leave nothing to a later one: whatever satisfies the later satisfies one of them, too.

It is said only where it is certain. Values are compared one by one, ranges and comparisons as spans of
numbers, postal codes, domains, beginnings and ends of texts by what they let through; of anything else only
that it is asked in the same words.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from mappings.conditions import EQUALITY, EXPRESSION, GROUPS, ORDER, ConditionCompiler
from mappings.loader import Document
from mappings.values import ranges
from model.lead import Lead

MOST_CASES = 64  # of one condition, once its alternatives are written out

Asked = Mapping[str, Sequence[tuple[str, Any]]]
"""Of each field what is asked of it: operators and what stands behind them. All of it has to hold."""


@dataclass(frozen=True, slots=True)
class Case:
    """One way in which a condition may hold; ``is_whole``: nothing else is asked, such as a ``not``."""

    asked: Asked
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Coverage:
    """Compares conditions that were checked before, by the types of the lead's fields."""

    fields: Mapping[str, type]
    stages: Sequence[str]

    def cases(self, when: Mapping[str, Any]) -> list[Case]:
        """Return in which ways a condition may hold; none where they are too many to look at."""
        found = [Case({}, is_whole=True)]
        for key, value in when.items():
            found = [_both(a, b) for a, b in product(found, self._of_entry(key, value))]
            if len(found) > MOST_CASES:
                return []
        return found

    def _of_entry(self, key: str, value: Any) -> list[Case]:
        if key in ("any", "all") and isinstance(value, list) and all(isinstance(one, dict) for one in value):
            if key == "any":
                return [case for one in value for case in self.cases(one)] or [Case({}, is_whole=False)]
            found = [Case({}, is_whole=True)]
            for one in value:
                inner = self.cases(one) or [Case({}, is_whole=False)]
                found = [_both(a, b) for a, b in product(found, inner)][: MOST_CASES + 1]
            return found
        if key in (*GROUPS, EXPRESSION):
            return [Case({}, is_whole=False)]
        operators = value if isinstance(value, dict) else {"in" if isinstance(value, list) else "is": value}
        return [Case({key: tuple(operators.items())}, is_whole=True)]

    def is_within(self, case: Case, wider: Case) -> bool:
        """Say whether every lead of the one is a lead of the other."""
        return (
            wider.is_whole
            and bool(wider.asked)
            and all(
                name in case.asked and all(self._implies(name, case.asked[name], one) for one in asked)
                for name, asked in wider.asked.items()
            )
        )

    def _implies(self, name: str, asked: Sequence[tuple[str, Any]], wanted: tuple[str, Any]) -> bool:
        """Say whether a field that satisfies all that is asked satisfies what is wanted."""
        operator, operand = wanted
        if any(_form(one) == _form(wanted) for one in asked):
            return True
        if operator == "is_blank":
            return operand is False and any(one != "is_blank" for one, _ in asked)
        values = self._values(name, asked)
        if values is not None:
            return bool(values) and all(self._holds(name, wanted, value) for value in values)
        if self.fields.get(name) in (int, float):
            inner, outer = self._span(name, asked), self._spans(name, operator, operand)
            return (
                inner is not None
                and bool(outer)
                and any(low <= inner[0] and inner[1] <= high for low, high in outer)
            )
        return any(_lets_through(one, wanted) for one in asked)

    def _values(self, name: str, asked: Sequence[tuple[str, Any]]) -> list[Any] | None:
        """Return every value the field may have then; ``None`` where they cannot be counted."""
        kind = self.fields.get(name)
        known: list[Any] | None = list(self.stages) if name == "stage" else None
        known = [True, False] if kind is bool else known
        for operator, operand in asked:
            if known is None and operator in ("is", "in"):
                known = operand if isinstance(operand, list) else [operand]
        if known is None:
            return None
        return [value for value in known if all(self._holds(name, one, value) for one in asked)]

    def _holds(self, name: str, asked: tuple[str, Any], value: Any) -> bool:
        compiler = ConditionCompiler(Document(""), self.fields, self.stages)
        condition = compiler.compile({name: {asked[0]: asked[1]}})
        return condition is not None and condition.matches(_lead(name, value))

    def _span(self, name: str, asked: Sequence[tuple[str, Any]]) -> tuple[float, float] | None:
        """Return the least and the greatest number that satisfies all; ``None`` where any does."""
        low, high = -math.inf, math.inf
        for operator, operand in asked:
            spans = self._spans(name, operator, operand)
            if len(spans) == 1:
                low, high = max(low, spans[0][0]), min(high, spans[0][1])
            elif spans:
                low = max(low, min(one for one, _ in spans))
                high = min(high, max(one for _, one in spans))
        return None if (low, high) == (-math.inf, math.inf) else (low, high)

    def _spans(self, name: str, operator: str, operand: Any) -> list[tuple[float, float]]:
        """Return the spans of numbers that satisfy a comparison, both ends included."""
        if operator == "between":
            listed = operand if isinstance(operand, list) else [operand]
            try:
                return [ranges.read(one, is_postal=False) for one in listed]
            except ValueError:
                return []
        if operator not in ORDER | EQUALITY or not _is_number(operand):
            return []
        near = 1 if self.fields.get(name) is int and float(operand).is_integer() else None
        match operator:
            case "at_least":
                return [(operand, math.inf)]
            case "at_most":
                return [(-math.inf, operand)]
            case "more_than":
                return [(operand + near if near else math.nextafter(operand, math.inf), math.inf)]
            case "less_than":
                return [(-math.inf, operand - near if near else math.nextafter(operand, -math.inf))]
            case "is":
                return [(operand, operand)]
        return []


def _lets_through(asked: tuple[str, Any], wanted: tuple[str, Any]) -> bool:
    """Say whether texts of which ``asked`` holds all satisfy ``wanted``."""
    (has, given), (wants, taken) = asked, wanted
    inner, outer = _texts(given), _texts(taken)
    if has == wants == "between":
        return all(any(_is_code_span_in(one, other) for other in outer) for one in inner)
    if has == wants == "domain_in":
        return all(any(one == other or one.endswith(f".{other}") for other in outer) for one in inner)
    if has in ("starts_with", "ends_with", "contains") and wants in (has, "contains"):
        test = {"starts_with": str.startswith, "ends_with": str.endswith, "contains": str.__contains__}[wants]
        return bool(inner) and all(any(test(one, other) for other in outer) for one in inner)
    return False


def _is_code_span_in(inner: str, outer: str) -> bool:
    try:
        a, b = ranges.read(inner, is_postal=True), ranges.read(outer, is_postal=True)
    except ValueError:
        return False
    return len(a[0]) == len(b[0]) and bool(b[0] <= a[0] and a[1] <= b[1])


def _texts(operand: Any) -> list[str]:
    listed = operand if isinstance(operand, list) else [operand]
    return [one.strip().casefold() for one in listed if isinstance(one, str)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _both(a: Case, b: Case) -> Case:
    names = dict.fromkeys((*a.asked, *b.asked))
    asked = {name: (*a.asked.get(name, ()), *b.asked.get(name, ())) for name in names}
    return Case(asked, a.is_whole and b.is_whole)


def _lead(name: str, value: Any) -> Lead:
    outer, dot, inner = name.partition(".")
    return Lead("", fields={outer: {inner: value} if dot else value})


def _form(data: Any) -> str:
    """Write a condition so that order and case, which do not matter, do not show."""
    if isinstance(data, dict):
        return "{" + ",".join(sorted(f"{key}:{_form(value)}" for key, value in data.items())) + "}"
    if isinstance(data, list | tuple):
        return "[" + ",".join(sorted({_form(item) for item in data})) + "]"
    return json.dumps(data.strip().casefold() if isinstance(data, str) else data)


def is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Say whether two conditions ask the same in the same words."""
    return _form(one) == _form(other)


def covered(when: Sequence[Mapping[str, Any]], coverage: Coverage) -> Iterator[tuple[int, list[int]]]:
    """Yield each condition that the ones before it leave nothing, with those that take it all."""
    before: list[tuple[int, Case]] = []
    forms: dict[str, int] = {}
    for n, data in enumerate(when):
        same = forms.setdefault(_form(data), n)
        cases = coverage.cases(data)
        takers = [next((m for m, wider in before if coverage.is_within(case, wider)), None) for case in cases]
        if same != n:
            yield n, [same]
        elif takers and None not in takers:
            yield n, sorted({m for m in takers if m is not None})
        before += [(n, case) for case in cases]
