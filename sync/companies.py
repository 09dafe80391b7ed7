"""What a company found or created in a CRM means for its account; pure, on drafts that nobody else sees."""

from __future__ import annotations

from handlers import companies
from handlers.base import Lookups
from mappings.playbook import Playbook
from model.account import Account
from model.cause import Cause
from model.change import Record
from model.decision import AskReview, Because
from model.event import EventState, StoredEvent
from model.lead import Provenance
from sync.merge import merge
from sync.pipeline import Result, copy_of_account
from sync.reasons import Reason, created


def found(
    stored: StoredEvent,
    record: Record,
    account_id: str,
    holder: str | None,
    lookups: Lookups,
    playbook: Playbook,
) -> Result:
    """Decide what a company found in a CRM means for the account it was looked up for.

    ``holder`` is the account that has this record already, if one does.
    """
    result = Result(stored, EventState.DONE, account_id=account_id)
    before = lookups.account(account_id)
    if before is None:
        result.reasons.append(Reason("merge", Because("there is no such account any more")))
        return result
    if holder not in (None, account_id):
        return _held_by_other(result, record, account_id, holder)
    crm = playbook.crms[record.ref.connection]
    sent = stored.event.payload.get("sent") or {}
    merged = merge(before, record, crm, playbook, lookups, now=stored.decided_at, sent=sent)
    account = copy_of_account(before)
    account.links[crm.connection] = merged.link
    seen_at = record.modified_at or stored.decided_at
    for name, value in merged.fields.items():
        if name != "domain":  # the account's identity
            account.fields[name] = value
            account.provenance[name] = Provenance(crm.connection, seen_at, stored.id)
    result.account = account
    where = Because(f"found in {crm.connection} as {record.ref.object} {record.ref.id}; linked")
    result.reasons.extend(Reason("merge", because) for because in (where, *merged.because))
    _write(result, account, lookups, playbook)
    return result


def gone(stored: StoredEvent, account_id: str, lookups: Lookups, playbook: Playbook) -> Result:
    """Drop a link whose record is gone before anything of ours was written to it; it is looked up anew."""
    ref = stored.event.record
    result = Result(stored, EventState.DONE, account_id=account_id)
    before = lookups.account(account_id)
    link = before.links.get(ref.connection) if before and ref else None
    if before is None or ref is None or link is None or (link.object, link.remote_id) != (ref.object, ref.id):
        text = "the company is not linked to that record any more"
        result.reasons.append(Reason("merge", Because(text)))
        return result
    account = copy_of_account(before)
    del account.links[ref.connection]
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
