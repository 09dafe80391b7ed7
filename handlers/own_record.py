"""What the one record of an account or a deal must be made to hold on a connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mappings.outward import Teammates, difference, draft
from mappings.playbook import CrmMap, Lifecycle, ObjectMap
from model.account import Account
from model.deal import Deal
from model.decision import Because, EntityKind, WriteBack
from model.event import JsonValue

Values = Mapping[str, JsonValue]


def wanted(
    entity: Account | Deal,
    kind: EntityKind,
    crm: CrmMap,
    object_map: ObjectMap,
    lifecycle: Lifecycle,
    lookups: Teammates,
    *,
    made: str,
    why_not_made: Callable[[Values], str],
) -> tuple[WriteBack | None, Because]:
    """Return what a record must be made to hold, if anything, and why.

    ``made`` says in words how a record comes about that is not there; ``why_not_made`` why it does not, by
    the values it would hold, and is blank where it does. One that people deleted is not made anew.
    """
    link, name = entity.links.get(crm.connection), f"{crm.connection}: {object_map.object}"
    if link is not None and link.gone_at is not None:
        return None, Because(f"{name} {link.remote_id} was deleted there; it is not made anew", crm.place)
    values = draft(entity, object_map, crm.connection, lookups, creating=link is None)
    if link is None:
        if why := why_not_made(values):
            return None, Because(f"{name} is not made: {why}", object_map.place)
    else:
        values = difference(values, link, object_map, lifecycle, of=entity)
        if not values:
            return None, Because(f"{name} holds it all already", object_map.place)
    doing = "differs in" if link else f"is to be {made} with"
    effect = WriteBack(crm.connection, object_map.object, tuple(values), kind)
    return effect, Because(f"{name} {doing} {', '.join(values)}", object_map.place)
