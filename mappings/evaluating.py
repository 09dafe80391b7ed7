"""Expressions at work. The evaluator is loaded by the first playbook that has one, and by no other."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from mappings.expressions import Checked, ExpressionFault
from model.decision import Place
from model.lead import Lead

REMEMBERED = 256  # answers of each expression: the same values give the same, whoever the lead is

_REFUSED = (
    TypeError,
    RuntimeError,
    LookupError,
    ValueError,
    ArithmeticError,
)  # by which the evaluator says no

_log = logging.getLogger("leadrelay.expressions")
_failed: Counter[tuple[str, str]] = Counter()


def failures() -> Mapping[tuple[str, str], int]:
    """Return how often expressions could not be evaluated in this process, by rule and place."""
    return dict(_failed)


def test_of(checked: Checked, fields: Mapping[str, type], rule: str, place: Place) -> Callable[[Lead], bool]:
    """Return the test of a lead; raises ``ExpressionFault`` for a pattern that is none.

    Only the fields that are named are handed over, blank ones as null, numbers as doubles. Where it cannot be
    evaluated all the same the rule does not hold, and that is counted and logged by the rule's name.
    """
    import cel  # loads slowly, and few playbooks need it

    program = cel.compile(checked.code)
    for at, pattern in checked.patterns:
        _try_pattern(at, pattern, cel.compile)
    functions = {"lower": str.lower}
    names = tuple(checked.variables.items())
    kinds = [(name, fields.get(name, str)) for name, _ in names]

    @lru_cache(maxsize=REMEMBERED)
    def evaluate(values: tuple[Any, ...]) -> bool:
        context = cel.Context(
            variables={code: value for (_, code), value in zip(names, values, strict=True)},
            functions=functions,
        )
        return program.execute(context) is True

    def test(lead: Lead) -> bool:
        try:
            return evaluate(tuple(_plain(lead.get(name), kind) for name, kind in kinds))
        except _REFUSED as error:
            if not _failed[rule, str(place)]:
                _log.warning("%s [%s] cannot be evaluated: %s", rule, place, error)
            _failed[rule, str(place)] += 1
            return False

    return test


def _try_pattern(at: int, pattern: str, compile_: Callable[[str], Any]) -> None:
    """Raise ``ExpressionFault`` where the evaluator refuses a regular expression."""
    try:
        compile_(f'"".matches({pattern})').execute()
    except _REFUSED as error:
        why = str(error).partition("error: ")[2].partition("Check function")[0] or str(error)
        raise ExpressionFault(at, f"this is no pattern: {' '.join(why.split())[:200]}") from error


def _plain(value: Any, kind: type) -> str | float | bool | None:
    """Return a value as the expression was checked with; what is of another kind counts as blank."""
    if kind in (int, float):
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    if kind is bool:
        return value if isinstance(value, bool) else None
    return value if isinstance(value, str) and value.strip() else None
