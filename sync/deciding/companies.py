"""What a company found or created in a CRM means for its account; pure, on drafts that nobody else sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from handlers import companies
from handlers.base import Lookups
from mappings.domains import registrable
from mappings.playbook import Playbook
from model.account import Account, account_id
from model.cause import Cause
from model.change import Record
from model.decision import AskReview, Assigned, Because, Fetch
from model.event import EventState, RecordRef, StoredEvent
from model.lead import Link, Provenance
from sync.deciding.batch import Batch
from sync.deciding.uniting import put_in
from sync.doubt import Doubt
from sync.drafts import copy_of_account
from sync.merging.choosing import choose
from sync.merging.letting_go import let_go
from sync.merging.merge import Merged, merge
from sync.merging.versions import (
    LET_GO,
    OLDER,
    Sight,
    differs,
    is_let_go,
    is_older,
    not_believed,
    overwritten,
    read_on_the_way,
    says_more,
    tells,
)
from sync.reasons import Reason, created, found_as
from sync.result import Result


def found(
    stored: StoredEvent,
    record: Record,
    account_id: str,
    holder: str | None,
    lookups: Lookups,
    playbook: Playbook,
    *,
    read_at: datetime | None = None,
    in_flight: Doubt | None = None,
    instead: bool = False,
    gone_at: datetime | None = None,
) -> Result:
    """Decide what a company found in a CRM means for the account it was looked up for.

    ``holder`` is the account that has this record already, if one does; ``in_flight`` what may have
    reached it of ours beside what the event says, ``read_at`` when it was read, if not just now. ``instead``:
    it takes the place of another record, of which nothing is to be known any more. ``gone_at``: it was
    deleted, and these are its last words.
    """
    result = Result(stored, EventState.DONE, account_id=account_id)
    before = lookups.account(account_id)
    if before is None:
        result.reasons.append(Reason("merge", Because("there is no such account any more")))
        return result
    if holder not in (None, account_id):
        return _held_by_other(result, record, account_id, holder)
    crm = playbook.crms[record.ref.connection]
    sent = in_flight or stored.event.payload.get("sent") or {}
    account, known = copy_of_account(before), before.links.get(crm.connection)
    if is_let_go(stored, known):
        result.effects.append(Fetch(record.ref.connection, record.ref.object, record.ref.id))
        result.reasons.append(Reason("merge", Because(LET_GO)))
        return result
    why, follows = read_on_the_way(stored, record, known, crm.map_of(record.ref.object), sent)
    if why:
        result.effects.extend(follows)
        result.reasons.append(Reason("merge", Because(why)))
        _write(result, before, lookups, playbook)  # what was to be written still is
        return result
    if instead and known is not None:
        before = copy_of_account(before)
        del before.links[crm.connection]
    merged = merge(before, record, crm, playbook, lookups, now=read_at or stored.decided_at, sent=sent)
    if instead and known is not None:
        merged.link = replace(merged.link, rev=known.rev)
        text = (
            f"{known.object} {known.remote_id} has the domain only; the record with our id is the account's"
        )
        result.reasons.append(Reason("follow", Because(text)))
    account.links[crm.connection] = replace(merged.link, gone_at=gone_at)
    _put_in(result, account, merged, record)
    result.account = account
    where = found_as(crm.connection, record.ref, known)
    result.reasons.extend(Reason("merge", because) for because in (where, *merged.because))
    _write(result, account, lookups, playbook)
    return result


def _put_in(result: Result, account: Account, merged: Merged, record: Record) -> None:
    """Bring what a merge found into the draft, and keep what lost and what waits."""
    stored = result.stored
    seen_at = record.modified_at or stored.decided_at
    merged.fields.pop("domain", None)  # the account's identity
    put_in(account, merged, Provenance(record.ref.connection, seen_at, stored.id, by_people=True))
    result.effects.extend((*merged.conflicts, *merged.holds))


def chosen(stored: StoredEvent, account_id: str, lookups: Lookups, playbook: Playbook) -> Result:
    """Decide what a person's choice between two values means for the account."""
    result = Result(stored, EventState.DONE, account_id=account_id)
    before = lookups.account(account_id)
    if before is None:
        result.reasons.append(Reason("merge", Because("there is no such account any more")))
        return result
    account = copy_of_account(before)
    found = choose(account, stored, playbook, lookups)
    result.reasons.append(Reason("merge", found.because))
    if found.effects:
        result.account = account
        result.effects.extend(effect for effect in found.effects if not isinstance(effect, Assigned))
        _write(result, account, lookups, playbook)
    return result


def possible_accounts(stored: StoredEvent, record: Record, playbook: Playbook) -> tuple[str, ...]:
    """Return the accounts that a company's record may be, by the domains it names."""
    crm = playbook.crms[record.ref.connection]
    object_map = crm.account
    if object_map is None:
        return ()
    ours = record.fields.get(object_map.id_field) if object_map.id_field else None
    said = {rule.field: record.fields.get(rule.remote) for rule in object_map.fields}
    sites = (said.get("domain"), said.get("website"))
    domains = [registrable(str(site)) for site in sites if site]
    found = [account_id(stored.event.space, one) for one in domains if one]
    return tuple(dict.fromkeys([*([ours] if isinstance(ours, str) and ours else []), *found]))


def changed(
    stored: StoredEvent, record: Record, possible: Sequence[str], batch: Batch, playbook: Playbook
) -> Result:
    """Decide what a company's record as it is now means for its account.

    Companies are no accounts before a person belongs to them: one of nobody is linked where
    its account is known and has no record there, and left alone otherwise.
    """
    ref = record.ref
    former = [RecordRef(ref.connection, ref.object, each) for each in record.merged_ids]
    holder = next(filter(None, map(batch.company_holder, (ref, *former))), None)
    result = Result(stored, EventState.DONE, account_id=holder)
    if record.became is not None or record.archived:
        return _moved(result, record, holder, batch, playbook)
    if holder is None:
        free = (one for one in possible if (known := batch.account(one)) and _has_none(known, ref.connection))
        holder = next(free, None)
    if holder is None and (ours := _taken_for(record, batch, playbook)):
        sight, sent = Sight.of(stored), batch.in_flight(ref.connection, ours)
        return found(
            stored, record, ours, None, batch, playbook, read_at=sight.read_at, in_flight=sent, instead=True
        )
    account = batch.account(holder) if holder else None
    if holder is None or account is None:
        result.reasons.append(Reason("follow", Because("no account's record; nothing follows from it")))
        return result
    link = account.links.get(ref.connection)
    object_map, sight = playbook.crms[ref.connection].map_of(ref.object), Sight.of(stored)
    sent = batch.in_flight(ref.connection, holder)
    if link is not None and link.remote_id == ref.id and object_map is not None:
        if is_older(record, link):
            result.effects.extend(overwritten(record, link, object_map, sent))
            result.reasons.append(Reason("follow", Because(OLDER)))
            return result
        why, read_again = not_believed(record, link, object_map, sent, sight)
        if why:
            result.effects.extend(read_again)
            result.reasons.append(Reason("follow", Because(why)))
            return result
    return found(stored, record, holder, holder, batch, playbook, read_at=sight.read_at, in_flight=sent)


def _moved(result: Result, record: Record, holder: str | None, batch: Batch, playbook: Playbook) -> Result:
    """Follow a record that was merged into another, or mark the link of one that was deleted.

    What people typed before they deleted it is taken in.
    """
    ref = record.ref
    before = batch.account(holder) if holder else None
    link = before.links.get(ref.connection) if before else None
    if before is None or link is None or link.remote_id != ref.id:
        text = f"{ref.object} {ref.id} is gone; no account's record"
        result.reasons.append(Reason("follow", Because(text)))
        return result
    account = copy_of_account(before)
    if record.became is not None and batch.company_holder(record.became) in (None, holder):
        aliases = (*link.aliases, link.remote_id)
        moved = Link(ref.connection, ref.object, record.became.id, {}, {}, link.rev, aliases=aliases)
        account.links[ref.connection] = moved
        result.effects.append(Fetch(ref.connection, ref.object, record.became.id))
        text = f"{ref.object} {ref.id} was merged into {record.became.id}; followed"
    else:
        stored, object_map = result.stored, playbook.crms[ref.connection].account
        is_news = tells(record, link, object_map)
        is_known = object_map is None or not (is_news and differs(record, link, object_map))
        if link.gone_at is not None and is_known:
            text = f"{ref.object} {ref.id} is known to be deleted"
            result.reasons.append(Reason("follow", Because(text)))
            return result
        if is_news:
            read_at, sent = Sight.of(stored).read_at, batch.in_flight(ref.connection, before.id)
            result = found(
                stored, record, before.id, before.id, batch, playbook,
                read_at=read_at, in_flight=sent, gone_at=stored.decided_at,
            )  # fmt: skip
            account = result.account or account
        account.links[ref.connection] = replace(account.links[ref.connection], gone_at=stored.decided_at)
        text = f"{ref.object} {ref.id} was deleted there; it is not written to, nor made anew"
    result.account = account
    result.reasons.append(Reason("follow", Because(f"{ref.connection}: {text}")))
    return result


def _taken_for(record: Record, batch: Batch, playbook: Playbook) -> str | None:
    """Return the account whose id a record bears, and for whose record another of the domain was taken.

    Somebody made that one while our own call was under way, and it was seen first. Nothing of ours was
    written to it: the CRM refuses our id on a second record.
    """
    object_map = playbook.crms[record.ref.connection].account
    ours = record.fields.get(object_map.id_field) if object_map and object_map.id_field else None
    account = batch.account(ours) if isinstance(ours, str) and ours else None
    link = account.links.get(record.ref.connection) if account else None
    return account.id if account and link and link.gone_at is None and not link.written else None


def _has_none(account: Account, connection: str) -> bool:
    link = account.links.get(connection)
    return link is None or link.gone_at is not None


def gone(
    stored: StoredEvent, last: Record | None, account_id: str, lookups: Lookups, playbook: Playbook
) -> Result:
    """Drop a link whose record is gone before anything of ours was written to it; it is looked up anew.

    What people had typed there at last is taken in.
    """
    ref = stored.event.record
    result = Result(stored, EventState.DONE, account_id=account_id)
    before = lookups.account(account_id)
    link = before.links.get(ref.connection) if before and ref else None
    if before is None or ref is None or link is None or (link.object, link.remote_id) != (ref.object, ref.id):
        text = "the company is not linked to that record any more"
        result.reasons.append(Reason("merge", Because(text)))
        return result
    account = copy_of_account(before)
    if last is not None and says_more(last, link, playbook):
        read_at, sent = stored.event.received_at, stored.event.payload.get("sent") or {}
        there = playbook.crms[ref.connection]
        merged = merge(before, last, there, playbook, lookups, now=read_at, sent=sent)
        _put_in(result, account, merged, last)
        result.reasons.extend(Reason("merge", because) for because in merged.because)
    crm, why = playbook.crms.get(ref.connection), f"{ref.object} {ref.id} is gone"
    result.effects.extend(let_go(account.links.pop(ref.connection), account, crm, lookups, why))
    result.account = account
    text = f"{ref.connection}: {ref.object} {ref.id} is gone; unlinked, the company is looked up again"
    result.reasons.append(Reason("merge", Because(text)))
    _write(result, account, lookups, playbook)
    return result


def delivered(stored: StoredEvent, account_id: str, lookups: Lookups, playbook: Playbook) -> Result:
    """Note a company that was created; another connection is told its id."""
    result = Result(stored, EventState.DONE, account_id=account_id)
    account = lookups.account(account_id)
    if stored.event.record is not None:
        result.reasons.append(created(stored.event.record))
    if account is not None:
        _write(result, account, lookups, playbook)
    return result


def _write(result: Result, account: Account, lookups: Lookups, playbook: Playbook) -> None:
    """Ask for what each CRM lacks of the account."""
    for crm in playbook.crms.values():
        if playbook.joins_accounts and crm.account is not None:
            effect, because = companies.of_account(account, crm, playbook.lifecycle, lookups)
            result.reasons.append(Reason("writeback", because))
            if effect is not None:
                result.effects.append(effect)


def _held_by_other(result: Result, record: Record, account_id: str, holder: str | None) -> Result:
    detail = {"accounts": [account_id, holder], "record": record.ref.id, "object": record.ref.object}
    result.state, result.cause = EventState.REVIEW, Cause("SAME_COMPANY")
    result.effects.append(AskReview("same_company", detail | {"connection": record.ref.connection}))
    text = f"{record.ref.connection} {record.ref.object} {record.ref.id} is another account's already"
    fix = "a person must say which domain is whose (aliases in accounts.yaml)"
    result.reasons.append(Reason("merge", Because(f"{text}; {fix}")))
    return result
