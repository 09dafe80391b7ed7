"""A lead or account in a vendor's names and values. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from mappings.playbook import CrmField, ObjectMap
from mappings.prepared import Prepared, Teammates, plan_of
from model.entity import Entity
from model.event import JsonValue
from model.lead import LINKS, OPT_OUT, TOLD_SCORE, Lead


def draft(
    entity: Entity, object_map: ObjectMap, connection: str, lookups: Teammates, *, creating: bool = False
) -> dict[str, JsonValue]:
    """Return a lead or an account in the vendor's names and values.

    Blank fields are left out, except that ``creating`` sends the defaults of fields that the vendor
    requires, and that ``allow_clear`` empties. An owner whom the CRM would not accept is left out, and so is
    a line whose condition does not hold: what the CRM holds there stays.
    """
    plan = plan_of(object_map)
    made = _drafted(plan.rules, plan.cleared, entity, connection, lookups, creating=creating)
    return made if in_its_currency(entity, object_map) else _without_amounts(made, object_map)


def sides(entity: Entity, object_map: ObjectMap, connection: str, lookups: Teammates) -> dict[str, JsonValue]:
    """Return our side of a merge: a draft that has the fields, too, which are only read."""
    plan = plan_of(object_map)
    return _drafted(plan.every, plan.cleared, entity, connection, lookups, creating=False)


def _drafted(
    entries: Iterable[Prepared],
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
        if not applies(entry.rule, entity):
            continue
        value = fields.get(entry.outer)
        if entry.rule.expression is not None:
            value = entry.rule.expression.of(entity) if isinstance(entity, Lead) else None
        elif entry.inner:
            if entry.outer == LINKS:
                link = entity.links.get(entry.inner)
                value = link.remote_id if link else None
            else:
                value = value.get(entry.inner) if isinstance(value, dict) else None
        elif entry.is_score:
            value = fields.get(TOLD_SCORE, value)
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


def applies(rule: CrmField, entity: Entity) -> bool:
    """Say whether a line is written for this lead: one with a condition only while it holds."""
    return rule.when is None or (isinstance(entity, Lead) and rule.when.matches(entity))


def in_its_currency(entity: Entity, object_map: ObjectMap) -> bool:
    """Say whether a record's amounts are in the deal's own currency: else a number is not the same."""
    own = entity.fields.get("currency")
    return not object_map.currency or own in (None, object_map.currency)


def _without_amounts(made: dict[str, JsonValue], object_map: ObjectMap) -> dict[str, JsonValue]:
    amounts = {rule.remote for rule in object_map.fields if rule.kind == "money"}
    return {name: value for name, value in made.items() if name not in amounts}


def _is_to_be_told(entity: Entity, connection: str) -> bool:
    """Say whether a CRM should hear of an opt-out: only of a yes, and only one that it did not say itself."""
    origin = entity.provenance.get(OPT_OUT)
    return entity.fields.get(OPT_OUT) is True and (origin is None or origin.source != connection)


def _owner_id(email: str, connection: str, lookups: Teammates) -> str | None:
    teammate = lookups.teammate(email)
    if teammate is None or not teammate.can_own_on(connection):
        return None
    return teammate.ids[connection]
