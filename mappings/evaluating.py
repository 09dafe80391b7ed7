"""Expressions at work. The evaluator is loaded by the first playbook that has one, and by no other."""

from __future__ import annotations

import logging
import math
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
    """Return the test of a lead; raises ``ExpressionFault`` for what the evaluator refuses.

    Only the fields that are named are handed over, blank ones as null, numbers as doubles. Where it cannot be
    evaluated all the same the rule does not hold, and that is counted and logged by the rule's name.
    """
    evaluate, kinds = _program(checked), _kinds(checked, fields)

    def test(lead: Lead) -> bool:
        values = tuple(_plain(lead.get(name), kind) for name, kind in kinds)
        return _tried(evaluate, values, rule, place) is True

    return test


def value_of(
    checked: Checked, fields: Mapping[str, type], rule: str, place: Place
) -> Callable[[Callable[[str], Any]], str | float | bool | None]:
    """Return what makes a value of named ones, as ``Lead.get`` gives them; raises ``ExpressionFault``.

    A value that is no finite number, and what cannot be evaluated, is a blank, and counted as above.
    """
    evaluate, kinds = _program(checked), _kinds(checked, fields)

    def value(get: Callable[[str], Any]) -> str | float | bool | None:
        made = _tried(evaluate, tuple(_plain(get(name), kind) for name, kind in kinds), rule, place)
        if isinstance(made, bool | str):
            return made
        if made is None:
            return None
        if math.isfinite(made):
            return float(made)
        _note(rule, place, "no finite number")
        return None

    return value


def _kinds(checked: Checked, fields: Mapping[str, type]) -> list[tuple[str, type]]:
    return [(name, fields.get(name, str)) for name in checked.variables]


def _program(checked: Checked) -> Callable[[tuple[Any, ...]], Any]:
    """Return what evaluates it, remembering its last answers; raises ``ExpressionFault``."""
    import cel  # loads slowly, and few playbooks need it

    program = _compiled(cel.compile, checked.code)
    for at, pattern in checked.patterns:
        _try_pattern(at, pattern, cel.compile)
    functions = {"lower": str.lower}
    codes = tuple(checked.variables.values())

    @lru_cache(maxsize=REMEMBERED)
    def evaluate(values: tuple[Any, ...]) -> Any:
        variables = dict(zip(codes, values, strict=True))
        return program.execute(cel.Context(variables=variables, functions=functions))

    return evaluate


def _compiled(compile_: Callable[[str], Any], code: str) -> Any:
    """Compile it; its names and kinds are right by now, so that only its depth can be refused."""
    try:
        return compile_(code)
    except BaseException as error:
        if not _is_refusal(error):
            raise
        fix = "Say it in parts: several conditions, or several lines."
        raise ExpressionFault(0, "this is nested too deep to be evaluated", fix) from None


def _tried(
    evaluate: Callable[[tuple[Any, ...]], Any], values: tuple[Any, ...], rule: str, place: Place
) -> Any:
    try:
        return evaluate(values)
    except BaseException as error:
        if not _is_refusal(error):
            raise
        _note(rule, place, type(error).__name__)  # its text may repeat what the lead holds
        return None


def _is_refusal(error: BaseException) -> bool:
    """Say whether the evaluator says no; its panics derive from ``BaseException`` alone."""
    return isinstance(error, _REFUSED) or type(error).__name__ == "PanicException"


def _note(rule: str, place: Place, why: str) -> None:
    if not _failed[rule, str(place)]:
        _log.warning("%s [%s] cannot be evaluated: %s", rule, place, why)
    _failed[rule, str(place)] += 1


def _try_pattern(at: int, pattern: str, compile_: Callable[[str], Any]) -> None:
    """Raise ``ExpressionFault`` where the evaluator refuses a regular expression."""
    try:
        compile_(f'"".matches({pattern})').execute()
    except BaseException as error:
        if not _is_refusal(error):
            raise
        why = str(error).partition("error: ")[2].partition("Check function")[0] or str(error)
        raise ExpressionFault(at, f"this is no pattern: {' '.join(why.split())[:200]}") from error


def _plain(value: Any, kind: type) -> str | float | bool | None:
    """Return a value as the expression was checked with; what is of another kind counts as blank."""
    if kind in (int, float):
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    if kind is bool:
        return value if isinstance(value, bool) else None
    return value if isinstance(value, str) and value.strip() else None
