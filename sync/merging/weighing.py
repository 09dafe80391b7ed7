"""Which side of one field stands where the CRM and the lead differ; pure.

Where one side alone has moved since both last agreed, that side stands, whatever the clocks say. The
clocks are asked only where both have moved: then the later change counts, or the field's authority says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from mappings.comparing import members
from mappings.moving import CRM, Ruling, judge
from mappings.outward import is_blank_on, is_by_a_person, read_rules
from mappings.playbook import CrmField, CrmMap, Lifecycle, Playbook
from model.change import Record
from model.enrichment import is_machine
from model.entity import Entity
from model.event import JsonValue
from model.lead import PERSON, RULE, Lead, Provenance
from model.times import from_text


class Stands(StrEnum):
    """What becomes of a field on which two sides differ."""

    THEIRS = "theirs"
    OURS = "ours"
    BOTH = "both"  # one value is made of the two
    NEITHER = "neither"  # a person decides
    UNKNOWN = "unknown"  # nobody can say before the field's history is read


@dataclass(frozen=True, slots=True)
class Weighed:
    """Which side stands, and why; ``value`` where it is made of both."""

    stands: Stands
    why: str
    value: JsonValue = None


@dataclass(frozen=True, slots=True)
class Sides:
    """One field as a merge sees it, in canonical values."""

    rule: CrmField
    ours: JsonValue
    theirs: JsonValue
    theirs_at: datetime | None  # when it became so there, or a bound: it was not later
    is_exact: bool  # the moment is the field's own
    ours_moved: bool
    theirs_moved: bool
    is_edit: bool  # the two were linked before: what moved there is somebody's change
    said: Mapping[str, JsonValue] = field(default_factory=dict)  # the whole record, in lead fields


def weigh(sides: Sides, entity: Entity, crm: CrmMap, playbook: Playbook) -> Weighed:
    """Say which side stands, where both hold something and the two differ."""
    rule = sides.rule
    if rule.kind == "stage":
        return _stage(playbook.lifecycle, sides, entity)
    if rule.field in playbook.consent.by_field and (said := said_no(sides, entity)) is not None:
        return said
    if sides.theirs is not None and sides.theirs_moved and is_machine(entity.provenance.get(rule.field)):
        return Weighed(Stands.THEIRS, f"it was said in {crm.connection}, and here only by a provider")
    if rule.authority == "leadrelay" and (sides.ours is not None or sides.ours_moved):
        return Weighed(Stands.OURS, "leadrelay owns the field")
    if rule.authority == "crm_unless_blank" and sides.theirs is not None:
        return Weighed(Stands.THEIRS, f"{crm.connection}'s value counts wherever it has one")
    if not sides.theirs_moved:
        return Weighed(Stands.OURS, "only leadrelay's has changed")
    other = _preferred(entity, rule, crm, playbook)
    if other:
        return Weighed(Stands.OURS, f"{other}'s value counts wherever it has one")
    if rule.kind == "deal_stage" and sides.ours_moved and (won := _won(sides, playbook)) is not None:
        return won
    if not sides.ours_moved:
        why = "leadrelay had none" if sides.ours is None else f"it was changed in {crm.connection} alone"
        return Weighed(Stands.THEIRS, why)
    return _both_moved(sides, entity, crm)


def said_no(sides: Sides, entity: Entity) -> Weighed | None:
    """Let a no to a purpose of consent stand on either side; ``None`` where nobody has said one.

    One in the CRM counts as soon as it is news, unless the person has said yes since. One here is lifted
    by the person alone.
    """
    if sides.ours is False:
        return Weighed(Stands.OURS, "only the person takes a no back")
    if sides.theirs is not False or not sides.theirs_moved:
        return None
    origin = entity.provenance.get(sides.rule.field)
    is_own = origin is not None and not origin.by_people and sides.ours is True
    if is_own and origin is not None and sides.theirs_at is not None and origin.at > sides.theirs_at:
        return Weighed(Stands.OURS, "the person has said yes since")
    return Weighed(Stands.THEIRS, "a no counts wherever it was said")


def _stage(lifecycle: Lifecycle, sides: Sides, entity: Entity) -> Weighed:
    """Let people move a lead as its stages allow; at the first meeting the further stage counts."""
    ours, theirs = sides.ours, sides.theirs
    if not sides.theirs_moved:
        return Weighed(Stands.OURS, "only leadrelay's has changed")
    is_further = lifecycle.order(theirs) > lifecycle.order(ours)
    if not sides.is_edit or not isinstance(entity, Lead):
        if is_further:
            return Weighed(Stands.THEIRS, "it is further along")
        return Weighed(Stands.OURS, "a lead only moves forward here")
    to, ruling = _ruled(lifecycle, sides, entity)
    if ruling.asks:
        return Weighed(Stands.NEITHER, f"{ruling.why}; a person decides")
    if not ruling.allowed:
        return Weighed(Stands.OURS, ruling.why)
    told = "it is further along" if is_further else "a person led the lead back"
    return Weighed(Stands.THEIRS, f"{told}, without: {'; '.join(ruling.lacks)}" if ruling.lacks else told, to)


def _ruled(lifecycle: Lifecycle, sides: Sides, lead: Lead) -> tuple[str, Ruling]:
    """Return the stage that people mean, and whether the lead may go there.

    A value of the CRM's may stand for several stages: the first counts; where the stage lists its moves, else
    the furthest on the way to which one of them leads.
    """
    first = str(sides.theirs)
    meant, here = sides.rule.values.get(first), lifecycle.stage(lead.stage)
    stages = [first]
    if meant is not None and here is not None and here.moves is not None:
        others = [ours for ours, theirs in sides.rule.values.items() if theirs == meant and ours != first]
        on_the_way = [one for one in others if not lifecycle.is_beside(one)]
        stages += sorted(on_the_way, key=lifecycle.order, reverse=True)
    rulings = [(one, judge(lifecycle, lead, one, CRM, sides.said)) for one in stages]
    return next((each for each in rulings if each[1].allowed), rulings[0])


def _won(sides: Sides, playbook: Playbook) -> Weighed | None:
    """Let a deal that one side has won stay won, whatever the other side made of it meanwhile.

    Once both agree that it is won, a later change of one side alone is somebody's who reopens it, and counts.
    """
    outcome = playbook.deals.outcome if playbook.deals is not None else lambda _: "open"
    ours, theirs = (outcome(stage) == "won" for stage in (sides.ours, sides.theirs))
    if ours == theirs:
        return None
    return Weighed(Stands.OURS if ours else Stands.THEIRS, "a deal that was won stays won")


def _preferred(entity: Entity, rule: CrmField, crm: CrmMap, playbook: Playbook) -> str:
    """Return another connection whose value of this field counts wherever it has one, and that has one."""
    for name, link in entity.links.items():
        other = playbook.crms.get(name)
        object_map = other.map_of(link.object) if other is not None and name != crm.connection else None
        if object_map is None:
            continue
        for one in read_rules(object_map):
            held = link.shadow.get(one.remote)
            is_asked = one.field == rule.field and one.authority == "crm_unless_blank"
            if is_asked and not is_blank_on(object_map, one.remote, held):
                return name
    return ""


def _both_moved(sides: Sides, entity: Entity, crm: CrmMap) -> Weighed:
    rule = sides.rule
    origin = entity.provenance.get(rule.field)
    if rule.kind == "owner" and (origin is None or origin.source == RULE) and rule.authority != "hold":
        return Weighed(Stands.THEIRS, f"a person in {crm.connection} set it, a rule the other")
    match rule.authority:
        case "hold":
            return Weighed(Stands.NEITHER, "both sides have changed it, and the map asks a person")
        case "crm" if not is_by_a_person(entity, rule.field, crm.connection):
            return Weighed(Stands.THEIRS, f"the people in {crm.connection} own the field")
        case "crm_unless_blank":
            return Weighed(Stands.OURS, f"{crm.connection} has none")
        case "max" | "min":
            return _extreme(sides)
        case "union":
            value = ";".join(dict.fromkeys((*members(sides.ours), *members(sides.theirs))))
            return Weighed(Stands.BOTH, "the values of both", value)
        case _:
            return _later(sides, origin, crm.connection, entity)


def _later(sides: Sides, origin: Provenance | None, connection: str, entity: Entity) -> Weighed:
    """Let the later change stand.

    On a tie: what a person decided here, then the CRMs in the order of their names, then posts and rules.
    """
    if origin is None or sides.theirs_at is None:
        return Weighed(Stands.THEIRS, "the CRM's is newer")
    if origin.at > sides.theirs_at:
        return Weighed(Stands.OURS, "leadrelay's is newer")
    if not sides.is_exact:
        return Weighed(Stands.UNKNOWN, "the CRM's may be newer: the field's history says")
    is_tie = origin.at == sides.theirs_at and is_by_a_person(entity, sides.rule.field, connection)
    if is_tie and (origin.source == PERSON or origin.source < connection):
        return Weighed(Stands.OURS, "both are of the same moment, and leadrelay's comes first")
    return Weighed(Stands.THEIRS, "the CRM's is newer")


def _extreme(sides: Sides) -> Weighed:
    is_max = sides.rule.authority == "max"
    word = "greater" if is_max else "lesser"
    ours, theirs = _rank(sides.ours), _rank(sides.theirs)
    if theirs is None or (ours is not None and (ours > theirs) is is_max):
        return Weighed(Stands.OURS, f"leadrelay's is the {word}")
    return Weighed(Stands.THEIRS, f"the CRM's is the {word}")


def _rank(value: JsonValue) -> Any:
    """Return what a number or a moment is compared by; ``None`` for what is neither."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    try:
        return from_text(str(value)).timestamp()
    except (ValueError, OverflowError):
        return None


def moment_there(rule: CrmField, record: Record) -> datetime | None:
    """Return when the field came to hold its value there, as far as is known: at the latest then."""
    changed: Mapping[str, datetime] = record.changed_at
    return changed.get(rule.remote) or record.modified_at
