"""A person's verdict on a lead that waits for a review; pure."""

from __future__ import annotations

from mappings.moving import PAGE, entering, pass_of
from mappings.reviewing import APPROVE, KIND, VERDICTS, ruling
from model.decision import Because, EnterStage, Reason, SettleReviews
from model.event import EventState, StoredEvent
from model.lead import IN_REVIEW, PERSON, REVIEWED_BAND, Provenance
from sync.deciding.batch import Batch
from sync.deciding.pipeline import AFTER_MERGE, Pipeline
from sync.drafts import copy_of
from sync.result import Result

LONGEST_BY = 64  # characters of who moved a lead, in its history


def answered(stored: StoredEvent, lead_id: str, batch: Batch, pipeline: Pipeline) -> Result:
    """Move the lead as the person says, and keep the verdict while the lead stays in its band.

    What has changed since the person looked is said, and nothing is done.
    """
    result, lifecycle = Result(stored, EventState.DONE), pipeline.playbook.lifecycle
    if not batch.knows(lead_id):
        return _because(result, "there is no such lead any more")
    before, said = batch.lead(lead_id), stored.event.payload
    result.lead_id = before.id
    verdict, reason, by = str(said["verdict"]), str(said["reason"]), str(said["by"])
    found, review = ruling(lifecycle, before, verdict, reason), lifecycle.review
    if not found.allowed or review is None:
        return _because(result, f"{by} said {verdict}; nothing was done: {found.why}")
    draft = copy_of(before)
    result.before, result.lead = before, draft
    to = review.approve if verdict == APPROVE else review.disqualify
    kept = {"stage": to, **entering(lifecycle, draft.fields, before.stage, to)}
    kept |= {IN_REVIEW: False, REVIEWED_BAND: review.band}
    if verdict != APPROVE:
        kept[review.reason] = reason
    origin = Provenance(PERSON, stored.decided_at, stored.id)
    for name, value in kept.items():
        draft.provenance[name] = origin
        draft.fields[name] = value
        if value is None:
            del draft.fields[name]
    result.effects += [
        EnterStage(to, before.stage, f"{PAGE}: {by}"[:LONGEST_BY], pass_of(draft.fields)),
        SettleReviews(KIND),
    ]
    why = f": {reason}" if verdict != APPROVE else ""
    lacks = f" (lacks {'; '.join(found.lacks)})" if found.lacks else ""
    text = f"{before.stage} → {to}: {VERDICTS[verdict]} by {by}{why}{lacks}"
    result.reasons.append(Reason("review", Because(text, review.place)))
    pipeline.run_after(result, draft, batch, AFTER_MERGE)
    return result


def _because(result: Result, text: str) -> Result:
    result.reasons.append(Reason("review", Because(text)))
    return result
