"""A lead's time has come: it is looked at once more, as after any other event. Pure."""

from __future__ import annotations

from model.decision import Because, Reason
from model.event import EventState, StoredEvent
from model.lead import Lead
from model.timer import PLAYBOOK
from model.times import to_text
from sync.deciding.batch import Batch
from sync.deciding.pipeline import AFTER_MERGE, Pipeline
from sync.drafts import copy_of
from sync.result import Result


def due(stored: StoredEvent, lead_id: str, batch: Batch, pipeline: Pipeline) -> Result:
    """Run the rules over the lead of a timer; nothing happens where it was moved or dropped meanwhile.

    One whom another playbook is about is looked at in any case, without a timer. The rules see the timer as
    it was, and set it anew where they want another look.
    """
    result, payload = Result(stored, EventState.DONE), stored.event.payload
    if not batch.knows(lead_id):
        return _because(result, "there is no such lead any more")
    before = batch.lead(lead_id)
    result.lead_id = before.id
    name = (str(payload["kind"]), str(payload["key"]))
    if name[0] == PLAYBOOK:
        _look(result, before, batch, pipeline, f"version {name[1]} has other rules for such leads")
        return result
    timer = before.timers.get(name)
    if timer is None:
        return _because(result, f"{name[0]}: nothing is waited for any more")
    if to_text(timer.due_at) != payload["due_at"]:
        return _because(result, f"{name[0]}: the time was moved to {to_text(timer.due_at)}")
    draft = _look(result, before, batch, pipeline, f"{name[0]}: {timer.why}")
    now = draft.timers.get(name)
    if now is not None and now.due_at <= stored.decided_at:
        del draft.timers[name]
    return result


def _look(result: Result, before: Lead, batch: Batch, pipeline: Pipeline, why: str) -> Lead:
    """Run the rules over a lead, and return the draft."""
    draft = copy_of(before)
    result.before, result.lead = before, draft
    _because(result, why)
    pipeline.run_after(result, draft, batch, AFTER_MERGE)
    return draft


def _because(result: Result, text: str) -> Result:
    result.reasons.append(Reason("timer", Because(text)))
    return result
