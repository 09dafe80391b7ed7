"""A person's word on which account a lead belongs to; pure."""

from __future__ import annotations

from handlers.account import KIND
from model.decision import Because, Reason, SettleReviews
from model.event import EventState, StoredEvent
from model.lead import PERSON, Provenance
from sync.deciding.batch import Batch
from sync.deciding.pipeline import AFTER_MERGE, Pipeline
from sync.drafts import copy_of
from sync.result import Result


def answered(stored: StoredEvent, lead_id: str, batch: Batch, pipeline: Pipeline) -> Result:
    """Let the lead belong to the account that a person names, for ever; blank: to none by evidence."""
    result, said = Result(stored, EventState.DONE), stored.event.payload
    account, by = str(said["account"]), str(said["by"])
    if not batch.knows(lead_id):
        return _because(result, "there is no such lead any more")
    before = batch.lead(lead_id)
    result.lead_id = before.id
    if account and batch.account(account) is None:
        return _because(result, f"{by} said account {account}, which there is not; nothing was done")
    draft = copy_of(before)
    result.before, result.lead = before, draft
    draft.provenance["account"] = Provenance(PERSON, stored.decided_at, stored.id)
    draft.fields.pop("account", None)
    if account:
        draft.fields["account"] = account
    result.effects.append(SettleReviews(KIND))
    _because(
        result, f"{by} says: account {account}" if account else f"{by} says: none of those it looks like"
    )
    pipeline.run_after(result, draft, batch, AFTER_MERGE)
    return result


def _because(result: Result, text: str) -> Result:
    result.reasons.append(Reason("account", Because(text)))
    return result
