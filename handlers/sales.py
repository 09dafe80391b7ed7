"""Which deal records must change on a connection, or are to be made there."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from handlers import own_record
from handlers.own_record import Values
from mappings.outward import Teammates
from mappings.playbook import DEAL_NEEDS, CrmMap, Lifecycle, ObjectMap
from model.deal import Deal
from model.decision import Because, EntityKind, WriteBack

LONG_CLOSED = timedelta(days=1)  # before leadrelay heard of it: history, which is left where it is


def of_deal(
    deal: Deal, crm: CrmMap, lifecycle: Lifecycle, lookups: Teammates
) -> tuple[WriteBack | None, Because]:
    """Return what a deal's record must be made to hold, if anything, and why."""
    object_map = crm.deal
    if object_map is None:
        return None, Because(f"{crm.connection}: its map keeps no deals", crm.place)
    why_not_made = partial(_why_not_made, deal, crm, object_map)
    return own_record.wanted(
        deal, EntityKind.DEAL, crm, object_map, lifecycle, lookups, made="created", why_not_made=why_not_made
    )


def _why_not_made(deal: Deal, crm: CrmMap, object_map: ObjectMap, values: Values) -> str:
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
