"""What must be true of deals once everything is quiet, beside what must be of every record."""

from __future__ import annotations

from collections.abc import Iterator

from model.deal import Deal
from tests.agreement.crms import Account
from tests.agreement.known import Known
from tests.agreement.world import World


def about_deals(world: World, known: Known) -> Iterator[str]:
    """Yield what is wrong with deals: one without its counterpart, a record that is no deal's, a party left out."""
    for deal in known.deals.values():
        if not deal.is_gone and deal.id not in known.deals_in_review:
            yield from _lacks(world, known, deal)
    for account in world.accounts.values():
        for record in account.living(account.names.deal):
            buyers = [known.holder(account.name, account.names.buyer, one) for one in account.buyers(record.id)]
            held = known.holder(account.name, account.names.deal, record.id)
            if held is None and any(buyers) and record.id not in known.in_review:
                yield f"{account.name} {account.names.deal} {record.id} is no deal's record"


def _lacks(world: World, known: Known, deal: Deal) -> Iterator[str]:
    """Say where a deal has no record, and who of its people is not in that."""
    for name, account in world.accounts.items():
        link = deal.links.get(name)
        if link is None and not any(one.gone_at for one in deal.links.values()):
            yield f"{deal.id}: there is no record in {name}"
        if link is not None and link.gone_at is None:
            yield from _left_out(known, deal, account, link.remote_id)


def _left_out(known: Known, deal: Deal, account: Account, remote_id: str) -> Iterator[str]:
    there = account.buyers(remote_id)
    for lead in filter(None, map(known.leads.get, deal.lead_ids)):
        link = lead.links.get(account.name)
        if link is None or link.gone_at is not None or link.object != account.names.buyer:
            continue
        if link.remote_id not in there:
            yield f"{deal.id}: {lead.id} ({link.remote_id}) is not in {account.name} {remote_id}"
