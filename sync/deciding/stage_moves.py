"""A person moves a lead to another stage, on its page or by a command; pure."""

from __future__ import annotations

from collections.abc import Mapping

from mappings.moving import PAGE, entering, pass_of
from mappings.offering import reason_of, ruling
from mappings.playbook import Lifecycle
from model.decision import Because, EnterStage, Reason
from model.event import EventState, JsonValue, StoredEvent
from model.lead import PERSON, Lead, Provenance
from sync.deciding.batch import Batch
from sync.deciding.pipeline import AFTER_MERGE, Pipeline
from sync.drafts import copy_of
from sync.result import Result
from sync.stage_moves import NOTE

LONGEST_BY = 64  # characters of who moved a lead, in its history


def moved(stored: StoredEvent, lead_id: str, batch: Batch, pipeline: Pipeline) -> Result:
    """Move the lead as the person says, where that is still what they looked at, and allowed.

    Else why not is said, and nothing is done.
    """
    result, lifecycle = Result(stored, EventState.DONE), pipeline.playbook.lifecycle
    if not batch.knows(lead_id):
        return _because(result, "there is no such lead any more")
    before, said = batch.lead(lead_id), stored.event.payload
    result.lead_id = before.id
    to, reason, by = str(said["move"]), str(said["reason"]), str(said["by"])
    if note := str(said["note"]):
        result.reasons.append(Reason(NOTE, Because(f"{by}: {note}")))
    if before.stage != said["from"]:
        return _because(
            result, f"{by} said {said['from']} → {to}; nothing was done: the lead is in {before.stage} now"
        )
    found = ruling(lifecycle, before, to, reason)
    if not found.allowed:
        return _because(result, f"{by} said {before.stage} → {to}; nothing was done: {found.why}")
    draft = copy_of(before)
    result.before, result.lead = before, draft
    name = reason_of(lifecycle, before, to)
    enter(result, draft, lifecycle, to, by, {name: reason} if reason else {})
    why = f": {reason}" if reason else ""
    lacks = f" (lacks {'; '.join(found.lacks)})" if found.lacks else ""
    stage = lifecycle.stage(to)
    because = Because(f"{before.stage} → {to}: moved by {by}{why}{lacks}", stage.place if stage else None)
    result.reasons.append(Reason("stage", because))
    pipeline.run_after(result, draft, batch, AFTER_MERGE)
    return result


def enter(
    result: Result, draft: Lead, lifecycle: Lifecycle, to: str, by: str, more: Mapping[str, JsonValue]
) -> None:
    """Let a draft enter a stage because a person said so, with further fields of the same word."""
    stored, here = result.stored, draft.stage
    origin = Provenance(PERSON, stored.decided_at, stored.id)
    kept = {"stage": to, **entering(lifecycle, draft.fields, here, to), **more}
    for name, value in kept.items():
        draft.provenance[name] = origin
        draft.fields[name] = value
        if value is None:
            del draft.fields[name]
    result.effects.append(EnterStage(to, here, f"{PAGE}: {by}"[:LONGEST_BY], pass_of(draft.fields)))


def _because(result: Result, text: str) -> Result:
    result.reasons.append(Reason("stage", Because(text)))
    return result
