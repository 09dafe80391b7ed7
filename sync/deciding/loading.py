"""Reads what a batch of events touches, from one snapshot: a few set-based queries, each only when needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from handlers.deals import weight
from mappings.playbook import Deals, Playbook
from model.change import Record
from model.deal import Standing, plain_name
from model.event import EventKind, JsonValue, RecordRef
from model.lead import MATCHER
from sync import deals, forget, links, mirror, proposals, remembered, same_deals
from sync.alike import pairs
from sync.alike.pairs import REMINDER, ordered
from sync.deciding import loads
from sync.deciding.batch import Batch
from sync.deciding.understand import Work, deal_name, is_deal, keys_said, said_by
from sync.links import record_key
from sync.people import People
from sync.remembered import Memory


def load(
    snapshot: Connection,
    space: str,
    work: Sequence[Work],
    playbook: Playbook,
    people: People,
    now: datetime,
    shut: Callable[[], Mapping[str, str]],
) -> Batch:
    """Return the batch in which this work is decided."""
    batch = Batch(people, shut)
    keys = [key for item in work for key in item.keys]
    lead_ids = [each for item in work if _needs_lead(item, playbook) for each in item.lead_ids]
    loads.load_people(batch, snapshot, space, keys, lead_ids)
    if sure_ones := [item for item in work if item.stored.event.source == MATCHER]:
        loads.load_sure(batch, snapshot, space, playbook.matching, sure_ones)
    posts = [(item.keys, item.lead_ids) for item in work if item.reading is not None]
    loads.ask_mirror(batch, snapshot, space, playbook, posts)
    if met := {key for record in batch.hits.records() for key in keys_said(record, playbook)}:
        loads.load_owners(batch, snapshot, space, met)
    _accounts(snapshot, space, batch, work, playbook)
    told = [item.record.ref for item in work if item.record and _is_engagement(item)]
    loads.load_engagements(batch, snapshot, playbook.counted, told)
    _identity(snapshot, space, batch, work, playbook)
    _deals(snapshot, space, batch, work, playbook)
    changed = [item.record.ref for item in work if item.record and _is_change(item)]
    if changed:
        loads.load_in_flight(batch, snapshot, space, changed)
    undone = [item for item in work if item.stored.event.kind is EventKind.UNDO]
    if undone:
        loads.load_undone(batch, snapshot, space, playbook.crms, [item.stored for item in undone], now)
    if before := [*_fields_before(batch)]:
        held = [str(one) for fields in before if (one := fields.get("account"))]
        loads.load_accounts(batch, snapshot, space, playbook, before, held)
    if undone or any((_is_change(item) and _may_join(item.record)) or _is_pair(item) for item in work):
        loads.load_under_way(batch, snapshot, space, now)
    if playbook.sets_timers or any(item.stored.event.kind is EventKind.TIMER for item in work):
        loads.load_timers(batch, snapshot)
    if playbook.enrichment.providers:
        loads.load_asked(batch, snapshot)
    loads.load_workload(batch, snapshot, space, playbook, work[0].stored.decided_at)
    return batch


def _fields_before(batch: Batch) -> Iterator[Mapping[str, JsonValue]]:
    """Yield what leads may hold again once a join or a file is undone: their accounts may be others then."""
    for memory in batch.memories.values():
        if isinstance(memory, Memory):
            yield from (memory.survivor.fields, memory.absorbed.fields)
    for traces in batch.traces.values():
        for held in traces.before.values():
            yield {name: one.value for name, one in held.items()}


def _accounts(
    snapshot: Connection, space: str, batch: Batch, work: Sequence[Work], playbook: Playbook
) -> None:
    """Read the accounts that this work may touch; without the handler only those that events name."""
    named = [account_id for item in work for account_id in item.account_ids]
    if not (named or playbook.joins_accounts or any(map(_is_change, work))):
        return
    posted = [item.reading.fields for item in work if item.reading is not None]
    posted += [said_by(item.record, playbook) for item in work if item.record and not item.account_ids]
    posted += [said_by(record, playbook) for record in batch.hits.records()]
    companies = [
        RecordRef(ref.connection, ref.object, each)
        for item in work
        if item.record is not None and (item.account_ids or _is_change(item))
        for ref in (item.record.ref,)
        for each in (ref.id, *item.record.merged_ids, *_became(item.record))
    ]
    companies += [ref for item in work for ref in item.companies]
    loads.load_accounts(batch, snapshot, space, playbook, posted, named, companies)


def _identity(
    snapshot: Connection, space: str, batch: Batch, work: Sequence[Work], playbook: Playbook
) -> None:
    """Read what people answer, what is known of deletions, and who was forgotten: only who is named."""
    said = [item.stored.event.payload for item in work if item.stored.event.kind is EventKind.ANSWER]
    if answered := [one["proposal"] for one in said if "proposal" in one]:
        batch.proposals = proposals.load(snapshot, space, answered)
    if reminded := [item.lead_ids for item in work if REMINDER in item.stored.event.payload]:
        present = [tuple(map(batch.present_id, some)) for some in reminded]
        batch.agreed = pairs.among_agreed(snapshot, space, [ordered(a, b) for a, b in present])
    if unjoined := [str(one["unjoin"]) for one in said if "unjoin" in one]:
        now = work[0].stored.decided_at
        batch.memories = {one: remembered.load(snapshot, space, one, now) for one in unjoined}
        kept = [one for one in batch.memories.values() if isinstance(one, Memory)]
        waiting = [each for one in kept for each in one.proposals]
        batch.proposals |= proposals.load(snapshot, space, waiting) if waiting else {}
    if asked := [one["question"] for one in said if "question" in one]:
        batch.questions = same_deals.load(snapshot, space, asked)
    changed = [item for item in work if item.record and _is_change(item) and not item.account_ids]
    gone = [item.record.ref for item in changed if item.record and _is_gone(item.record)]
    held = [one["deletion"] for one in said if "deletion" in one]
    if gone or held:
        now = work[0].stored.decided_at
        loads.load_deletions(batch, snapshot, space, playbook.crms, gone, held, now)
    strangers = {key for item in changed for key in item.keys if batch.lead_id_of(key) is None}
    if strangers:
        batch.forgotten = forget.forgotten(snapshot, space, strangers)
        refs = [
            item.record.ref for item in changed if item.record and record_key(item.record.ref) in strangers
        ]
        batch.forgotten_records = mirror.forgotten(snapshot, space, refs)


def _deals(snapshot: Connection, space: str, batch: Batch, work: Sequence[Work], playbook: Playbook) -> None:
    """Read the deals that this work is about, those that new records may be, and what people hear of.

    An account may have thousands of deals, and so may a person: of those only ids and names, or how they
    stand, are looked through.
    """
    about = [item for item in work if item.record is not None and is_deal(item.record, playbook)]
    heard = {
        batch.present_id(lead_id)
        for item in work
        if item.stored.event.kind is EventKind.DEAL
        for lead_id in item.lead_ids
    }
    named = [one for item in work for one in item.deal_ids]
    if not (about or heard or named):
        return
    refs = [
        RecordRef(ref.connection, ref.object, one)
        for item in about
        if item.record is not None
        for ref in (item.record.ref,)
        for one in (ref.id, *item.record.merged_ids)
    ]
    held = links.DEALS.held(snapshot, space, refs)
    wanted = {*held.values(), *named}
    strange = [item for item in about if item.record is not None and item.record.ref not in held]
    if strange:
        wanted |= _alike(snapshot, batch, strange, playbook)
    if heard and playbook.deals is not None:
        wanted |= _foremost(snapshot, heard, wanted, playbook.deals)
    loads.load_deals(batch, snapshot, space, playbook, held, wanted)


def _alike(snapshot: Connection, batch: Batch, strange: Sequence[Work], playbook: Playbook) -> set[str]:
    """Return the deals of the same people or company that have the name of one of these records."""
    names: dict[str, set[str]] = {}
    for item in strange:
        found = (*map(batch.lead_id_of, item.keys), *map(batch.company_holder, item.companies))
        parties = {batch.present_id(one) for one in found if one}
        if item.record is None:
            continue
        batch.looked_for.setdefault(item.record.ref, set()).update(parties)
        if name := deal_name(item.record, playbook):
            for party in parties:
                names.setdefault(party, set()).add(plain_name(name[: deals.LONGEST_NAME]))
    if not names:
        return set()
    with_them = deals.names_with(snapshot, names)
    return {deal_id for party, deal_id, name in with_them if plain_name(name) in names[party]}


def _foremost(snapshot: Connection, lead_ids: set[str], loaded: set[str], stages: Deals) -> set[str]:
    """Return, for each of these leads, the deal that counts most beside those that this work is about.

    Those may come to count less by this work; all others stay as they are.
    """
    foremost: dict[str, Standing] = {}
    places = {name: n for n, name in enumerate(stages.stages)}
    for lead_id, one in deals.standings(snapshot, lead_ids):
        known = foremost.get(lead_id)
        if one.id not in loaded and (known is None or weight(one, places) > weight(known, places)):
            foremost[lead_id] = one
    return {one.id for one in foremost.values()}


def _needs_lead(item: Work, playbook: Playbook) -> bool:
    """Say whether the lead is looked at: a record that was made matters only where another waits for it."""
    event = item.stored.event
    if event.kind is not EventKind.DELIVERED or event.record is None:
        return True
    return event.record.connection in playbook.needed


def _became(record: Record) -> tuple[str, ...]:
    return (record.became.id,) if record.became else ()


def _may_join(record: Record | None) -> bool:
    """Say whether a record tells that two were merged: their leads may be one person."""
    return record is not None and bool(record.merged_ids or record.became)


def _is_pair(item: Work) -> bool:
    """Say whether a person's word may make two leads one, or one two."""
    payload = item.stored.event.payload
    return item.stored.event.kind is EventKind.ANSWER and ("pair" in payload or "unjoin" in payload)


def _is_gone(record: Record) -> bool:
    return record.archived and record.became is None


def _is_change(item: Work) -> bool:
    return item.stored.event.kind is EventKind.CHANGED


def _is_engagement(item: Work) -> bool:
    return item.stored.event.kind is EventKind.ENGAGEMENT
