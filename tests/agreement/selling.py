"""What must be true of deals once everything is quiet, beside what must be of every record."""

from __future__ import annotations

from collections.abc import Iterator

from model.deal import Deal
from tests.agreement.crms import Account
from tests.agreement.known import Known
from tests.agreement.world import World


def about_deals(world: World, known: Known) -> Iterator[str]:
    """Yield what is wrong: a deal without its counterpart, a record that is no deal's, a party left out."""
    for deal in known.deals.values():
        if not deal.is_gone and deal.id not in known.deals_in_review:
            yield from _lacks(world, known, deal)
    for account in world.accounts.values():
        for record in account.living(account.names.deal):
            held = known.holder(account.name, account.names.deal, record.id)
            if (
                held is None
                and record.id not in known.in_review
                and _is_with_somebody(known, account, record.id)
            ):
                yield f"{account.name} {account.names.deal} {record.id} is no deal's record"


def _is_with_somebody(known: Known, account: Account, deal_id: str) -> bool:
    """Say whether a lead's record takes part; a second one, which a review asks about, is none yet."""
    buyers = {
        link.remote_id for lead in known.leads.values() if (link := lead.links.get(account.name)) is not None
    }
    return not buyers.isdisjoint(account.buyers(deal_id))


def _lacks(world: World, known: Known, deal: Deal) -> Iterator[str]:
    """Say where a deal has no record, and who of its people is not in that."""
    for name, account in world.accounts.items():
        link = deal.links.get(name)
        if link is None and not any(one.gone_at for one in deal.links.values()):
            yield f"{deal.id}: there is no record in {name}"
        if link is not None and link.gone_at is None:
            yield from _left_out(known, deal, account, link.remote_id)


def _left_out(known: Known, deal: Deal, account: Account, remote_id: str) -> Iterator[str]:
    """Say who is missing; who is there by a second record, about which a person is asked, is not."""
    buyer = account.names.buyer
    there = [known.holder(account.name, buyer, one) for one in account.buyers(remote_id)]
    for lead in filter(None, map(known.leads.get, deal.lead_ids)):
        link = lead.links.get(account.name)
        if link is None or link.gone_at is not None or link.object != buyer:
            continue
        if lead not in there:
            yield f"{deal.id}: {lead.id} ({link.remote_id}) is not in {account.name} {remote_id}"
