"""What a person chose of two values that disagreed, brought into the lead, account or deal; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from handlers.base import Lookups
from mappings.moving import PAGE, entering, pass_of
from mappings.outward import Teammates, inward_record, same_on, sides, typed
from mappings.playbook import CrmField, ObjectMap, Playbook
from mappings.values.converters import Unusable
from model.decision import Assigned, Because, Effect, EnterStage, FreeField, RecordConflict
from model.dispute import Held, Settled
from model.entity import Entity
from model.event import JsonValue, StoredEvent
from model.lead import PERSON, Link, Provenance

CHOICES = ("theirs", "ours", "value")
"""Take the CRM's value, keep leadrelay's, or write another one."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What follows from a choice; nothing but the reason where it came to nothing."""

    because: Because
    fields: Mapping[str, JsonValue]
    effects: tuple[Effect, ...] = ()


def said(payload: Mapping[str, Any], playbook: Playbook, lookups: Teammates) -> dict[str, JsonValue]:
    """Return the lead field with the value that a choice gives it; nothing where it gives none."""
    object_map = _map(payload, playbook)
    rule = _rule(payload, object_map)
    if object_map is None or rule is None or payload["choice"] == "ours":
        return {}
    if payload["choice"] == "value":
        return {rule.field: typed(rule, payload.get("value"), playbook.fields)}
    read = inward_record({rule.remote: payload["theirs"]}, object_map, payload["connection"], lookups)
    return {rule.field: read[rule.field]} if rule.field in read else {}


def choose(draft: Entity, stored: StoredEvent, playbook: Playbook, lookups: Lookups) -> Chosen:
    """Bring a person's choice into the draft and free the field; say why where that cannot be."""
    payload = stored.event.payload
    connection, remote, by = payload["connection"], payload["remote"], payload["by"]
    link, object_map = draft.links.get(connection), _map(payload, playbook)
    dispute = link.disputes.get(remote) if link is not None else None
    held = dispute.held if dispute is not None else None
    rule = _rule(payload, object_map)
    if link is None or dispute is None or held is None:
        text = f"nothing waits for a choice about {payload['field']} any more"
        gone = FreeField(connection, payload["field"], "", text, "")
        return Chosen(Because(f"{connection}: {text}"), {}, (gone,))
    if object_map is None or rule is None or object_map.object != link.object:
        return _nothing(f"{connection}: its map does not have {remote} any more")
    if not same_on(object_map, remote, held.theirs, payload["theirs"]):
        return _nothing(f"{connection}: {remote} has changed since {by} looked; it is asked again")
    before = draft.fields.get(rule.field)
    try:
        given = said(payload, playbook, lookups)
    except Unusable as wrong:
        return _nothing(f"{rule.field}: what {by} wrote {wrong.reason}", rule)
    why = _why_unfit(rule, payload, given, held, playbook, lookups)
    if why:
        return _nothing(f"{rule.field}: {why}", rule)
    ours = sides(draft, object_map, connection, lookups).get(remote)
    choice = payload["choice"]
    after = given.get(rule.field) if choice != "ours" else before
    _set(draft, rule.field, after, Provenance(PERSON, stored.decided_at, stored.id))
    settled = Settled(ours, held.theirs, choice == "theirs") if choice != "value" else None
    disputes = {**link.disputes, remote: dispute.freed(settled)}
    draft.links[connection] = replace(link, disputes=disputes)
    text = {"theirs": f"{connection}'s value", "ours": "leadrelay's value", "value": "another value"}[choice]
    outcome = f"{by} chose {text}"
    effects: list[Effect] = [FreeField(connection, rule.field, choice, outcome, by, settled)]
    effects += _losers(connection, rule, link, before, after, held, object_map, outcome, lookups)
    if rule.field == "stage" and after != before:
        known = draft.fields
        draft.fields |= entering(playbook.lifecycle, known, before and str(before), str(after))
        effects.append(EnterStage(str(after), before and str(before), PAGE, pass_of(draft.fields)))
    if rule.field == "owner" and after and after != before:
        effects.append(Assigned(str(after), before))
    return Chosen(Because(f"{rule.field}: {outcome}", rule.place), {rule.field: after}, tuple(effects))


def _nothing(text: str, rule: CrmField | None = None) -> Chosen:
    return Chosen(Because(text, rule.place if rule else None), {})


def _map(payload: Mapping[str, Any], playbook: Playbook) -> ObjectMap | None:
    crm = playbook.crms.get(payload["connection"])
    return crm.map_of(payload["object"]) if crm is not None else None


def _rule(payload: Mapping[str, Any], object_map: ObjectMap | None) -> CrmField | None:
    rules = object_map.fields if object_map is not None else ()
    return next((rule for rule in rules if rule.remote == payload["remote"]), None)


def _why_unfit(
    rule: CrmField,
    payload: Mapping[str, Any],
    given: Mapping[str, JsonValue],
    held: Held,
    playbook: Playbook,
    lookups: Lookups,
) -> str:
    """Return why a value cannot stand; blank where it can."""
    value = given.get(rule.field)
    if payload["choice"] == "ours":
        return ""
    if value is None and not (payload["choice"] == "theirs" and held.theirs is None):
        return "the value is unknown here" if payload["choice"] == "theirs" else "no value was given"
    if rule.field == "stage" and playbook.lifecycle.order(value) < 0:
        return f"there is no stage {value}"
    if rule.field == "owner" and value is not None and lookups.teammate(str(value)) is None:
        return f"{value} is in no CRM's list of owners"
    return ""


def _set(draft: Entity, name: str, value: JsonValue, origin: Provenance) -> None:
    if value is None:
        draft.fields.pop(name, None)
    else:
        draft.fields[name] = value
    draft.provenance[name] = origin


def _losers(
    connection: str,
    rule: CrmField,
    link: Link,
    before: JsonValue,
    after: JsonValue,
    held: Held,
    object_map: ObjectMap,
    outcome: str,
    lookups: Teammates,
) -> list[Effect]:
    """Keep the values that were not chosen in the conflict log."""
    read = inward_record({**link.shadow, rule.remote: held.theirs}, object_map, connection, lookups)
    theirs = read.get(rule.field, held.theirs)
    lost = [value for value in (before, theirs) if value not in (None, after)]
    return [RecordConflict(connection, rule.field, after, value, outcome) for value in lost]
