"""The three-way merge of a CRM record, the shadow and the lead or account; pure.

Base is the shadow (what both sides last agreed on), theirs the record as just read, ours
the lead or account. One side moved: take it. Both moved: the field's authority decides, and the
loser is kept as a conflict (``weighing``). A blank overwrites a value only where the map's ``allow_clear``
says so. A field that a person must decide about stays as it is on both sides (``model.dispute``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from handlers.base import Lookups
from mappings.outward import in_its_currency, read_rules, same, same_on, unread_rules
from mappings.playbook import CrmMap, ObjectMap, Playbook
from model.change import Record
from model.decision import Because, FreeField
from model.dispute import Dispute
from model.entity import Entity
from model.event import JsonValue
from model.lead import OPT_OUT, Link
from sync.doubt import Doubt, arrived
from sync.links import later
from sync.merging.fieldwise import Fieldwise, Merged
from sync.merging.letting_go import let_go

__all__ = ["Merged", "merge", "opt_out_said"]


def merge(
    entity: Entity,
    record: Record,
    crm: CrmMap,
    playbook: Playbook,
    lookups: Lookups,
    *,
    now: datetime,
    sent: Doubt,
    histories: bool = False,
) -> Merged:
    """Merge a record as read into a lead or an account, and link the two.

    ``sent`` are the values of a call of ours whose answer may have been lost: where the
    record is known as theirs or bears their id, those of them it holds are our own words.
    ``histories`` says that the record can be read with the moment of each field's last change: what
    only that decides is left ``undecided``. Without, it is decided by the record's own moment.
    A record that takes the place of a deleted one begins anew: nothing was ever agreed on with it.
    """
    before = entity.links.get(crm.connection)
    link = None if before is not None and _is_replaced(before, record) else before
    object_map = crm.map_of(record.ref.object)
    if object_map is None:
        return _left_out(record, link, crm, now)
    is_ours = _is_its_own(entity, record, link, object_map)
    our_words = arrived(sent, record.fields, object_map) if is_ours else {}
    merged = Merged(_linked(record, link, object_map, our_words, now))
    if before is not None and link is None:
        _settle_holds(before, entity, crm, lookups, merged)
    if said := opt_out_said(entity, record, object_map):
        merged.fields[OPT_OUT] = True
        merged.because.append(said)
    given = (entity, record, crm, playbook, lookups, object_map, link, now, histories, is_ours)
    one = Fieldwise(*given, merged)
    purposes = playbook.consent.by_field
    for rule in read_rules(object_map):
        if rule.kind == "money" and not in_its_currency(entity, object_map):
            continue  # a number of another currency: neither side can say what it is in the other's
        if rule.remote in our_words:
            one.note_doubtful(rule)
        elif rule.remote in record.fields:
            one.settle(rule)
            if rule.field in purposes:
                one.hear_no(rule)
    for rule in unread_rules(object_map):
        if rule.remote in record.fields and rule.remote not in our_words:
            one.note_overwritten(rule)
    return merged


def _is_replaced(link: Link, record: Record) -> bool:
    """Say whether a record takes the place of a deleted one; one that was merged into it lives on in it."""
    return link.gone_at is not None and link.remote_id not in (record.ref.id, *record.merged_ids)


def _settle_holds(link: Link, entity: Entity, crm: CrmMap, lookups: Lookups, merged: Merged) -> None:
    """Keep what waited for a person about a record that was deleted: another record is written now."""
    why = f"{link.object} {link.remote_id} was deleted, and another record has taken its place"
    for one in let_go(link, entity, crm, lookups, why):
        if isinstance(one, FreeField):
            merged.holds.append(one)
        else:
            merged.conflicts.append(one)


def _left_out(record: Record, link: Link | None, crm: CrmMap, now: datetime) -> Merged:
    """Link a record of an object that the map does not name; nothing of it is read or written."""
    ref = record.ref
    unmapped = Link(ref.connection, ref.object, ref.id, {}, {}, link.rev if link else 0, now)
    text = f"the map leaves {ref.object} out; the record is linked and left as it is"
    return Merged(replace(unmapped, aliases=_aliases(link, record)), because=[Because(text, crm.place)])


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
        disputes=_undisputed(link, ours),
        modified_at=later(link.modified_at if link else None, record.modified_at),
        wrote_at=link.wrote_at if link else None,
        recent=link.recent if link else {},
    )


def _undisputed(link: Link | None, ours: Mapping[str, JsonValue]) -> Mapping[str, Dispute]:
    """Return what is remembered of the fields; of what is our own word, nothing is to be merged."""
    disputes = link.disputes if link else {}
    if not any(disputes[name].seen for name in ours if name in disputes):
        return disputes
    return {name: replace(one, seen=None) if name in ours else one for name, one in disputes.items()}


def _aliases(link: Link | None, record: Record) -> tuple[str, ...]:
    if link is None or link.remote_id == record.ref.id:
        return link.aliases if link else ()
    return (*link.aliases, link.remote_id)
