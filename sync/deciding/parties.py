"""Who takes part in a deal, by what a CRM says now and what it said before; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mappings.playbook import CrmMap
from model.change import Record
from model.deal import PEOPLE, STRANGERS, Deal, Party
from model.lead import Link
from sync.deciding.batch import Batch
from sync.named import companies_of, person_key


@dataclass(frozen=True, slots=True)
class Resolved:
    """The people and the company of a record, as far as they are known here."""

    leads: tuple[str, ...]  # the primary one first
    strangers: tuple[str, ...]  # ids of those who are no leads
    account: str | None


@dataclass(frozen=True, slots=True)
class PartiesNow:
    """Who takes part in a deal now, and which of the record's people are no leads."""

    parties: tuple[Party, ...]
    strangers: tuple[str, ...]


def resolved(record: Record, crm: CrmMap, batch: Batch) -> Resolved:
    """Say who of those that a record names is known here."""
    ids = [str(each) for each in record.fields.get(PEOPLE) or ()]
    leads = {each: batch.lead_id_of(person_key(crm, each)) for each in ids}
    companies = (batch.company_holder(ref) for ref in companies_of(record, crm))
    return Resolved(
        tuple(dict.fromkeys(lead for each in ids if (lead := leads[each]))),
        tuple(each for each in ids if not leads[each]),
        next(filter(None, companies), None),
    )


def parties_now(deal: Deal, link: Link | None, record: Record, crm: CrmMap, batch: Batch) -> PartiesNow:
    """Merge who takes part: who came to the record comes, who left it leaves, all others stay.

    Of a record that does not tell, nobody comes or leaves. Somebody whom the record named before they
    were a lead comes once they are. The account is that of the record's first company that is one; where
    it names none the deal keeps its own, and where it has none it is with that of its first lead.
    """
    if PEOPLE not in record.fields:
        return PartiesNow(deal.parties, tuple(link.shadow.get(STRANGERS) or ()) if link else ())
    said = resolved(record, crm, batch)
    before = _known_before(link, crm, batch)
    left = set(before) - set(said.leads)
    came = [each for each in said.leads if each not in before]
    leads = [each for each in dict.fromkeys((*deal.lead_ids, *came)) if each not in left]
    if crm.role and said.leads and (not before or before[0] != said.leads[0]):
        leads.sort(key=lambda each: each != said.leads[0])  # the CRM's people named another primary one
    account = said.account or deal.account_id or _account_of(leads, batch)
    parties = tuple(Party(each, is_primary=not n) for n, each in enumerate(leads))
    with_account = (Party(account, is_primary=True, is_account=True),) if account else ()
    return PartiesNow(parties + with_account, said.strangers)


def _known_before(link: Link | None, crm: CrmMap, batch: Batch) -> list[str]:
    """Return the leads whom the record named when it was last merged, but for those who were none then."""
    if link is None:
        return []
    strangers = set(link.shadow.get(STRANGERS) or ())
    named = (each for each in link.shadow.get(PEOPLE) or () if each not in strangers)
    return [lead for each in named if (lead := batch.lead_id_of(person_key(crm, each)))]


def _account_of(lead_ids: Iterable[str], batch: Batch) -> str | None:
    known = (batch.lead(each) for each in lead_ids if batch.knows(each))
    return next((str(one) for lead in known if (one := lead.get("account"))), None)
