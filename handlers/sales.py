"""Which deal records must change on a connection, or are to be made there."""

from __future__ import annotations

from datetime import timedelta

from mappings.outward import Teammates, difference, draft
from mappings.playbook import DEAL_NEEDS, CrmMap, Lifecycle, ObjectMap
from model.deal import Deal
from model.decision import Because, EntityKind, WriteBack
from model.event import JsonValue

LONG_CLOSED = timedelta(days=1)  # before leadrelay heard of it: history, which is left where it is


def of_deal(
    deal: Deal, crm: CrmMap, lifecycle: Lifecycle, lookups: Teammates
) -> tuple[WriteBack | None, Because]:
    """Return what a deal's record must be made to hold, if anything, and why."""
    object_map, link = crm.deal, deal.links.get(crm.connection)
    if object_map is None:
        return None, Because(f"{crm.connection}: its map keeps no deals", crm.place)
    name = f"{crm.connection}: {object_map.object}"
    if link is not None and link.gone_at is not None:
        return None, Because(f"{name} {link.remote_id} was deleted there; it is not made anew", crm.place)
    values = draft(deal, object_map, crm.connection, lookups, creating=link is None)
    if link is None:
        if why := _why_not_made(deal, crm, object_map, values):
            return None, Because(f"{name} is not made: {why}", object_map.place)
    else:
        values = difference(values, link, object_map, lifecycle, of=deal)
        if not values:
            return None, Because(f"{name} holds it all already", object_map.place)
    doing = "differs in" if link else "is to be created with"
    effect = WriteBack(crm.connection, object_map.object, tuple(values), EntityKind.DEAL)
    return effect, Because(f"{name} {doing} {', '.join(values)}", object_map.place)


def _why_not_made(deal: Deal, crm: CrmMap, object_map: ObjectMap, values: dict[str, JsonValue]) -> str:
    """Return why a deal is not made in a CRM; blank where it is."""
    if not crm.creates_deals:
        return "the map makes none there"
    if deal.is_gone:
        return "it was deleted"
    if deal.closed_at and deal.created_at and deal.closed_at < deal.created_at - LONG_CLOSED:
        return f"it was {deal.outcome} before leadrelay heard of it"
    remotes = {rule.field: rule.remote for rule in object_map.fields}
    lacking = [name for name in DEAL_NEEDS[crm.kind] if values.get(remotes.get(name, "")) is None]
    return f"it has no {', '.join(lacking)} that is known there" if lacking else ""
