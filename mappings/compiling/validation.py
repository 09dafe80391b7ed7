"""A file against its model: pydantic's errors as problems with a place and a suggestion."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from mappings.loader import Document, Path_
from mappings.problems import Problem, did_you_mean, unknown
from mappings.schema import FIELD_NAME, LONGEST_NAME, NAME, REGION, Strict, settings_of
from model.decision import Place

MAX_ROUNDS = 20  # a part taken out can only uncover faults of what held it

_LEFT_BY_A_FAULT = {"missing", "too_short"}  # later on it is missing because it was taken out

Model = TypeVar("Model", bound=Strict)


@dataclass(frozen=True, slots=True)
class Checked(Generic[Model]):
    """A file as far as it can be used; both lack the parts that are wrong, so the rest is still checked."""

    model: Model
    document: Document


def validated(document: Document, model: type[Model]) -> Checked[Model] | None:
    """Check a file; each fault is noted in its problems. ``None`` when nothing of it can be used."""
    if document.data is None:
        if document.sound:
            document.problems.append(Problem(Place(document.file, 1), "this file is empty"))
        return None
    for n in range(MAX_ROUNDS):
        try:
            return Checked(model.model_validate(document.data), document)
        except ValidationError as error:
            details = error.errors()
        document.problems.extend(
            _problem(document, model, detail)
            for detail in details
            if n == 0 or detail["type"] not in _LEFT_BY_A_FAULT
        )
        faults: dict[Path_, list[ErrorDetails]] = {}
        for detail in details:
            faults.setdefault(_path(document, detail), []).append(detail)
        # From the last to the first, so that the paths of list entries stay true.
        for path in sorted(faults, key=_sort_key, reverse=True):
            if not path:
                return None
            meant = _meant(faults[path][0]) if len(faults[path]) == 1 else None
            document = document.without(path) if meant is None else document.having(path, meant)
    return None


def _meant(error: ErrorDetails) -> str | int | float | None:
    """Return the value that was meant, where only its type is wrong; ``None`` where nobody knows.

    With it what holds the value stays, and the rest of that is checked at once.
    """
    kind, given = error["type"], error["input"]
    if kind == "string_type" and isinstance(given, int | float) and not isinstance(given, bool):
        return str(given)
    if kind in _NUMBERS:
        number = _number_in(given, is_whole=kind != "float_type")
        return (float(number) if "." in number else int(number)) if number else None
    return None


def validated_part(
    document: Document, data: Any, model: type[Model], *path: str | int
) -> tuple[Model | None, list[Problem]]:
    """Check what stands at ``path`` against a model that its file's own does not know of."""
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        details = error.errors()
    for detail in details:
        detail["loc"] = (*path, *detail["loc"])
    return None, [_problem(document, model, detail) for detail in details]


def _path(document: Document, error: ErrorDetails) -> Path_:
    """Return where in the file an error lies; steps that short forms leave out are skipped."""
    path: Path_ = ()
    for step in error["loc"]:
        if (*path, step) in document.values:
            path = (*path, step)
    return path


def _sort_key(path: Path_) -> list[tuple[int, str]]:
    return [(step, "") if isinstance(step, int) else (0, step) for step in path]


def _problem(document: Document, model: type[Strict], error: ErrorDetails) -> Problem:
    """Turn one of pydantic's errors into a problem with its place and a suggestion."""
    path = _path(document, error)
    kind, given, last = error["type"], error["input"], str(error["loc"][-1]) if error["loc"] else ""
    context = error.get("ctx", {})
    at = document.value_place(*path)
    if kind == "missing":
        setting = _settings_at(model, error["loc"][:-1]).get(last)
        return Problem(
            document.place(*path), f'"{last}" is missing here', (setting and setting.description) or ""
        )
    if kind == "extra_forbidden":
        settings = _settings_at(model, error["loc"][:-1])
        if last in _SECRETS and "secret_env" in settings:
            fix = "Take it out; secret_env: says the name of the environment variable that holds it."
            return Problem(document.place(*path), "a secret never stands in the playbook", fix)
        problem = unknown(document.place(*path), "setting", last, settings)
        outer = _belongs(model, error["loc"][:-1], last)
        return Problem(problem.at, f'"{last}" does not belong here', outer) if outer else problem
    if kind == "literal_error":
        at = document.place(*path) if last == "[key]" else at  # a name before a colon, not its value
        known = [word.strip(" '") for word in re.split(r", | or ", context["expected"])]
        return Problem(at, f"{_shown(given)} is not possible here", did_you_mean(str(given), known))
    if kind == "value_error":
        told = context["error"].args
        return Problem(at, str(told[0]), str(told[1]) if len(told) > 1 else "")
    if kind in _EXPECTED:
        fix = _instead(kind, given, model, error["loc"])
        return Problem(at, f"{_EXPECTED[kind]} is expected here, not {_shown(given)}", fix)
    if kind == "string_pattern_mismatch":
        fix = _PATTERNS.get(context["pattern"], f"It must match {context['pattern']}")
        return Problem(at, f"{_shown(given)} cannot be used here", fix)
    if kind == "string_too_long":
        text = f"{_shown(given)} has more than {context['max_length']} characters"
        return Problem(at, text, "Choose a shorter name." if context["max_length"] == LONGEST_NAME else "")
    if kind in _BOUNDS:
        setting = _settings_at(model, error["loc"][:-1]).get(last)
        bound = f"{_BOUNDS[kind][0]} {context[_BOUNDS[kind][1]]:g}"
        name = "this" if last.isdigit() else f'"{last}"'
        fix = (setting and setting.description) or ""
        return Problem(at, f"{name} has to be {bound}, not {_shown(given)}", fix)
    return Problem(at, error["msg"].replace("Input should", "this should"))


def _belongs(model: type[Strict], loc: tuple[int | str, ...], name: str) -> str:
    """Say to what a setting belongs that stands too far in; blank where it belongs nowhere."""
    for depth in range(len(loc) - 1, -1, -1):
        if depth < len(loc) and name in _settings_at(model, loc[:depth]):
            outer = next((f'"{step}"' for step in reversed(loc[:depth]) if isinstance(step, str)), "")
            where = f"as the other settings of {outer}" if outer else "in the first column"
            return f"It is a setting further out: begin its line {where}."
    return ""


def _instead(kind: str, given: Any, model: type[Strict], loc: tuple[int | str, ...]) -> str:
    """Say what to write instead of a value of another kind; blank where nothing more can be said."""
    if kind == "string_type":
        return "Put it in quotes." if isinstance(given, int | float) else ""
    if kind in _NUMBERS:
        setting = _settings_at(model, loc[:-1]).get(str(loc[-1])) if loc else None
        number = _number_in(given, is_whole=kind != "float_type")
        meaning = (setting and setting.description) or ""
        return " ".join(filter(None, (f"Write {number}." if number else "", meaning)))
    if kind in ("model_type", "model_attributes_type"):
        return _shape(_settings_at(model, loc))
    if kind in ("list_type", "tuple_type") and isinstance(given, str | int | float):
        return f"Write [{given}]."
    if kind == "list_type" and isinstance(given, dict) and given:
        return "Each entry of a list begins with a dash: put one in front of the first line of this one."
    if kind == "dict_type" and isinstance(given, list):
        return 'Write "name: value" lines, without dashes and brackets.'
    return ""


def _shape(settings: dict[str, FieldInfo]) -> str:
    """Say which settings a mapping has, and how one is written that has several it cannot do without."""
    needed = [name for name, setting in settings.items() if setting.is_required()]
    example = ", ".join(f"{name}: …" for name in needed)
    written = f"; write {{{example}}}" if len(needed) > 1 else ""
    return f"It has {', '.join(settings)}{written}."


def _number_in(given: Any, *, is_whole: bool) -> str:
    """Return the number that was meant by ``"12"`` or ``50%``, as it is written; blank where none is."""
    match = re.fullmatch(r"\s*([-+]?\d+(?:\.\d+)?)\s*(%?)\s*", given) if isinstance(given, str) else None
    if match is None:
        return ""
    number = float(match[1]) / (100 if match[2] and not is_whole else 1)
    if number.is_integer():
        return str(int(number))
    return "" if is_whole else f"{number:.12f}".rstrip("0")


_PATTERNS = {
    NAME: "Use letters, digits, dots, dashes and underscores, and begin with a letter or a digit.",
    FIELD_NAME: "Use small letters, digits and underscores, at most 40, and begin with a letter.",
    REGION: "Write the country's two letters, for example DE.",
}
_NUMBERS = ("int_type", "int_from_float", "float_type")
_SECRETS = ("secret", "token", "password", "api_key")
"""Settings by which people would write down a secret itself."""

_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": 'a mapping ("name: value")',
    "model_type": 'a mapping ("name: value")',
    "model_attributes_type": 'a mapping ("name: value")',
    "string_too_short": "a name or a text",
    "too_short": "at least one entry",
}


def _shown(given: Any) -> str:
    if isinstance(given, str):
        return f'"{given}"' if given else "nothing"
    if given is None:
        return "nothing"
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, list | dict):
        return ("a list" if isinstance(given, list) else "a mapping") if given else "nothing"
    return str(given)


def _settings_at(model: type[Strict], loc: tuple[int | str, ...]) -> dict[str, FieldInfo]:
    """Return the settings that are known where ``loc`` leads."""
    for step in loc:
        model = next((inner for name, _, inner in settings_of(model) if inner and name == step), model)
    return {name: info for name, info, _ in settings_of(model)}
