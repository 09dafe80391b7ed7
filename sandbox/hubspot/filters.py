"""The filters of a search, made into a test that a record's values pass or fail."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sandbox.hubspot.errors import ApiError, bad_request
from sandbox.hubspot.properties import Definition
from sandbox.hubspot.values import as_text, iso, read_time

Values = Mapping[str, Any]
Test = Callable[[Values], bool]
Read = Callable[[str], Any]  # a text as it is compared

OPERATORS = (
    "EQ", "NEQ", "LT", "LTE", "GT", "GTE", "BETWEEN", "IN", "NOT_IN",
    "HAS_PROPERTY", "NOT_HAS_PROPERTY", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN",
)  # fmt: skip
_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "LT": lambda kept, given: kept < given,
    "LTE": lambda kept, given: kept <= given,
    "GT": lambda kept, given: kept > given,
    "GTE": lambda kept, given: kept >= given,
}
_WORD = re.compile(r"[^\W_]+")


def to_test(definition: Definition, told: Mapping[str, Any]) -> Test:
    """The test of one filter. A record without a value passes NOT_HAS_PROPERTY only."""
    name, operator = definition["name"], str(told.get("operator", ""))
    read = partial(reading, definition)
    several = definition["fieldType"] == "checkbox"
    match operator:
        case "HAS_PROPERTY":
            return lambda values: bool(values.get(name))
        case "NOT_HAS_PROPERTY":
            return lambda values: not values.get(name)
        case "EQ" | "NEQ":
            wanted = {read(_text(told, "value"))}
            return _among(name, wanted, read, several, negative=operator == "NEQ")
        case "IN" | "NOT_IN":
            return _among(name, _listed(definition, told), read, several, negative=operator == "NOT_IN")
        case "BETWEEN":
            low, high = read(_text(told, "value")), read(_text(told, "highValue"))
            return lambda values: bool(values.get(name)) and low <= read(values[name]) <= high
        case "CONTAINS_TOKEN" | "NOT_CONTAINS_TOKEN":
            return _tokens(name, _text(told, "value"), negative=operator == "NOT_CONTAINS_TOKEN")
        case "LT" | "LTE" | "GT" | "GTE":
            compare, given = _ORDER[operator], read(_text(told, "value"))
            return lambda values: bool(values.get(name)) and compare(read(values[name]), given)
    raise bad_request(f"Invalid input JSON: {operator} is no operator; known: {', '.join(OPERATORS)}")


def reading(definition: Definition, text: str) -> Any:
    """A text in the form in which it is compared: only enumerations tell capitals apart."""
    match definition["type"]:
        case "number":
            return _number(definition["name"], text)
        case "datetime":
            return text if text.endswith("Z") and len(text) == 24 else _moment(definition["name"], text)
        case "date":
            return _moment(definition["name"], text)[:10]
        case "enumeration" | "bool":
            return text
    return text.lower()


def words_in(text: str) -> set[str]:
    """The tokens of a text: the whole, its parts between spaces, and its words."""
    low = text.lower()
    return {low, *low.split(), *_WORD.findall(low)}


def _among(name: str, wanted: set[Any], read: Read, several: bool, *, negative: bool) -> Test:
    if several:
        return lambda values: (
            bool(values.get(name)) and (wanted.isdisjoint(map(read, values[name].split(";"))) == negative)
        )
    return lambda values: bool(values.get(name)) and ((read(values[name]) in wanted) != negative)


def _listed(definition: Definition, told: Mapping[str, Any]) -> set[Any]:
    """The values of IN as they are: HubSpot wants them in lower case and finds no others."""
    given = told.get("values")
    if not isinstance(given, list) or not given:
        raise bad_request(f"Invalid input JSON: operator {told['operator']} needs a list of values")
    texts = [as_text(value) for value in given]
    return set(texts) if definition["type"] == "string" else {reading(definition, text) for text in texts}


def _tokens(name: str, wanted: str, *, negative: bool) -> Test:
    patterns = [
        re.compile(".*".join(re.escape(part) for part in word.split("*"))) for word in wanted.lower().split()
    ]

    def test(values: Values) -> bool:
        if not values.get(name):
            return False
        tokens = words_in(values[name])
        return all(any(pattern.fullmatch(token) for token in tokens) for pattern in patterns) != negative

    return test


def _text(told: Mapping[str, Any], key: str) -> str:
    if told.get(key) is None:
        raise bad_request(f"Invalid input JSON: operator {told.get('operator')} needs a {key}")
    return as_text(told[key])


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _no_such_value(name, text, "number") from None


def _moment(name: str, text: str) -> str:
    at = read_time(text)
    if at is None:
        raise _no_such_value(name, text, "time in milliseconds")
    return iso(at)


def _no_such_value(name: str, text: str, kind: str) -> ApiError:
    return bad_request(f"Invalid input JSON: {text} is no {kind}, as filters on {name} need")
