"""What would be written of a new person, and what of it would be cut, left out or refused. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mappings.drafting import applies
from mappings.outward import Teammates, draft
from mappings.playbook import CrmMap, ObjectMap, Playbook
from mappings.prepared import Prepared, members_left_out, plan_of, text_of
from mappings.reading import Reading
from mappings.ways import NEEDED
from model.decision import Place
from model.event import JsonValue
from model.lead import LINKS, Lead
from model.times import to_text

NEW_ID = "(made when it is decided)"


@dataclass(frozen=True, slots=True)
class Violation:
    """One vendor field that will not hold what the sender said."""

    connection: str
    field: str  # "Lead.LastName"
    problem: str
    place: Place


@dataclass(frozen=True, slots=True)
class Payload:
    """What a CRM would be sent to make a new person."""

    connection: str
    object: str
    values: Mapping[str, JsonValue]
    violations: tuple[Violation, ...]


def new_lead(reading: Reading, playbook: Playbook) -> Lead:
    """Return the person as the post alone makes them: in the first stage, without score and owner."""
    fields = dict(reading.fields)
    fields["stage"] = playbook.lifecycle.start
    if reading.touch is not None:
        end: JsonValue = {"at": to_text(reading.touch.at), **reading.touch.fields}
        fields |= {"first_touch": end, "last_touch": end}
    return Lead(NEW_ID, fields=fields)


def payload(lead: Lead, crm: CrmMap, lookups: Teammates) -> Payload | None:
    """Return what the create on one connection would carry; ``None`` where the map has no such object."""
    object_map = crm.objects.get(crm.create_object)
    if object_map is None:
        return None
    values = draft(lead, object_map, crm.connection, lookups, creating=True)
    found = [*_violations(lead, crm, object_map), *_missing(values, crm, object_map)]
    return Payload(crm.connection, crm.create_object, values, tuple(found))


def _violations(lead: Lead, crm: CrmMap, object_map: ObjectMap) -> Iterator[Violation]:
    for entry in plan_of(object_map).rules:
        value = _value(entry, lead) if applies(entry.rule, lead) else None
        if value is None or value == "" or entry.outer == LINKS or entry.rule.kind == "owner":
            continue
        if problem := _problem(entry, value):
            name = f"{crm.create_object}.{entry.remote}"
            yield Violation(crm.connection, name, problem, entry.rule.place)


def _value(entry: Prepared, lead: Lead) -> JsonValue:
    made = entry.rule.expression
    return made.of(lead) if made is not None else lead.get(entry.rule.field)


def _problem(entry: Prepared, value: JsonValue) -> str:
    """Return why a vendor field will not hold the value as it is; blank where it will."""
    rule, shown = entry.rule, text_of(value)
    if rule.authority == "union":
        strange = members_left_out(value, rule.values)
        listed = ", ".join(f'"{one[:60]}"' for one in strange)
        return f"{listed} not listed in values, and sent as it is" if rule.values and strange else ""
    made = entry.encode(value)
    if made is None:
        where = "below the first of its brackets" if rule.kind == "range" else "not listed in values"
        why = where if rule.values else f"no {rule.kind}"
        then = "; the default is sent" if rule.default is not None else "; it is not written"
        return f'"{shown[:60]}" is {why}{then}'
    if rule.max_length is not None and not rule.values and len(shown) > rule.max_length:
        return f"has {len(shown):,} characters and is cut to {rule.max_length:,}"
    return ""


def _missing(values: Mapping[str, JsonValue], crm: CrmMap, object_map: ObjectMap) -> Iterator[Violation]:
    for remote in NEEDED[crm.kind].get(crm.create_object, ()):
        if remote not in values:
            rule = next((rule for rule in object_map.fields if rule.remote == remote), None)
            place = rule.place if rule else object_map.place
            yield Violation(
                crm.connection, f"{crm.create_object}.{remote}", "needed on a new record, and blank", place
            )
