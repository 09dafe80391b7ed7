"""Which company records must change on a connection, and which person is yet to be associated with one."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.outward import Teammates, difference, draft
from mappings.playbook import CrmMap, Lifecycle
from model.account import Account
from model.decision import Because, EntityKind, WriteBack
from model.lead import ASSOCIATED, Lead


def wanted(
    lead: Lead, account: Account, crm: CrmMap, lifecycle: Lifecycle, lookups: Teammates
) -> Iterator[tuple[WriteBack | None, Because]]:
    """Yield what is missing on a connection of the lead's account, then of their association."""
    yield of_account(account, crm, lifecycle, lookups)
    association = _association(lead, account, crm)
    if association is not None:
        yield association


def of_account(
    account: Account, crm: CrmMap, lifecycle: Lifecycle, lookups: Teammates
) -> tuple[WriteBack | None, Because]:
    """Return what an account's record must be made to hold, if anything, and why."""
    object_map, link = crm.account, account.links.get(crm.connection)
    if object_map is None:
        return None, Because(f"{crm.connection}: its map keeps no companies", crm.place)
    name = f"{crm.connection}: {object_map.object}"
    if link is not None and link.gone_at is not None:
        return None, Because(f"{name} {link.remote_id} was deleted there; it is not made anew", crm.place)
    values = draft(account, object_map, crm.connection, lookups, creating=link is None)
    if link is not None:
        values = difference(values, link, object_map, lifecycle, of=account)
        if not values:
            return None, Because(f"{name} holds it all already", object_map.place)
    doing = "differs in" if link else "is to be found or created with"
    effect = WriteBack(crm.connection, object_map.object, tuple(values), EntityKind.ACCOUNT)
    return effect, Because(f"{name} {doing} {', '.join(values)}", object_map.place)


def _association(lead: Lead, account: Account, crm: CrmMap) -> tuple[WriteBack, Because] | None:
    """Return that the two records are to be associated; ``None`` where they are, or cannot be."""
    link, company = lead.links.get(crm.connection), account.links.get(crm.connection)
    held_as = link.object if link else crm.create_object
    if crm.associated_object is None or held_as != crm.associated_object:
        return None
    if any(one is not None and one.gone_at is not None for one in (link, company)):
        return None
    if link is not None and company is not None and link.shadow.get(ASSOCIATED) == company.remote_id:
        return None
    effect = WriteBack(crm.connection, held_as, (), EntityKind.ASSOCIATION)
    return effect, Because(f"{crm.connection}: {held_as} is to be associated with its company", crm.place)
