"""Which company records must change on a connection, and which person is yet to be associated with one."""

from __future__ import annotations

from collections.abc import Iterator

from handlers import own_record
from mappings.outward import Teammates
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
    object_map = crm.account
    if object_map is None:
        return None, Because(f"{crm.connection}: its map keeps no companies", crm.place)
    kind, made = EntityKind.ACCOUNT, "found or created"
    return own_record.wanted(
        account, kind, crm, object_map, lifecycle, lookups, made=made, why_not_made=lambda _: ""
    )


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
