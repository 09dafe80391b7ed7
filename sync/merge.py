"""The three-way merge of a CRM record, the shadow and the lead or account; pure.

Base is the shadow (what both sides last agreed on), theirs the record as just read, ours
the lead or account. One side moved: take it. Both moved: the field's authority decides, and the
loser is kept as a conflict. A blank never overwrites a value.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from handlers.base import Lookups
from mappings.outward import draft, inward_record, is_blank_on, same, same_on
from mappings.playbook import CrmField, CrmMap, Lifecycle, ObjectMap, Playbook
from model.change import Record
from model.decision import Because, RecordConflict
from model.entity import Entity
from model.event import JsonValue
from model.lead import OPT_OUT, Link
from sync.doubt import Doubt, arrived
from sync.links import later


@dataclass(slots=True)
class Merged:
    """What a merge found: new values for the lead, the link, what lost, and why."""

    link: Link
    fields: dict[str, JsonValue] = field(default_factory=dict)
    conflicts: list[RecordConflict] = field(default_factory=list)
    because: list[Because] = field(default_factory=list)


def merge(
    entity: Entity,
    record: Record,
    crm: CrmMap,
    playbook: Playbook,
    lookups: Lookups,
    *,
    now: datetime,
    sent: Doubt,
) -> Merged:
    """Merge a record as read into a lead or an account, and link the two.

    ``sent`` are the values of a call of ours whose answer may have been lost: where the
    record is known as theirs or bears their id, those of them it holds are our own words.
    """
    link = entity.links.get(crm.connection)
    object_map = crm.map_of(record.ref.object)
    if object_map is None:
        return _left_out(record, link, crm, now)
    is_ours = _is_its_own(entity, record, link, object_map)
    our_words = arrived(sent, record.fields, object_map) if is_ours else {}
    merged = Merged(_linked(record, link, object_map, our_words, now))
    theirs = inward_record(record.fields, object_map, crm.connection, lookups)
    ours = draft(entity, object_map, crm.connection, lookups, creating=False)
    if said := opt_out_said(entity, record, object_map):
        merged.fields[OPT_OUT] = True
        merged.because.append(said)
    for rule in _read_rules(object_map):
        held = record.fields.get(rule.remote)
        if is_blank_on(object_map, rule.remote, held) or rule.remote in our_words:
            continue
        moved = link is None or not same_on(object_map, rule.remote, held, link.shadow.get(rule.remote))
        if moved and not same_on(object_map, rule.remote, held, ours.get(rule.remote)):
            is_edit = link is not None
            _settle(merged, entity, rule, record, crm, playbook, theirs.get(rule.field), is_edit=is_edit)
    return merged


def _left_out(record: Record, link: Link | None, crm: CrmMap, now: datetime) -> Merged:
    """Link a record of an object that the map does not name; nothing of it is read or written."""
    ref = record.ref
    unmapped = Link(ref.connection, ref.object, ref.id, {}, {}, link.rev if link else 0, now)
    text = f"the map leaves {ref.object} out; the record is linked and left as it is"
    return Merged(replace(unmapped, aliases=_aliases(link, record)), because=[Because(text, crm.place)])


def _read_rules(object_map: ObjectMap) -> list[CrmField]:
    """Return the rules that are read back: the first of each lead field; ids and touches are only written."""
    first: dict[str, CrmField] = {}
    for rule in object_map.fields:
        if rule.field not in ("id", OPT_OUT) and "." not in rule.field:
            first.setdefault(rule.field, rule)
    return list(first.values())


def opt_out_said(entity: Entity, record: Record, object_map: ObjectMap) -> Because | None:
    """Say which opt-out field holds a yes that is news, whoever has the authority and whatever is newer."""
    if entity.fields.get(OPT_OUT) is True:
        return None
    for rule in object_map.fields:
        if rule.field == OPT_OUT and same_on(object_map, rule.remote, record.fields.get(rule.remote), True):
            who = record.ref.connection
            text = f"{OPT_OUT}: {who}'s {rule.remote} says so; an opt-out counts wherever it was said"
            return Because(text, rule.place)
    return None


def _is_its_own(entity: Entity, record: Record, link: Link | None, object_map: ObjectMap) -> bool:
    """Say whether the record is theirs: linked before, or marked with their id by a create of ours."""
    if link is not None and link.remote_id == record.ref.id:
        return True
    return bool(object_map.id_field) and same(record.fields.get(object_map.id_field), entity.id)


def _linked(
    record: Record,
    link: Link | None,
    object_map: ObjectMap,
    ours: Mapping[str, JsonValue],
    now: datetime,
) -> Link:
    # A field that was asked for and is not in the answer is gone there: it is not what it was.
    asked = {rule.remote for rule in object_map.fields}
    kept = {name: value for name, value in (link.shadow if link else {}).items() if name not in asked}
    return Link(
        connection=record.ref.connection,
        object=record.ref.object,
        remote_id=record.ref.id,
        shadow={**kept, **record.fields},
        written={**(link.written if link else {}), **ours},
        rev=link.rev if link else 0,
        read_at=now,
        aliases=_aliases(link, record),
        modified_at=later(link.modified_at if link else None, record.modified_at),
        wrote_at=link.wrote_at if link else None,
        recent=link.recent if link else {},
    )


def _aliases(link: Link | None, record: Record) -> tuple[str, ...]:
    if link is None or link.remote_id == record.ref.id:
        return link.aliases if link else ()
    return (*link.aliases, link.remote_id)


def _settle(
    merged: Merged,
    entity: Entity,
    rule: CrmField,
    record: Record,
    crm: CrmMap,
    playbook: Playbook,
    their_value: JsonValue,
    *,
    is_edit: bool,
) -> None:
    """Decide one field on which the record and what we keep differ."""
    ours = entity.fields.get(rule.field)
    if their_value is None:  # an owner nobody here is, a stage the map does not know
        merged.because.append(
            Because(
                f"{crm.connection}: {rule.remote} holds a value unknown here; it is left as it is", rule.place
            )
        )
        return
    if rule.kind == "stage":
        takes, why = _stage(playbook.lifecycle, ours, their_value, is_edit=is_edit)
    else:
        takes, why = _by_authority(entity, rule, record, crm, playbook.crms.keys() - {crm.connection})
    if takes:
        merged.fields[rule.field] = their_value
    kept, lost = (their_value, ours) if takes else (ours, their_value)
    merged.because.append(
        Because(
            f"{rule.field}: {crm.connection}'s value {'taken' if takes else 'not taken'}, {why}", rule.place
        )
    )
    if ours is not None and not same(kept, lost):
        merged.conflicts.append(RecordConflict(crm.connection, rule.field, kept, lost, why))


def _stage(lifecycle: Lifecycle, ours: JsonValue, theirs: JsonValue, *, is_edit: bool) -> tuple[bool, str]:
    if lifecycle.order(theirs) > lifecycle.order(ours):
        return True, "it is further along"
    if is_edit and lifecycle.is_beside(ours):
        return True, "a person led the lead back"
    return False, "a lead only moves forward here"


def _by_authority(
    entity: Entity, rule: CrmField, record: Record, crm: CrmMap, others: Collection[str]
) -> tuple[bool, str]:
    """Say whether the CRM's value is taken. Between the people of two CRMs the later change counts."""
    ours = entity.fields.get(rule.field)
    if ours is None:
        return True, "leadrelay had none"
    origin = entity.provenance.get(rule.field)
    if rule.authority == "leadrelay":
        return False, "leadrelay owns the field"
    if rule.authority == "crm" and (origin is None or origin.source not in others):
        return True, f"the people in {crm.connection} own the field"
    if origin and record.modified_at and origin.at > record.modified_at:
        return False, "leadrelay's is newer"
    return True, "the CRM's is newer"
