"""The converters of one field, prepared: those with options, and the picklist table. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date as Day
from typing import Any

from mappings.evaluating import value_of
from mappings.expressions import check_value
from mappings.playbook import Step, Table
from mappings.values.converters import CONVERTERS, Converter
from mappings.values.dates import ORDERS, Dates
from mappings.values.states import state_name
from mappings.values.texts import MAX_TEXT, Unusable, clean, is_blank, scalar, text
from model.decision import Place
from model.event import JsonValue

NOWHERE = Place("", 0)
VALUES = "values"
"""Not a converter: the place of the table among them."""

EXPRESSION = "expression"
"""A converter whose options the check completes: what it takes and makes, as ``TYPES`` names it."""

OPTION = "option"
"""Not a converter of the playbook's: behind all others where fields.yaml says what a field may hold."""

VALUE = "value"
"""What an expression calls the value so far."""

TYPES: Mapping[str, type] = {"text": str, "whole number": int, "number": float, "yes or no": bool}

MOST_VALUES = 200  # of one field

OUTPUT: Mapping[str, type] = {
    "integer": int,
    "number": float,
    "amount": float,
    "boolean": bool,
    "negated": bool,
    "day": Day,
}
"""What a converter makes that is no text."""

KNOWN = (*CONVERTERS, "split", "multi_select", EXPRESSION, VALUES)
"""Every name that may stand under ``convert``."""


def made_by(step: Step) -> type:
    """Return the type of what a converter makes."""
    if step.name == EXPRESSION:
        return TYPES[str(step.options.get("makes", "text"))]
    return OUTPUT.get(step.name, str)


def converters_of(
    steps: Sequence[Step], table: Table | None = None, rule: str = "a converter", place: Place = NOWHERE
) -> tuple[Converter, ...]:
    """Return the converters in their order, the table among them: where ``values`` stands, else in front.

    Of several values in one field (``multi_select``) each is looked up. ``rule`` and ``place`` are told of an
    expression that cannot be evaluated.
    """
    names = [step.name for step in steps]
    look_up = table_converter(table) if table else None
    inside = look_up if VALUES not in names and "multi_select" in names else None
    made: list[Converter] = []
    if look_up and not inside and VALUES not in names:
        made.append(look_up)
    for step in steps:
        if step.name == EXPRESSION:
            made.append(_expression(step.options, rule, place))
        elif step.name != VALUES:
            made.append(_converter(step, inside, is_many="multi_select" in names))
        elif look_up:
            made.append(look_up)
    return tuple(made)


def convert(value: JsonValue, converters: Sequence[Converter], country: str) -> JsonValue:
    """Return what the converters make of a value, ``None`` where it is blank; raises ``Unusable``."""
    for one in converters:
        value = one(value, country)
        if value is None or value == "":
            return None
    return None if is_blank(value) else value


def joined(values: Sequence[JsonValue], separator: str) -> str:
    """Return several fields of the sender as one text; blank ones are left out."""
    return separator.join(part for value in values if not is_blank(value) and (part := text(value)))


def table_converter(table: Table) -> Converter:
    """Return what looks a value up: without regard to case and to white space."""
    values = {_key(name): value for name, value in table.values.items()}

    def look_up(value: JsonValue, _region: str = "") -> JsonValue:
        written = text(value)
        key = _key(written)
        if key in values:
            return values[key]
        return {"keep": written, "blank": ""}.get(table.otherwise, table.value)

    return look_up


def _key(written: str) -> str:
    return " ".join(written.split()).casefold()


def _converter(step: Step, look_up: Converter | None, *, is_many: bool = False) -> Converter:
    options: Mapping[str, Any] = step.options
    match step.name:
        case "split":
            return _split(options["on"], options["part"])
        case "multi_select":
            return _multi_select(options.get("on") or "", options.get("to") or ";", look_up)
        case "date" | "day" as name if options:
            order = ORDERS.get(options.get("order") or "", "")
            zone, form = options.get("zone") or "UTC", options.get("form") or ""
            return Dates(order, zone, form, is_day=name == "day").read
        case "option":
            return _option(options["options"], is_many=is_many)
        case "state" if options.get("to") == "name":
            return state_name
    return CONVERTERS[step.name]


def _expression(options: Mapping[str, Any], rule: str, place: Place) -> Converter:
    takes, makes = TYPES[options.get("takes", "text")], options.get("makes")
    fields = {VALUE: takes}
    work = value_of(check_value(options["text"], fields, None), fields, rule, place)

    def expression(value: JsonValue, _region: str = "") -> JsonValue:
        given = text(value) if takes is str else value
        made = work(lambda _: given)
        if isinstance(made, float) and makes == "whole number":
            if not made.is_integer():
                raise Unusable(f"is {made:g} by its expression, which is no whole number")
            return int(made)
        return clean(made, MAX_TEXT) if isinstance(made, str) else made

    return expression


def _option(options: Sequence[str], *, is_many: bool) -> Converter:
    """Return what finds a value among those there are, in whatever case; of several each."""
    known = {_key(one): one for one in options}

    def option(value: JsonValue, _region: str = "") -> str:
        written = text(value)
        held = _parts(written, "", (";",)) if is_many else [written]
        found = [known.get(_key(one)) for one in held]
        if None in found:
            missing = held[found.index(None)]
            raise Unusable(f'is none of its options: "{missing[:60]}"')
        return ";".join(one for one in found if one)

    return option


def _split(on: str, part: int) -> Converter:
    def split(value: JsonValue, _region: str = "") -> str:
        parts = text(value).split(on)
        place = part - 1 if part > 0 else len(parts) + part
        return parts[place].strip() if 0 <= place < len(parts) else ""

    return split


def _multi_select(on: str, to: str, look_up: Converter | None) -> Converter:
    """Return what reads several values: each looked up, once, in their order."""

    def multi_select(value: JsonValue, region: str = "") -> str:
        held = value if isinstance(value, list) else [value]
        if len(held) > MOST_VALUES:
            raise Unusable(f"has {len(held):,} values; at most {MOST_VALUES}")
        found: list[str] = []
        for one in held:
            for part in _parts(one, on, (to, ";", ",") if one is value else (to, ";")):
                made = look_up(part, region) if look_up else part
                found += [] if is_blank(made) else [text(made)]
        if len(found) > MOST_VALUES:
            raise Unusable(f"has {len(found):,} values; at most {MOST_VALUES}")
        return clean(to.join(dict.fromkeys(found)), MAX_TEXT)

    return multi_select


def _parts(value: JsonValue, on: str, usual: Sequence[str]) -> list[str]:
    """Return the values that one text holds, parted by ``on``, else by the first usual mark that is in it.

    Of a repeated field each value stands for itself, so that a comma is part of it.
    """
    if is_blank(value):
        return []
    written = text(scalar(value))
    mark = on or next((mark for mark in usual if mark in written), ";")
    return [part for part in (part.strip() for part in written.split(mark)) if part]
