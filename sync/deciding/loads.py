"""Reads into a batch what its events touch: a query or a few for all of them, each only where needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from handlers.workload import open_stages
from mappings.domains import company_domain, possible_domains
from mappings.matcher.company import keys_of_lead
from mappings.playbook import CrmMap, Matching, Playbook
from model.account import account_id
from model.deal import LEAVING
from model.event import IMPORT, JsonValue, RecordRef, StoredEvent
from model.lead import Identity, Lead
from sync import (
    accounts,
    deals,
    deletions,
    engagements,
    inbox,
    joins,
    leads,
    links,
    matching,
    outbox,
    proposals,
    timers,
    undoing,
    workloads,
)
from sync.alike import sure
from sync.asking import asks
from sync.deciding.batch import Batch
from sync.deciding.understand import Work
from sync.links import record_key
from sync.named import companies_before, people_before

Post = tuple[Sequence[Identity], Sequence[str]]
"""A post's keys, and the leads that a person named for it."""


def load_people(
    batch: Batch, snapshot: Connection, space: str, keys: Iterable[Identity], lead_ids: Iterable[str]
) -> None:
    """Read whom these keys belong to, and those leads."""
    batch.owners |= leads.find(snapshot, space, keys)
    wanted = {*batch.owners.values(), *lead_ids}
    batch.leads.load(leads.load(snapshot, wanted))
    if missing := wanted - batch.leads.loaded.keys():  # some may have been taken into others
        batch.present_ids |= joins.present_ids(snapshot, missing)
        batch.leads.load(leads.load(snapshot, set(batch.present_ids.values()) - batch.leads.loaded.keys()))


def load_sure(
    batch: Batch, snapshot: Connection, space: str, matching: Matching | None, work: Sequence[Work]
) -> None:
    """Read what stands in the way of joining leads by evidence alone, and who else may be the same person."""
    if matching is None or matching.same is None:
        return
    ids = {batch.present_id(one) for item in work for one in item.lead_ids}
    batch.rivals = sure.beside(snapshot, space, ids, matching.same)
    batch.apart = sure.apart(snapshot, space, ids)
    batch.joined_alone = sure.joined_since(snapshot, space, work[0].stored.decided_at - timedelta(days=1))
    strangers = {one for some in batch.rivals.values() for one in some} - batch.leads.loaded.keys()
    batch.leads.load(leads.load(snapshot, strangers))


def load_owners(batch: Batch, snapshot: Connection, space: str, keys: Iterable[Identity]) -> None:
    """Read whose these keys are, so that no lead claims another one's."""
    batch.owners |= leads.find(snapshot, space, set(keys) - batch.owners.keys())


def load_in_flight(batch: Batch, snapshot: Connection, space: str, refs: Iterable[RecordRef]) -> None:
    """Read what is on its way just now to those who are loaded, whose records these may be."""
    names = {ref.connection for ref in refs}
    ids = {*batch.leads.now, *batch.accounts.now, *batch.deals.now}
    if names and ids:
        batch.doubts |= outbox.in_flight(snapshot, space, names, ids)


def load_under_way(batch: Batch, snapshot: Connection, space: str, now: datetime) -> None:
    """Read to whom of the loaded leads a call is under way."""
    batch.under_way |= outbox.under_way(snapshot, space, batch.leads.now.keys(), now)


def load_workload(batch: Batch, snapshot: Connection, space: str, playbook: Playbook, now: datetime) -> None:
    """Read who was given how much, as far as the rules of routing ask; without such rules no query."""
    if "assign" not in playbook.pipeline:
        return
    # Not only of those without an owner: an event of the batch may take it from them.
    read = workloads.load(snapshot, space, playbook, list(batch.leads.now), list(batch.accounts.now), now)
    if read is not None:
        batch.load_workload(read, open_stages(playbook.lifecycle))


def load_engagements(
    batch: Batch, snapshot: Connection, kinds: Collection[str], refs: Collection[RecordRef]
) -> None:
    """Read what was done with the loaded leads: what rules count, and what events tell of."""
    if batch.leads.now and (kinds or refs):
        for lead_id, one in engagements.load(snapshot, batch.leads.now, kinds, refs):
            batch.leads.now[lead_id].engagements[one.ref] = one


def load_timers(batch: Batch, snapshot: Connection) -> None:
    """Read when the loaded leads are to be looked at again; after all that loads leads."""
    if batch.leads.now:
        for lead_id, timer in timers.load(snapshot, batch.leads.now):
            batch.leads.now[lead_id].timers[timer.name] = timer


def load_asked(batch: Batch, snapshot: Connection) -> None:
    """Read what providers were asked about the loaded leads."""
    if batch.leads.now:
        for lead_id, question in asks.of_leads(snapshot, batch.leads.now):
            batch.leads.now[lead_id].asked.add(question)


def load_deletions(
    batch: Batch,
    snapshot: Connection,
    space: str,
    crms: Mapping[str, CrmMap],
    gone: Sequence[RecordRef],
    held: Iterable[int],
    now: datetime,
) -> None:
    """Read what is known of records that are gone, and whether these are too many at once."""
    batch.deletions = deletions.look(snapshot, space, gone, held)
    batch.deletions.own = proposals.being_deleted(snapshot, space, gone) if gone else set()
    new = Counter(ref.connection for ref in set(gone) - batch.deletions.own if _is_news(batch, ref))
    batch.deletions.braked = deletions.brake(snapshot, space, crms, new, now)


def _is_news(batch: Batch, ref: RecordRef) -> bool:
    """Say whether a lead is linked to a record, and nothing has followed yet from its being gone."""
    holder = batch.owners.get(record_key(ref))
    link = batch.leads.now[holder].links.get(ref.connection) if holder in batch.leads.now else None
    if link is None or (link.object, link.remote_id) != (ref.object, ref.id):
        return False
    return link.gone_at is None or batch.deletions.is_pending(ref)


def load_undone(
    batch: Batch,
    snapshot: Connection,
    space: str,
    crms: Mapping[str, CrmMap],
    asked: Sequence[StoredEvent],
    now: datetime,
) -> None:
    """Read what batches that are taken back left with the loaded leads, and whether it deletes too many."""
    by_batch: dict[str, set[str]] = {}
    deleted: dict[str, int] = {}
    for stored in asked:
        said = stored.event.payload
        if "lead_id" in said:
            by_batch.setdefault(said[IMPORT]["batch"], set()).add(batch.present_id(said["lead_id"]))
        for name, number in said.get("deletes", {}).items():
            deleted[name] = max(number, deleted.get(name, 0))
    for name, lead_ids in by_batch.items():
        found = undoing.read(snapshot, space, name, lead_ids & batch.leads.now.keys())
        batch.traces |= {(name, lead_id): traces for lead_id, traces in found.items()}
    rows = [row for stored in asked for row in stored.event.payload.get("rows", ())]
    batch.rows = inbox.load(snapshot, rows)
    batch.braked_undo = deletions.brake(snapshot, space, crms, deleted, now)


def load_accounts(
    batch: Batch,
    snapshot: Connection,
    space: str,
    playbook: Playbook,
    posted: Iterable[Mapping[str, JsonValue]],
    account_ids: Iterable[str] = (),
    companies: Iterable[RecordRef] = (),
) -> None:
    """Read the accounts that the loaded leads may belong to once these fields are posted.

    ``companies`` are records of whom it must be known which account has them.
    """
    wanted = set(account_ids)
    if playbook.joins_accounts:
        fields = [*posted, *(lead.fields for lead in batch.leads.now.values())]
        domains = {one for each in fields for one in possible_domains(each, playbook.accounts)}
        wanted |= {account_id(space, domain) for domain in domains}
        wanted |= {str(one) for lead in batch.leads.now.values() if (one := lead.fields.get("account"))}
    held = links.ACCOUNTS.held(snapshot, space, companies)
    batch.accounts.holders |= held
    wanted |= set(held.values())
    batch.accounts.load(accounts.load(snapshot, wanted))
    if playbook.joins_accounts and playbook.accounts.match is not None:
        _load_alike(batch, snapshot, space, playbook, fields)


def _load_alike(
    batch: Batch,
    snapshot: Connection,
    space: str,
    playbook: Playbook,
    fields: Sequence[Mapping[str, JsonValue]],
) -> None:
    """Read the accounts that share a key with these companies, with their deals; of known domains none."""
    unknown = [
        each
        for each in fields
        if not (found := company_domain(each, playbook.accounts).domain)
        or batch.account(account_id(space, found)) is None
    ]
    # What a post brings is mixed with what is known of the lead: each key of either may come to count.
    keys = {key for each in unknown for key in keys_of_lead(each).each}
    batch.alike.load(*accounts.alike(snapshot, space, keys))
    strangers = batch.alike.ids - batch.accounts.now.keys()
    batch.accounts.load(accounts.load(snapshot, strangers))
    batch.alike.deals = accounts.deals_of(snapshot, batch.alike.ids)


def load_deals(
    batch: Batch,
    snapshot: Connection,
    space: str,
    playbook: Playbook,
    held: Mapping[RecordRef, str],
    wanted: Iterable[str],
) -> None:
    """Read these deals, and who it is that their records named when they were last merged.

    ``held`` are the records of deals that events tell of, with whose they are.
    """
    batch.deals.holders |= held
    batch.deals.load(deals.load(snapshot, wanted))
    linked = [
        (link, crm)
        for deal in batch.deals.now.values()
        for link in deal.links.values()
        if (crm := playbook.crms.get(link.connection)) is not None
    ]
    people = {key for link, crm in linked for key in people_before(link, crm)}
    batch.owners |= leads.find(snapshot, space, people - batch.owners.keys())
    companies = {ref for link, crm in linked for ref in companies_before(link, crm)}
    unknown = companies - batch.accounts.holders.keys()
    batch.accounts.holders |= links.ACCOUNTS.held(snapshot, space, unknown)
    leaving = [key for link, crm in linked if link.shadow.get(LEAVING) for key in people_before(link, crm)]
    missed = {whose for key in leaving if (whose := batch.owners.get(key))} - batch.leads.now.keys()
    if missed:
        batch.leads.load(leads.load(snapshot, missed))


def ask_mirror(
    batch: Batch, snapshot: Connection, space: str, playbook: Playbook, posts: Iterable[Post]
) -> None:
    """Read what the mirror knows of those whom these posts are about, where they have no record yet.

    Only mirrors that are whole are asked, of connections whose owners are known: a batch of
    people who are linked everywhere costs no query.
    """
    names = [name for name in playbook.crms if name in batch.people.rosters]
    unlinked = [
        (keys, known) for keys, known in (_known(batch, post) for post in posts) if _lack(known, names)
    ]
    if not unlinked:
        return
    asked: dict[str, list[Identity]] = {}
    for name in matching.whole(snapshot, space, (playbook.crms[each] for each in names)):
        for keys, known in unlinked:
            if _lack(known, (name,)):
                asked.setdefault(name, []).extend(
                    (*keys, *(key for lead in known for key in matching.keys_of(lead)))
                )
    if not asked:
        return
    batch.hits = matching.load(snapshot, space, asked)
    batch.owners |= leads.find(snapshot, space, map(record_key, batch.hits.refs()))


def _known(batch: Batch, post: Post) -> tuple[list[Identity], list[Lead]]:
    """Return the addresses of a post, and the leads it may be about."""
    keys, named = post
    ids = dict.fromkeys((*filter(None, map(batch.owners.get, keys)), *named))
    addresses = [key for key in keys if key.kind == "email"]
    return addresses, [batch.leads.now[each] for each in ids if each in batch.leads.now]


def _lack(known: Sequence[Lead], names: Iterable[str]) -> bool:
    """Say whether someone has no record on one of these connections: a new person has none."""
    return not known or any(name not in lead.links for lead in known for name in names)
