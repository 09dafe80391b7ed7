"""Conditions of the playbook, compiled once to closures: ``{country: [DE, AT], employees: {at_least: 50}}``.

A blank field satisfies nothing but ``is_blank: true`` and ``not``. Text is compared without regard to
case. Every name, operator and operand is checked here, so that a test of a lead can no longer fail.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import repeat
from typing import Any

from mappings import evaluating, expressions
from mappings.fitting import MEANT, misfit, no_option
from mappings.loader import Document, Path_
from mappings.playbook import TOP_STAGE, Condition, NamedValue
from mappings.problems import Problem, did_you_mean, unknown
from mappings.values import ranges
from mappings.values.converters import Unusable, country
from mappings.values.patterns import matcher, pattern_fault
from model.lead import TOUCH_FIELDS, Lead

Test = Callable[[Lead], bool]
Get = Callable[[Lead], Any]
Check = Callable[[Any], bool]

GROUPS = ("all", "any", "not")
EXPRESSION = "expression"
WORDS = {
    "is": "is",
    "is_not": "is not",
    "in": "in",
    "not_in": "not in",
    "at_least": "at least",
    "at_most": "at most",
    "more_than": "more than",
    "less_than": "less than",
    "between": "between",
    "contains": "contains",
    "starts_with": "starts with",
    "ends_with": "ends with",
    "matches": "matches",
    "domain_in": "domain in",
    "is_blank": "is blank",
}
LISTS = {"in", "not_in", "domain_in"}
ONE_OR_MORE = {"contains", "starts_with", "ends_with", "between"}  # of several, one is enough
ORDER = {"at_least", "at_most", "more_than", "less_than"}
EQUALITY = {"is", "is_not", "in", "not_in"}
TEXT = {"contains", "starts_with", "ends_with", "matches"}
DOMAIN = re.compile(r"[^\s@/:]+\.[^\s@/:.]+")
_HOST = re.compile(r"^[a-z][a-z0-9+.-]*://")


def operators_of(name: str, kind: type) -> set[str]:
    """Return the operators that make sense for a field."""
    if name in ("stage", "band"):
        return EQUALITY | ORDER | {"is_blank"}
    if kind is str:
        own = {"postal_code": {"between"}, "email": {"domain_in"}, "website": {"domain_in"}}
        return EQUALITY | TEXT | {"is_blank"} | own.get(name, set())
    if kind is bool:
        return {"is", "is_not", "is_blank"}
    if kind is date:
        return EQUALITY | ORDER | {"is_blank"}
    if kind in (int, float):
        return EQUALITY | ORDER | {"between", "is_blank"}
    return {"is_blank"}


@dataclass(frozen=True, slots=True)
class _Part:
    test: Test
    text: str
    fields: frozenset[str]
    glue: str = ""
    parts: tuple[_Part, ...] = ()


@dataclass(slots=True)
class ConditionCompiler:
    """Compiles the conditions of one file; faults are added to ``problems``."""

    document: Document
    fields: Mapping[str, type]
    stages: Sequence[str]
    problems: list[Problem] = field(default_factory=list)
    bands: Sequence[str] = ()  # of the score, the lowest first
    options: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # of fields that hold no other values
    named: list[NamedValue] = field(default_factory=list)  # texts that fields are compared with
    has_all_fields: bool = True  # else a field may be one of a file that cannot be read

    def compile(self, data: Any, *path: str | int) -> Condition | None:
        """Return the condition that stands at ``path``, or ``None`` when it has a problem."""
        before = len(self.problems)
        part = self._group(data, path, " and ")
        if len(self.problems) > before or part is None:
            return None
        return Condition(
            test=part.test,
            text=part.text,
            place=self.document.place(*path),
            fields=part.fields,
            glue=part.glue,
            parts=part.parts,
        )

    def _fault(self, path: Path_, message: str, fix: str = "") -> None:
        self.problems.append(Problem(self.document.value_place(*path), message, fix))

    def _group(self, data: Any, path: Path_, glue: str) -> _Part | None:
        """Compile a mapping of fields and groups, or a list of such mappings, joined by ``glue``."""
        if isinstance(data, list) and data:
            return _join([self._group(item, (*path, n), " and ") for n, item in enumerate(data)], glue)
        if not isinstance(data, dict) or not data:
            self._fault(path, "a condition is expected here", "Write for example {country: [DE, AT]}.")
            return None
        return _join([self._entry(key, value, (*path, key)) for key, value in data.items()], glue)

    def _entry(self, key: str, value: Any, path: Path_) -> _Part | None:
        if key == "not":
            inner = self._group(value, path, " and ")
            return inner and _Part(_negate(inner.test), f"not ({inner.text})", inner.fields, "not", (inner,))
        if key in ("all", "any"):
            if not isinstance(value, list):
                self._fault(path, f'"{key}" takes a list of conditions', "Begin each with a dash.")
                return None
            part = self._group(value, path, " and " if key == "all" else " or ")
            return part and replace(part, text=f"({part.text})" if len(value) > 1 else part.text)
        if key == EXPRESSION:
            return self._expression(value, path)
        kind = self._kind(key)
        if kind is None and not self.has_all_fields:
            return None
        if kind is None:
            touches = [name for name, kind in self.fields.items() if kind is dict]
            names = [
                *self.fields,
                *GROUPS,
                EXPRESSION,
                *(f"{touch}.{part}" for touch in touches for part in TOUCH_FIELDS),
            ]
            self.problems.append(unknown(self.document.place(*path), "lead field", key, names))
            return None
        return self._field(key, kind, value, path)

    def _expression(self, source: Any, path: Path_) -> _Part | None:
        """Compile an expression; its faults have their place within the text."""
        if not isinstance(source, str) or not source.strip():
            self._fault(path, "an expression is expected here", "Write for example employees * 2 > score.")
            return None
        at = path if path in self.document.values else path[:-1]
        if not self.has_all_fields:
            return None
        try:
            checked = expressions.check(source, self.fields)
            # A pattern is tried out here, so that no lead meets one that is refused.
            test = evaluating.test_of(checked, self.fields, self._rule(at), self.document.value_place(*at))
        except expressions.ExpressionFault as fault:
            place = self.document.place_within(at, fault.at)
            self.problems.append(Problem(place, fault.message, fault.fix))
            return None
        return _Part(test, " ".join(source.split()), frozenset(checked.variables))

    def _rule(self, path: Path_) -> str:
        """Return the name of the rule that a condition is of, as the file gives it."""
        data, name = self.document.data, ""
        for step in path:
            try:
                data = data[step]
            except (KeyError, IndexError, TypeError):
                break
            if isinstance(data, dict) and isinstance(data.get("name"), str):
                name = data["name"]
        return name or "a rule"

    def _kind(self, name: str) -> type | None:
        outer, dot, inner = name.partition(".")
        kind = self.fields.get(outer)
        if not dot:
            return kind
        if kind is not dict or inner not in TOUCH_FIELDS:
            return None
        return datetime if inner == "at" else str

    def _field(self, name: str, kind: type, value: Any, path: Path_) -> _Part | None:
        if isinstance(value, list):
            value, operand_path = {"in": value}, (lambda _: path)
        elif isinstance(value, dict):
            operand_path = lambda operator: (*path, operator)  # noqa: E731
        else:
            value, operand_path = {"is": value}, (lambda _: path)
        if not value:
            self._fault(
                path, f'"{name}" is compared with nothing', f"Write for example {name}: {{is_blank: true}}."
            )
            return None
        get = _getter(name)
        made: list[_Part | None] = []
        for operator, operand in value.items():
            at = operand_path(operator)
            if operator not in WORDS:
                known = [word for word in WORDS if word in operators_of(name, kind)]
                meant = MEANT.get(str(operator).lower(), operator)
                told = unknown(self.document.place(*at), "operator", operator, known)
                is_meant = meant in known
                self.problems.append(replace(told, fix=f"Write {meant}.") if is_meant else told)
            elif operator not in operators_of(name, kind):
                known = [word for word in WORDS if word in operators_of(name, kind)]
                self._fault(at, f'"{operator}" cannot be asked of "{name}"', f"Possible: {', '.join(known)}.")
            else:
                made.append(self._test(name, kind, get, operator, operand, at))
        return _join(
            [part and (part if n == 0 else _shortened(part, name)) for n, part in enumerate(made)], " and "
        )

    def _test(self, name: str, kind: type, get: Get, operator: str, operand: Any, at: Path_) -> _Part | None:
        if operator == "is_blank":
            if not isinstance(operand, bool):
                self._fault(at, '"is_blank" takes true or false')
                return None
            words = f"{name} is blank" if operand else f"{name} is not blank"
            return _Part(_blank_test(get, operand), words, frozenset({name}))
        is_list = operator in LISTS or (operator in ONE_OR_MORE and isinstance(operand, list))
        operands = operand if is_list else [operand]
        if not isinstance(operands, list) or not operands:
            example = "[acme.com, globex.com]" if operator == "domain_in" else "[DE, AT]"
            self._fault(at, f'"{operator}" takes a list', f"Write for example {example}.")
            return None
        check_one = self._range if operator == "between" else self._operand
        checked = [
            check_one(name, kind, operator, item, (*at, n) if is_list else at)
            for n, item in enumerate(operands)
        ]
        if any(item is None for item in checked):
            return None
        if name == "stage":
            check = _ordered_check(
                operator, checked, ladder_of(self.stages) if operator in ORDER else self.stages
            )
        elif name == "band":
            check = _ordered_check(operator, checked, self.bands)
        elif kind is str and operator in EQUALITY:
            places = [
                self.document.value_place(*at, *((n,) if is_list else ())) for n in range(len(operands))
            ]
            self.named += map(NamedValue, repeat(name), operands, places)
            check = _text_check(operator, checked)
        elif operator == "matches":
            pattern = self._pattern(checked[0], at)
            if pattern is None:
                return None
            check = pattern
        elif operator == "between":
            check = ranges.within(checked, is_postal=kind is str)
        elif operator == "domain_in":
            check = _domain_check(checked)
        else:
            check = _text_check(operator, checked) if kind is str else _value_check(operator, checked, kind)
        shown = ", ".join(str(item).lower() if isinstance(item, bool) else str(item) for item in operands)
        return _Part(_checked(get, check), f"{name} {WORDS[operator]} {shown}", frozenset({name}))

    def _operand(self, name: str, kind: type, operator: str, operand: Any, at: Path_) -> Any:
        """Return the operand if its type fits the field; else note the problem and return ``None``."""
        if wrong := misfit(name, kind, operand):
            self._fault(at, *wrong)
            return None
        if operator in EQUALITY and (wrong := no_option(name, operand, self.options.get(name, ()))):
            self._fault(at, *wrong)
            return None
        if name == "stage" and self.stages and operand not in self.stages:
            self._fault(at, f'there is no stage "{operand}"', did_you_mean(operand, self.stages))
            return None
        if name == "stage" and self.stages and operator in ORDER and operand not in ladder_of(self.stages):
            fix = "Compare it with is or in."
            self._fault(at, f'"{operand}" stands beside the way, so no stage is {WORDS[operator]} it', fix)
            return None
        if name == "band" and operand not in self.bands:
            fix = did_you_mean(operand, self.bands) or "Name them under bands in scoring.yaml."
            self._fault(at, f'there is no band "{operand}"', fix)
            return None
        if operator == "domain_in" and not DOMAIN.fullmatch(operand):
            fix = "Write what stands behind the @, for example acme.com."
            self._fault(at, f'"{operand}" is no domain', fix)
            return None
        if name == "country" and len(operand) != 2:
            self._fault(at, f'a country is two letters, not "{operand}"', _country_fix(operand))
            return None
        return operand

    def _range(self, name: str, kind: type, operator: str, operand: Any, at: Path_) -> Any:
        """Return both ends of a range; note the problem and return ``None`` if it is none."""
        try:
            return ranges.read(operand, is_postal=kind is str)
        except ValueError as error:
            example = "80000-87999" if kind is str else "50-200"
            self._fault(at, str(error), f"Write for example {name}: {{{operator}: {example}}}.")
            return None

    def _pattern(self, text: str, at: Path_) -> Check | None:
        fault = pattern_fault(text)
        if fault:
            self._fault(at, fault, "Use contains, starts_with or a simpler pattern.")
            return None
        return matcher(text)


def _country_fix(text: str) -> str:
    try:
        return f'Write "{country(text)}".'
    except Unusable:
        return "Use the ISO 3166 code, for example DE."


def _join(made: Sequence[_Part | None], glue: str) -> _Part | None:
    found = [part for part in made if part is not None]
    if not found or len(found) < len(made):
        return None
    if len(found) == 1:
        return found[0]
    tests = tuple(part.test for part in found)
    test = _all_of(tests) if glue == " and " else _any_of(tests)
    return _Part(
        test,
        glue.join(part.text for part in found),
        frozenset().union(*(part.fields for part in found)),
        glue.strip(),
        tuple(found),
    )


def _shortened(part: _Part, name: str) -> _Part:
    """Leave the field's name out of the words: "employees at least 50 and at most 200"."""
    return replace(part, text=part.text.removeprefix(f"{name} "))


def _all_of(tests: tuple[Test, ...]) -> Test:
    if len(tests) == 2:
        first, second = tests
        return lambda lead: first(lead) and second(lead)
    return lambda lead: all(test(lead) for test in tests)


def _any_of(tests: tuple[Test, ...]) -> Test:
    if len(tests) == 2:
        first, second = tests
        return lambda lead: first(lead) or second(lead)
    return lambda lead: any(test(lead) for test in tests)


def _negate(test: Test) -> Test:
    return lambda lead: not test(lead)


def _getter(name: str) -> Get:
    if "." in name:
        return lambda lead: lead.get(name)
    return lambda lead: lead.fields.get(name)


def _checked(get: Get, check: Check) -> Test:
    return lambda lead: check(get(lead))


def _is_blank(value: Any) -> bool:
    return value is None or value == {} or (isinstance(value, str) and not value.strip())


def _blank_test(get: Get, wanted: bool) -> Test:
    return lambda lead: _is_blank(get(lead)) is wanted


def _text_check(operator: str, operands: list[str]) -> Check:
    wanted = tuple(operand.strip().casefold() for operand in operands)
    one = wanted[0]

    def normal(value: Any) -> str:
        return value.strip().casefold() if isinstance(value, str) else ""

    checks: dict[str, Check] = {
        "is": lambda value: normal(value) == one and one != "",
        "is_not": lambda value: normal(value) not in ("", one),
        "in": lambda value: (text := normal(value)) != "" and text in wanted,
        "not_in": lambda value: (text := normal(value)) != "" and text not in wanted,
        "contains": lambda value: (text := normal(value)) != "" and any(each in text for each in wanted),
        "starts_with": lambda value: (text := normal(value)) != "" and text.startswith(wanted),
        "ends_with": lambda value: (text := normal(value)) != "" and text.endswith(wanted),
    }
    return checks[operator]


def _domain_check(operands: list[str]) -> Check:
    """Compare the domain of an address or website, and those above it: mail.acme.com is of acme.com."""
    wanted = frozenset(operand.casefold() for operand in operands)

    def check(value: Any) -> bool:
        if not isinstance(value, str):
            return False
        # Only what stands before the path is the host: an @ behind it names somebody on another site.
        address = re.split(r"[/?#]", _HOST.sub("", value.strip().casefold()), maxsplit=1)[0]
        host = address.rpartition("@")[2].split(":")[0]
        parts = host.split(".")
        return any(".".join(parts[n:]) in wanted for n in range(len(parts)))

    return check


def _value_check(operator: str, operands: list[Any], kind: type) -> Check:
    one = operands[0]
    wanted = tuple(operands)
    compare: dict[str, Check] = {
        "is": lambda value: value == one,
        "is_not": lambda value: value != one,
        "in": lambda value: value in wanted,
        "not_in": lambda value: value not in wanted,
        "at_least": lambda value: value >= one,
        "at_most": lambda value: value <= one,
        "more_than": lambda value: value > one,
        "less_than": lambda value: value < one,
    }
    check = compare[operator]
    if kind is date:  # as ISO text, whose order is that of the days
        return lambda value: isinstance(value, str) and bool(value) and check(value)
    if kind is bool:
        return lambda value: isinstance(value, bool) and check(value)
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and check(value)


def ladder_of(stages: Sequence[str]) -> Sequence[str]:
    """Return the stages on the way; those listed after ``customer`` stand beside it."""
    return stages[: stages.index(TOP_STAGE) + 1] if TOP_STAGE in stages else stages


def _ordered_check(operator: str, operands: list[str], known: Sequence[str]) -> Check:
    """Compare stages or bands by name, or by their order; unknown ones satisfy nothing."""
    order = {name: n for n, name in enumerate(known)}
    check = _value_check(operator, [order.get(operand, -1) for operand in operands], int)
    return lambda value: isinstance(value, str) and value in order and check(order[value])
