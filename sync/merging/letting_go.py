"""What waits for a person about a record, once it is nobody's any more."""

from __future__ import annotations

from collections.abc import Iterator

from handlers.base import Lookups
from mappings.outward import inward_record, read_rules
from mappings.playbook import CrmMap
from model.decision import FreeField, RecordConflict
from model.entity import Entity
from model.lead import Link


def let_go(
    link: Link, entity: Entity, crm: CrmMap | None, lookups: Lookups, why: str
) -> Iterator[FreeField | RecordConflict]:
    """Yield that nothing held about a record waits any longer, and the values there that give way with it."""
    object_map = crm.map_of(link.object) if crm is not None else None
    for rule in read_rules(object_map) if object_map is not None else ():
        dispute = link.disputes.get(rule.remote)
        if object_map is None or dispute is None or dispute.held is None:
            continue
        yield FreeField(link.connection, rule.field, "", why, "")
        theirs = {rule.remote: dispute.held.theirs}
        lost = inward_record(theirs, object_map, link.connection, lookups).get(rule.field)
        if lost is not None:
            yield RecordConflict(link.connection, rule.field, entity.fields.get(rule.field), lost, why)
