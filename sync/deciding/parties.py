"""Who takes part in a deal, by what a CRM says now and what it said before; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mappings.playbook import CrmMap
from model.change import Record
from model.deal import (
    COMPANIES,
    COMPANY,
    LEAVING,
    LEFT,
    PEOPLE,
    STRANGERS,
    UNKNOWN_COMPANIES,
    Deal,
    Party,
)
from model.event import JsonValue, RecordRef
from model.lead import Link
from model.times import from_text, to_text
from sync.deciding.batch import Batch
from sync.named import companies_of, person_key

REST = timedelta(seconds=10)  # after somebody was first missed: by then it is known if their record went away
NOTHING: Mapping[str, JsonValue] = {}


@dataclass(frozen=True, slots=True)
class Resolved:
    """The people and the company of a record, as far as they are known here."""

    leads: tuple[str, ...]  # the primary one first
    strangers: tuple[str, ...]  # ids of those who are no leads
    account: str | None
    unknown_companies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PartiesNow:
    """Who takes part in a deal now, and what is to be remembered of the record until it is read again."""

    parties: tuple[Party, ...]
    marks: Mapping[str, JsonValue]  # keys of the link's shadow
    came: tuple[str, ...] = ()  # ids of the record's people
    left: Mapping[str, str] = field(default_factory=dict)  # who was taken out there: record's id -> lead
    missed: tuple[str, ...] = ()  # ids of people who are to be looked at before they are taken for such
    company_moved: bool = False  # somebody chose another account there


def resolved(record: Record, crm: CrmMap, batch: Batch) -> Resolved:
    """Say who of those that a record names is known here."""
    ids = [str(each) for each in record.fields.get(PEOPLE) or ()]
    leads = {each: batch.lead_id_of(person_key(crm, each)) for each in ids}
    companies = {ref.id: batch.company_holder(ref) for ref in companies_of(record, crm)}
    return Resolved(
        tuple(dict.fromkeys(lead for each in ids if (lead := leads[each]))),
        tuple(each for each in ids if not leads[each]),
        next(filter(None, companies.values()), None),
        tuple(each for each, account in companies.items() if not account),
    )


def just_known(said: Resolved, record: Record, batch: Batch) -> list[str]:
    """Return those of a new record whose it turned out to be in this batch: their deals are not loaded.

    Who is new in the batch has none in the store.
    """
    looked_for = batch.looked_for.get(record.ref, set())
    known = (*said.leads, *([said.account] if said.account else []))
    return [
        each
        for each in known
        if each not in looked_for and (each in batch.leads.loaded or each in batch.accounts.loaded)
    ]


def parties_now(
    deal: Deal, link: Link | None, record: Record, crm: CrmMap, batch: Batch, now: datetime
) -> PartiesNow:
    """Merge who takes part: who came to the record comes, who was taken out of it leaves, all others stay.

    Of a record that does not tell, nobody comes or leaves. Somebody whom the record named before they
    were a lead comes once they are. Whom it names no more is looked at first: whose own record was deleted,
    or went into another, was taken out by nobody. The account changes where the record's company did; where
    the deal has none it is the record's, or that of its first lead.
    """
    shadow = link.shadow if link else NOTHING
    if PEOPLE not in record.fields:
        return PartiesNow(deal.parties, {STRANGERS: list(shadow.get(STRANGERS) or ())})
    said = resolved(record, crm, batch)
    before = _known_before(shadow, crm, batch)
    waiting = _missing(deal, said, before, shadow, now)
    left = {
        each: before[each]
        for each, since in waiting.items()
        if now - since >= REST and _is_there(before[each], each, crm, batch)
    }
    came = [each for each in said.leads if each not in before.values()]
    leads = [each for each in dict.fromkeys((*deal.lead_ids, *came)) if each not in left.values()]
    if crm.role and said.leads and (not before or next(iter(before.values())) != said.leads[0]):
        leads.sort(key=lambda each: each != said.leads[0])  # the CRM's people named another primary one
    moved = said.account not in (None, _account_before(shadow, crm, batch)) and link is not None
    account = said.account if moved or deal.account_id is None else deal.account_id
    account = account or _account_of(leads, batch)
    parties = tuple(Party(each, is_primary=not n) for n, each in enumerate(leads))
    with_account = (Party(account, is_primary=True, is_account=True),) if account else ()
    told = shadow.get(LEAVING) or {}
    return PartiesNow(
        parties + with_account,
        {
            STRANGERS: list(said.strangers),
            UNKNOWN_COMPANIES: list(said.unknown_companies),
            LEAVING: {each: to_text(at) for each, at in waiting.items() if now - at < REST},
        },
        tuple(str(each) for each in record.fields[PEOPLE] if str(each) not in before),
        left,
        tuple(each for each in waiting if each not in told),
        moved and deal.account_id not in (None, said.account),
    )


def carried(
    deal: Deal, before: Deal, on: str, left: Iterable[str], crms: Mapping[str, CrmMap], batch: Batch
) -> dict[str, Mapping[str, JsonValue]]:
    """Return what other CRMs' records of a deal are to lose or change: connection -> keys of its shadow.

    Only what both sides agreed on before: who takes part there, and the company where it was the same.
    """
    found: dict[str, Mapping[str, JsonValue]] = {}
    leads = [batch.lead(each) for each in left if batch.knows(each)]
    for name, link in deal.links.items():
        crm = crms.get(name)
        if name == on or link.gone_at is not None or crm is None:
            continue
        theirs = [lead.links[name] for lead in leads if name in lead.links]
        there = link.shadow.get(PEOPLE) or ()
        ids = [one.remote_id for one in theirs if one.object == crm.people_object and one.remote_id in there]
        marks: dict[str, JsonValue] = {}
        if ids:
            marks[LEFT] = list(dict.fromkeys((*(link.shadow.get(LEFT) or ()), *ids)))
        was = before.account_id
        if was and deal.account_id != was and _account_before(link.shadow, crm, batch) == was:
            marks[COMPANY] = deal.account_id
        if marks:
            found[name] = marks
    return found


def _known_before(shadow: Mapping[str, JsonValue], crm: CrmMap, batch: Batch) -> dict[str, str]:
    """Return the leads whom the record named when it was last merged: its id of each -> lead.

    Those who were none then are left out; those who are missed since are still among them.
    """
    strangers = set(shadow.get(STRANGERS) or ())
    named = dict.fromkeys((*(shadow.get(PEOPLE) or ()), *(shadow.get(LEAVING) or ())))
    found = {each: batch.lead_id_of(person_key(crm, each)) for each in named if each not in strangers}
    return {each: lead for each, lead in found.items() if lead}


def _missing(
    deal: Deal, said: Resolved, before: Mapping[str, str], shadow: Mapping[str, JsonValue], now: datetime
) -> dict[str, datetime]:
    """Return those of the deal whom the record names no more, by its id of them, and since when."""
    since = {each: from_text(at) for each, at in (shadow.get(LEAVING) or {}).items()}
    return {
        each: since.get(each, now)
        for each, lead in before.items()
        if lead in deal.lead_ids and lead not in said.leads
    }


def _is_there(lead_id: str, remote_id: str, crm: CrmMap, batch: Batch) -> bool:
    """Say whether the person's record is still the one that the deal named, and was not deleted."""
    link = batch.lead(lead_id).links.get(crm.connection) if batch.knows(lead_id) else None
    return link is not None and link.remote_id == remote_id and link.gone_at is None


def _account_before(shadow: Mapping[str, JsonValue], crm: CrmMap, batch: Batch) -> str | None:
    """Return the account whose company the record named when it was last merged."""
    if crm.account is None:
        return None
    unknown = set(shadow.get(UNKNOWN_COMPANIES) or ())
    refs = (
        RecordRef(crm.connection, crm.account.object, each)
        for each in shadow.get(COMPANIES) or ()
        if each not in unknown
    )
    return next(filter(None, map(batch.company_holder, refs)), None)


def _account_of(lead_ids: Iterable[str], batch: Batch) -> str | None:
    known = (batch.lead(each) for each in lead_ids if batch.knows(each))
    return next((str(one) for lead in known if (one := lead.get("account"))), None)
