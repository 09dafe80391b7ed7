"""Outward: a lead or account in a vendor's names and values, what differs there, and the way back. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

from mappings.comparing import BY_FIELD, BY_KIND, Same, members, same, same_id, same_members
from mappings.converters import CONVERTERS, Unusable, is_blank, number, text
from mappings.countries import find as find_country
from mappings.domains import registrable
from mappings.memory import once_each
from mappings.playbook import CLOSED_STAGE, CrmField, Lifecycle, ObjectMap
from model.account import ACCOUNT_FIELDS
from model.entity import Entity
from model.event import JsonValue
from model.lead import LEAD_FIELDS, LINKS, OPT_OUT, PERSON, Link
from model.teammate import Teammate
from model.times import from_text

__all__ = [
    "Compared",
    "Teammates",
    "compare",
    "difference",
    "draft",
    "inward_record",
    "read_rules",
    "same",
    "same_on",
    "sides",
    "typed",
    "unread_rules",
]


class Teammates(Protocol):
    """What a map must know of people."""

    def teammate(self, email: str) -> Teammate | None:
        """Return a teammate by e-mail."""

    def teammate_by_id(self, connection: str, remote_id: str) -> Teammate | None:
        """Return the teammate behind a CRM's owner or user id."""


Encode = Callable[[JsonValue], JsonValue]


@dataclass(frozen=True, slots=True)
class _Rule:
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
class _Plan:
    """An object's map, prepared once."""

    rules: tuple[_Rule, ...]  # those that are written
    every: tuple[_Rule, ...]
    by_remote: Mapping[str, _Rule]
    read: tuple[_Rule, ...]  # the first line of each lead field that may be read, every one of the opt-out
    cleared: JsonValue  # what empties a field


@once_each
def _plan(object_map: ObjectMap) -> _Plan:
    rules = tuple(_prepared(rule, object_map.as_text) for rule in object_map.fields)
    first: dict[str, _Rule] = {}
    for prepared in rules:
        if not prepared.inner and prepared.outer != "id" and not prepared.rule.write_only:
            first.setdefault(prepared.remote if prepared.is_opt_out else prepared.outer, prepared)
    return _Plan(
        rules=tuple(prepared for prepared in rules if not prepared.rule.read_only),
        every=rules,
        by_remote={prepared.remote: prepared for prepared in rules},
        read=tuple(first.values()),
        cleared="" if object_map.as_text else None,
    )


def _prepared(rule: CrmField, as_text: bool) -> _Rule:
    outer, _, inner = rule.field.partition(".")
    return _Rule(
        rule=rule,
        remote=rule.remote,
        outer=outer,
        inner=inner,
        encode=_encoder(rule, as_text),
        same=same_members if rule.authority == "union" else BY_FIELD.get(rule.field) or BY_KIND[rule.kind],
        is_people_owned=rule.authority == "crm",
        is_stage=rule.kind == "stage",
        is_opt_out=rule.field == OPT_OUT,
    )


def _encoder(rule: CrmField, as_text: bool) -> Encode:
    """Return what writes a value in the vendor's form; its ``None`` means: not this value."""
    if rule.kind == "range":
        return _bracket_encoder(rule.values)
    if rule.authority == "union":
        return lambda value: ";".join(rule.values.get(one, one) for one in members(value)) or None
    if rule.values or rule.kind == "stage":
        values = rule.values
        return (lambda value: values.get(_text_of(value))) if values else _text_of
    if rule.kind == "number":
        return _number_text if as_text else _number
    if rule.kind == "bool":
        return _bool_text if as_text else _bool
    if rule.kind == "datetime":
        return _moment
    limit = rule.max_length
    return (lambda value: _text_of(value)[:limit].rstrip()) if limit else _text_of


def _bracket_encoder(values: Mapping[str, str]) -> Encode:
    """Return what names the bracket a number falls in; a number below the first bracket has none."""
    brackets = sorted((float(least), name) for least, name in values.items())
    bounds = [least for least, _ in brackets]

    def encode(value: JsonValue) -> JsonValue:
        amount = _number(value)
        place = bisect_right(bounds, amount) if amount is not None else 0
        return brackets[place - 1][1] if place else None

    return encode


def _text_of(value: JsonValue) -> str:
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
    return None if flag is None else _text_of(flag)


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


def draft(
    entity: Entity, object_map: ObjectMap, connection: str, lookups: Teammates, *, creating: bool = False
) -> dict[str, JsonValue]:
    """Return a lead or an account in the vendor's names and values.

    Blank fields are left out, except that ``creating`` sends the defaults of fields that the vendor
    requires, and that ``allow_clear`` empties. An owner whom the CRM would not accept is left out.
    """
    plan = _plan(object_map)
    return _drafted(plan.rules, plan.cleared, entity, connection, lookups, creating=creating)


def sides(entity: Entity, object_map: ObjectMap, connection: str, lookups: Teammates) -> dict[str, JsonValue]:
    """Return our side of a merge: a draft that has the fields, too, which are only read."""
    plan = _plan(object_map)
    return _drafted(plan.every, plan.cleared, entity, connection, lookups, creating=False)


def _drafted(
    entries: Iterable[_Rule],
    cleared: JsonValue,
    entity: Entity,
    connection: str,
    lookups: Teammates,
    *,
    creating: bool,
) -> dict[str, JsonValue]:
    fields = entity.fields
    made: dict[str, JsonValue] = {}
    for entry in entries:
        value = fields.get(entry.outer)
        if entry.inner:
            if entry.outer == LINKS:
                link = entity.links.get(entry.inner)
                value = link.remote_id if link else None
            else:
                value = value.get(entry.inner) if isinstance(value, dict) else None
        elif entry.outer == "id":
            value = entity.id
        elif entry.is_opt_out and not _is_to_be_told(entity, connection):
            continue
        if value is None or value == "":
            if creating and entry.rule.default is not None:
                made[entry.remote] = entry.rule.default
            elif entry.rule.allow_clear and not creating:
                made[entry.remote] = cleared
            continue
        if entry.rule.kind == "owner":
            value = _owner_id(str(value), connection, lookups)
        else:
            value = entry.encode(value)
        if value is not None:
            made[entry.remote] = value
        elif creating and entry.rule.default is not None:
            made[entry.remote] = entry.rule.default
    return made


def _is_to_be_told(entity: Entity, connection: str) -> bool:
    """Say whether a CRM should hear of an opt-out: only of a yes, and only one that it did not say itself."""
    origin = entity.provenance.get(OPT_OUT)
    return entity.fields.get(OPT_OUT) is True and (origin is None or origin.source != connection)


def _owner_id(email: str, connection: str, lookups: Teammates) -> str | None:
    teammate = lookups.teammate(email)
    if teammate is None or not teammate.can_own_on(connection):
        return None
    return teammate.ids[connection]


def read_rules(object_map: ObjectMap) -> tuple[CrmField, ...]:
    """Return the rules that a merge takes values by: of each lead field the first that may be read.

    Ids and touches are only written, and the opt-out has a rule of its own.
    """
    return tuple(entry.rule for entry in _plan(object_map).read if not entry.is_opt_out)


def unread_rules(object_map: ObjectMap) -> tuple[CrmField, ...]:
    """Return the rules that are only written: further lines of a lead field, touches, direction to_crm."""
    plan = _plan(object_map)
    read = {entry.remote for entry in plan.read}
    return tuple(
        entry.rule
        for entry in plan.rules
        if entry.remote not in read and entry.outer not in ("id", LINKS) and not entry.is_opt_out
    )


def difference(
    wanted: Mapping[str, JsonValue],
    link: Link | None,
    object_map: ObjectMap,
    lifecycle: Lifecycle,
    *,
    of: Entity | None = None,
) -> dict[str, JsonValue]:
    """Return what of a draft must be written: what differs from the shadow and is ours to change.

    Left out are fields that wait for a person, values that a person typed into a field of authority
    ``crm`` unless somebody has changed it elsewhere since (``of`` is whose draft it is), those that
    ``crm_unless_blank`` leaves to the CRM, a stage that would move backwards without having been led
    back, and a stage value that the map does not list.
    """
    if link is None:
        return dict(wanted)
    by_remote = _plan(object_map).by_remote
    shadow, written, disputes = link.shadow, link.written, link.disputes
    changed: dict[str, JsonValue] = {}
    for remote, value in wanted.items():
        held = shadow.get(remote)
        if value == held and type(value) is type(held):
            continue
        entry = by_remote.get(remote)
        if entry is None:
            if not same(value, held):
                changed[remote] = value
            continue
        if entry.same(value, held):
            continue
        if entry.is_opt_out:
            if not entry.same(value, written.get(remote)):  # once: a person who cleared it there meant it
                changed[remote] = value
        elif (dispute := disputes.get(remote)) is not None and dispute.held is not None:
            continue
        elif _why_left(entry, value, held, written.get(remote), lifecycle, link, of) is None:
            changed[remote] = value
    return changed


def is_by_a_person(entity: Entity, name: str, connection: str) -> bool:
    """Say whether a field's value was set by a person here, or in another CRM than this connection's."""
    origin = entity.provenance.get(name)
    if origin is None or origin.source == connection:
        return False
    return origin.source == PERSON or origin.source in entity.links


@dataclass(frozen=True, slots=True)
class Compared:
    """One vendor field on which a lead and its record differ, and what becomes of that."""

    rule: CrmField
    ours: JsonValue  # as it would be written
    theirs: JsonValue  # as the record was last seen
    is_written: bool
    is_conflict: bool  # the record holds a value that leadrelay did not write
    why: str  # which side stands, and by what


def compare(
    wanted: Mapping[str, JsonValue],
    link: Link,
    object_map: ObjectMap,
    lifecycle: Lifecycle,
    *,
    of: Entity | None = None,
) -> list[Compared]:
    """Return the fields in which a draft and the record differ: ``difference`` with its reasons."""
    by_remote = _plan(object_map).by_remote
    found: list[Compared] = []
    for remote, value in wanted.items():
        held, entry = link.shadow.get(remote), by_remote[remote]
        if entry.same(value, held):
            continue
        written = link.written.get(remote)
        left = _why_left(entry, value, held, written, lifecycle, link, of)
        dispute = link.disputes.get(remote)
        if dispute is not None and dispute.held is not None:
            left = "it waits for a person to decide"
        is_theirs = not entry.is_blank(held) and not entry.same(held, written)
        why = left or (_WHY_WRITTEN[entry.rule.authority] if is_theirs else _WHY_FILLED)
        found.append(Compared(entry.rule, value, held, left is None, is_theirs, why))
    return found


_WHY_FILLED = "the record has none, or what leadrelay wrote"
_WHY_WRITTEN = {
    "leadrelay": "leadrelay owns the field",
    "newest": "leadrelay's is newer",
    "crm": "it still holds what leadrelay wrote, or somebody changed it elsewhere since",
    "crm_unless_blank": "the record has none",
    "max": "leadrelay's is the greater, or changed last",
    "min": "leadrelay's is the lesser, or changed last",
    "union": "leadrelay's has the values of both",
    "hold": "leadrelay's changed last",
}


def _why_left(
    entry: _Rule,
    value: JsonValue,
    held: JsonValue,
    written: JsonValue,
    lifecycle: Lifecycle,
    link: Link,
    of: Entity | None,
) -> str | None:
    """Return why a value that differs is not written over the one held; ``None`` where it is."""
    if entry.is_blank(held):
        return None
    if entry.rule.authority == "crm_unless_blank":
        return "the CRM's value counts wherever it has one"
    if entry.is_people_owned and not entry.same(held, written):
        if of is None or not is_by_a_person(of, entry.outer, link.connection):
            return "the people in the CRM own the field"
        return None
    if entry.is_stage and not _is_forward(value, held, entry.rule, lifecycle):
        is_ours = entry.same(held, written) or (
            of is not None and is_by_a_person(of, entry.outer, link.connection)
        )
        if not _is_led_back(value, held, entry.rule, lifecycle, is_ours=is_ours):
            return "a stage only moves forward, and one that is not listed stays"
    return None


def is_blank_on(object_map: ObjectMap, remote: str, held: JsonValue) -> bool:
    """Say whether what a record holds in a mapped field counts as blank there."""
    return _plan(object_map).by_remote[remote].is_blank(held)


def same_on(object_map: ObjectMap, remote: str, a: JsonValue, b: JsonValue) -> bool:
    """Compare two values of one vendor field the way ``difference`` does: +49 30 1 equals +49301."""
    entry = _plan(object_map).by_remote.get(remote)
    return entry.same(a, b) if entry else same(a, b)


def _is_forward(value: JsonValue, held: JsonValue, rule: CrmField, lifecycle: Lifecycle) -> bool:
    """Say whether the vendor's stage may be replaced: forward on the way, aside, or back from nurture."""
    to, at = _stage_of(value, rule, lifecycle), _stage_of(held, rule, lifecycle)
    if to is None or at is None or at == CLOSED_STAGE:
        return False
    if lifecycle.is_beside(to) or lifecycle.is_beside(at):
        return True
    return lifecycle.order(at) < lifecycle.order(to)


def _is_led_back(
    value: JsonValue, held: JsonValue, rule: CrmField, lifecycle: Lifecycle, *, is_ours: bool
) -> bool:
    """Say whether a stage that lies behind the vendor's is where the lead was led back to.

    What the record holds was merged before, so the lead was at least as far then: it went back by a rule
    of its own, from beside the way. That is believed where the vendor's value may stand for a stage
    beside the way, is our own word (``is_ours``), or a person led the lead back in another CRM.
    """
    stages = _stages_of(held, rule, lifecycle)
    if not stages or _stage_of(value, rule, lifecycle) is None:
        return False
    return is_ours or any(lifecycle.is_beside(stage) and stage != CLOSED_STAGE for stage in stages)


def _stage_of(value: JsonValue, rule: CrmField, lifecycle: Lifecycle) -> str | None:
    """Return the stage that a vendor's value stands for; where several share it, the furthest on the way."""
    found = _stages_of(value, rule, lifecycle)
    on_the_way = [stage for stage in found if not lifecycle.is_beside(stage)]
    return max(on_the_way or found, key=lifecycle.order, default=None)


def _stages_of(value: JsonValue, rule: CrmField, lifecycle: Lifecycle) -> list[str]:
    """Return every stage that a vendor's value stands for."""
    if not rule.values:
        stage = _text_of(value)
        return [stage] if lifecycle.order(stage) >= 0 else []
    return [ours for ours, theirs in rule.values.items() if same(theirs, value)]


def inward_record(
    fields: Mapping[str, JsonValue], object_map: ObjectMap, connection: str, lookups: Teammates
) -> dict[str, JsonValue]:
    """Return a CRM record, or any part of one, in canonical fields; touches are never read back.

    Blank vendor fields are ``None``, and so is an owner who is no known teammate. A value that has no
    canonical form (a stage that is not listed, a broken number) is left out: nothing can be said of it.
    """
    found: dict[str, JsonValue] = {}
    region = _region(fields, object_map)
    for entry in _plan(object_map).read:
        if entry.remote not in fields:
            continue
        held = fields[entry.remote]
        if entry.is_opt_out and found.get(entry.outer) is True:
            continue  # of several fields one yes is enough
        if entry.is_blank(held):
            found[entry.outer] = None
        elif entry.rule.kind == "owner":
            teammate = lookups.teammate_by_id(connection, str(held))
            found[entry.outer] = teammate.email if teammate else None
        else:
            try:
                found[entry.outer] = _canonical(entry.rule, held, region)
            except Unusable:
                continue
    return found


def typed(rule: CrmField, value: JsonValue, types: Mapping[str, type]) -> JsonValue:
    """Return what a person typed for a field in its canonical form; raises ``Unusable``.

    Lists of the vendor's values have no part in it: people type what the lead holds. ``types`` are
    those of the playbook's lead fields, its own included.
    """
    if is_blank(value):
        return None
    plain = replace(rule, values={}, kind=_USUAL.get(rule.kind, rule.kind))
    kind = types.get(rule.field) or ACCOUNT_FIELDS.get(rule.field)
    if kind in (int, float) and plain.kind == "text":
        plain = replace(plain, kind="number")
    made = _canonical(plain, value, "ZZ")
    return int(made) if kind is int and isinstance(made, float) else made


_USUAL = {"range": "number", "stage": "text", "owner": "text"}


def _region(fields: Mapping[str, JsonValue], object_map: ObjectMap) -> str:
    """Return the record's own country for telephone numbers; ``ZZ``: only international ones are read."""
    for entry in _plan(object_map).read:
        if entry.outer == "country" and isinstance(fields.get(entry.remote), str):
            return find_country(str(fields[entry.remote])) or "ZZ"
    return "ZZ"


def _canonical(rule: CrmField, held: JsonValue, region: str) -> JsonValue:
    if rule.authority == "union":
        names: dict[str, str] = {}
        for name, remote in rule.values.items():
            names.setdefault(remote, name)  # of several the first
        return text(";".join(names.get(one, one) for one in members(held)))
    if rule.values:
        for ours, theirs in rule.values.items():  # of several the first: it claims the least
            if same(theirs, held):
                return int(float(ours)) if rule.kind == "range" else ours
        if rule.kind == "stage":
            raise Unusable("is not listed")
    if rule.field in ("email", "phone", "country"):
        return CONVERTERS[rule.field](held, region)
    if rule.field == "message":
        return CONVERTERS["long_text"](held, region)
    if rule.field == "domain":
        return registrable(str(held)) or text(held)
    kind = LEAD_FIELDS.get(rule.field) or ACCOUNT_FIELDS.get(rule.field)
    if kind is bool or rule.kind == "bool":
        return CONVERTERS["boolean"](held, region)
    if kind in (int, float) or rule.kind == "number":
        amount = number(held)
        return int(amount) if kind is int or (kind is None and amount.is_integer()) else amount
    return text(held)
