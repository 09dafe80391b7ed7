"""A CRM's record, or what a person typed for a field, in canonical values. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mappings.comparing import members, same
from mappings.dealing import day, money
from mappings.domains import registrable
from mappings.playbook import CrmField, ObjectMap
from mappings.prepared import Teammates, plan_of
from mappings.values.converters import CONVERTERS, Unusable, is_blank, number, text
from mappings.values.countries import find as find_country
from model.account import ACCOUNT_FIELDS
from model.event import JsonValue
from model.lead import LEAD_FIELDS


def inward_record(
    fields: Mapping[str, JsonValue], object_map: ObjectMap, connection: str, lookups: Teammates
) -> dict[str, JsonValue]:
    """Return a CRM record, or any part of one, in canonical fields; touches are never read back.

    Blank vendor fields are ``None``, and so is an owner who is no known teammate. A value that has no
    canonical form (a stage that is not listed, a broken number) is left out: nothing can be said of it.
    """
    found: dict[str, JsonValue] = {}
    region = _region(fields, object_map)
    for entry in plan_of(object_map).read:
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


_USUAL = {"range": "number", "stage": "text", "owner": "text", "deal_stage": "text"}


def _region(fields: Mapping[str, JsonValue], object_map: ObjectMap) -> str:
    """Return the record's own country for telephone numbers; ``ZZ``: only international ones are read."""
    for entry in plan_of(object_map).read:
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
        if rule.kind in ("stage", "deal_stage"):
            raise Unusable("is not listed")
    if rule.kind == "money":
        return money(held)
    if rule.kind == "date":
        return day(held, rule.zone or "UTC")
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
