"""A map's lines, prepared once: how each value is written and compared, and which are read. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

from mappings.comparing import BY_FIELD, BY_KIND, Same, members, same, same_id, same_members
from mappings.dealing import money_number, money_text, noon_of, plain_day, same_day_in, same_money
from mappings.memory import once_each
from mappings.playbook import CrmField, ObjectMap
from mappings.values.converters import is_blank
from model.event import JsonValue
from model.lead import LINKS, OPT_OUT
from model.teammate import Teammate
from model.times import from_text


class Teammates(Protocol):
    """What a map must know of people."""

    def teammate(self, email: str) -> Teammate | None:
        """Return a teammate by e-mail."""

    def teammate_by_id(self, connection: str, remote_id: str) -> Teammate | None:
        """Return the teammate behind a CRM's owner or user id."""


Encode = Callable[[JsonValue], JsonValue]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A line of the map, prepared: how its value is written and compared."""

    rule: CrmField
    remote: str
    outer: str
    inner: str
    encode: Encode
    same: Same
    is_people_owned: bool
    is_stage: bool
    is_opt_out: bool
    is_score: bool

    def is_blank(self, held: JsonValue) -> bool:
        """Say whether the vendor's value counts as blank: our own placeholder and listed ones do."""
        if is_blank(held) or (self.rule.default is not None and same(held, self.rule.default)):
            return True
        return any(_stands_for(listed, held) for listed in self.rule.blank_values)


def _stands_for(listed: str, held: JsonValue) -> bool:
    """Compare with a listed value; one that ends in ``*`` stands for all that begin so."""
    if listed.endswith("*"):
        return str(held).startswith(listed[:-1])
    return same_id(listed, held)


@dataclass(frozen=True, slots=True)
class Plan:
    """An object's map, prepared once."""

    rules: tuple[Prepared, ...]  # those that are written
    every: tuple[Prepared, ...]
    by_remote: Mapping[str, Prepared]
    read: tuple[Prepared, ...]  # the first line of each lead field that may be read, every one of the opt-out
    cleared: JsonValue  # what empties a field


@once_each
def plan_of(object_map: ObjectMap) -> Plan:
    """Prepare an object's map; once for each map."""
    rules = tuple(_prepared(rule, object_map.as_text) for rule in object_map.fields)
    first: dict[str, Prepared] = {}
    for prepared in rules:
        if not prepared.inner and prepared.outer != "id" and not prepared.rule.write_only:
            first.setdefault(prepared.remote if prepared.is_opt_out else prepared.outer, prepared)
    return Plan(
        rules=tuple(prepared for prepared in rules if not prepared.rule.read_only),
        every=rules,
        by_remote={prepared.remote: prepared for prepared in rules},
        read=tuple(first.values()),
        cleared="" if object_map.as_text else None,
    )


def _prepared(rule: CrmField, as_text: bool) -> Prepared:
    outer, _, inner = rule.field.partition(".")
    return Prepared(
        rule=rule,
        remote=rule.remote,
        outer=outer,
        inner=inner,
        encode=_encoder(rule, as_text),
        same=_comparer(rule),
        is_people_owned=rule.authority == "crm",
        is_stage=rule.kind == "stage",
        is_opt_out=rule.field == OPT_OUT,
        is_score=rule.field == "score",
    )


def _comparer(rule: CrmField) -> Same:
    """Return what compares two of the vendor's values."""
    if rule.authority == "union":
        return same_members
    if rule.kind == "money":
        return same_money
    if rule.kind == "date":
        return same_day_in(rule.zone or "UTC")
    if rule.expression is not None:
        return BY_KIND[rule.kind]
    return BY_FIELD.get(rule.field) or BY_KIND[rule.kind]


def _encoder(rule: CrmField, as_text: bool) -> Encode:
    """Return what writes a value in the vendor's form; its ``None`` means: not this value."""
    if rule.kind == "money":
        return money_text if as_text else money_number
    if rule.kind == "date":
        return noon_of(rule.zone) if rule.zone else plain_day
    if rule.kind == "range":
        return _bracket_encoder(rule.values)
    if rule.authority == "union":
        return lambda value: ";".join(rule.values.get(one, one) for one in members(value)) or None
    if rule.values or rule.kind == "stage":
        values = rule.values
        return (lambda value: values.get(text_of(value))) if values else text_of
    if rule.kind == "number":
        return _number_text if as_text else _number
    if rule.kind == "bool":
        return _bool_text if as_text else _bool
    if rule.kind == "datetime":
        return _moment
    limit = rule.max_length
    return (lambda value: text_of(value)[:limit].rstrip()) if limit else text_of


def members_left_out(value: JsonValue, values: Mapping[str, str]) -> list[str]:
    """Return which of several values a table does not list."""
    return [one for one in members(value) if one not in values]


def _bracket_encoder(values: Mapping[str, str]) -> Encode:
    """Return what names the bracket a number falls in; a number below the first bracket has none."""
    brackets = sorted((float(least), name) for least, name in values.items())
    bounds = [least for least, _ in brackets]

    def encode(value: JsonValue) -> JsonValue:
        amount = _number(value)
        place = bisect_right(bounds, amount) if amount is not None else 0
        return brackets[place - 1][1] if place else None

    return encode


def text_of(value: JsonValue) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _number(value: JsonValue) -> JsonValue:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = float(value)
        return int(amount) if amount.is_integer() else amount
    except (ValueError, OverflowError):
        return None


def _number_text(value: JsonValue) -> JsonValue:
    amount = _number(value)
    return None if amount is None else str(amount)


def _bool(value: JsonValue) -> JsonValue:
    return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value).lower())


def _bool_text(value: JsonValue) -> JsonValue:
    flag = _bool(value)
    return None if flag is None else text_of(flag)


def _moment(value: JsonValue) -> JsonValue:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return _moment_of_text(str(value))


@lru_cache(maxsize=4096)
def _moment_of_text(value: str) -> str | None:
    try:
        return from_text(value).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        return None


def read_rules(object_map: ObjectMap) -> tuple[CrmField, ...]:
    """Return the rules that a merge takes values by: of each lead field the first that may be read.

    Ids and touches are only written, and the opt-out has a rule of its own.
    """
    return tuple(entry.rule for entry in plan_of(object_map).read if not entry.is_opt_out)


def unread_rules(object_map: ObjectMap) -> tuple[CrmField, ...]:
    """Return the rules that are only written: further lines of a lead field, touches, direction to_crm."""
    plan = plan_of(object_map)
    read = {entry.remote for entry in plan.read}
    return tuple(
        entry.rule
        for entry in plan.rules
        if entry.remote not in read and entry.outer not in ("id", LINKS) and not entry.is_opt_out
    )


def is_blank_on(object_map: ObjectMap, remote: str, held: JsonValue) -> bool:
    """Say whether what a record holds in a mapped field counts as blank there."""
    return plan_of(object_map).by_remote[remote].is_blank(held)


def same_on(object_map: ObjectMap, remote: str, a: JsonValue, b: JsonValue) -> bool:
    """Compare two values of one vendor field the way ``difference`` does: +49 30 1 equals +49301."""
    entry = plan_of(object_map).by_remote.get(remote)
    return entry.same(a, b) if entry else same(a, b)
