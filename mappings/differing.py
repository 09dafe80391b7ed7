"""What of a draft must be written to a record, and why the rest is not. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mappings.comparing import same
from mappings.moving import CRM, judge
from mappings.playbook import CLOSED_STAGE, CrmField, Lifecycle, ObjectMap
from mappings.prepared import Prepared, plan_of, text_of
from model.dispute import Dispute
from model.entity import Entity
from model.event import JsonValue
from model.lead import PERSON, Lead, Link


def difference(
    wanted: Mapping[str, JsonValue],
    link: Link | None,
    object_map: ObjectMap,
    lifecycle: Lifecycle,
    *,
    of: Entity | None = None,
) -> dict[str, JsonValue]:
    """Return what of a draft must be written: what differs from the shadow and is ours to change.

    Left out are fields that wait for a person, hold what means nothing here, or whose value another record
    there holds alone; values that a person typed into a field of authority ``crm`` unless somebody has
    changed it elsewhere since (``of`` is whose draft it is), those that ``crm_unless_blank`` leaves to the
    CRM, a stage that would move backwards without having been led back, and a stage value that the map does
    not list.
    """
    if link is None:
        return dict(wanted)
    by_remote = plan_of(object_map).by_remote
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
        elif (dispute := disputes.get(remote)) is not None and _why_waits(dispute, entry, link, of):
            continue
        elif _why_left(entry, value, held, written.get(remote), lifecycle, link, of) is None:
            changed[remote] = value
    return {name: value for name, value in changed.items() if _goes_alone(by_remote.get(name), changed)}


def _goes_alone(entry: Prepared | None, changed: Mapping[str, JsonValue]) -> bool:
    """Say whether a field is written by itself, or the one that it goes along with is written, too."""
    return entry is None or not entry.rule.along or entry.rule.along in changed


def is_by_a_person(entity: Entity, name: str, connection: str) -> bool:
    """Say whether a field's value was set by a person here, or in another CRM than this connection's.

    It stays so when the lead lets go of its record there. By the links alone those are known that were
    stored before ``by_people`` was.
    """
    origin = entity.provenance.get(name)
    if origin is None or origin.source == connection:
        return False
    return origin.source == PERSON or origin.by_people or origin.source in entity.links


def is_left_to_people(rule: CrmField, link: Link, object_map: ObjectMap) -> bool:
    """Say whether a record holds what its people alone decide about, whatever a post or a rule says.

    Of authority ``crm`` that is what a person typed there, of ``crm_unless_blank`` any value.
    """
    entry, held = plan_of(object_map).by_remote[rule.remote], link.shadow.get(rule.remote)
    if entry.is_blank(held):
        return False
    if entry.is_people_owned:
        return not entry.same(held, link.written.get(rule.remote))
    return rule.authority == "crm_unless_blank"


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
    by_remote = plan_of(object_map).by_remote
    found: list[Compared] = []
    for remote, value in wanted.items():
        held, entry = link.shadow.get(remote), by_remote[remote]
        if entry.same(value, held):
            continue
        written = link.written.get(remote)
        left = _why_left(entry, value, held, written, lifecycle, link, of)
        dispute = link.disputes.get(remote)
        if dispute is not None:
            left = _why_waits(dispute, entry, link, of) or left
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


def _why_waits(dispute: Dispute, entry: Prepared, link: Link, of: Entity | None) -> str:
    """Return why a field is left as it is on both sides; blank where it is not.

    What means nothing here is written over only by what a person has set elsewhere since.
    """
    if dispute.held is not None:
        return "it waits for a person to decide"
    if dispute.is_taken:
        return "another record there holds it, and the CRM lets only one"
    if dispute.seen is not None:
        return "both sides have changed it: the record's history is read first"
    unknown = dispute.unknown
    if unknown is None:
        return ""
    is_set_since = (
        of is not None
        and is_by_a_person(of, entry.outer, link.connection)
        and of.provenance[entry.outer].at > unknown.since
    )
    return "" if is_set_since else "the record holds a value that is unknown here"


def _why_left(
    entry: Prepared,
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
        if not _is_led_back(value, held, entry.rule, lifecycle, is_ours=is_ours) and not _was_moved(
            held, entry.rule, lifecycle, of
        ):
            return "a stage only moves forward, and one that is not listed stays"
    return None


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


def _was_moved(held: JsonValue, rule: CrmField, lifecycle: Lifecycle, of: Entity | None) -> bool:
    """Say whether the lead went back from the vendor's stage itself, or people may not put it there.

    What they may not is put back, as far as the record's other fields are known here by now.
    """
    if not isinstance(of, Lead):
        return False
    stages = _stages_of(held, rule, lifecycle)
    since = lifecycle.order(of.get("led_back_from"))
    here = lifecycle.order(of.stage)
    if since >= 0 and any(here < lifecycle.order(one) <= since for one in stages):
        return True
    return bool(stages) and here >= 0 and not any(judge(lifecycle, of, one, CRM).allowed for one in stages)


def _stage_of(value: JsonValue, rule: CrmField, lifecycle: Lifecycle) -> str | None:
    """Return the stage that a vendor's value stands for; where several share it, the furthest on the way."""
    found = _stages_of(value, rule, lifecycle)
    on_the_way = [stage for stage in found if not lifecycle.is_beside(stage)]
    return max(on_the_way or found, key=lifecycle.order, default=None)


def _stages_of(value: JsonValue, rule: CrmField, lifecycle: Lifecycle) -> list[str]:
    """Return every stage that a vendor's value stands for."""
    if not rule.values:
        stage = text_of(value)
        return [stage] if lifecycle.order(stage) >= 0 else []
    return [ours for ours, theirs in rule.values.items() if same(theirs, value)]
