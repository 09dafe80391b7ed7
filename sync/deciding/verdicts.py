"""A person's verdict on a lead that waits for a review; pure."""

from __future__ import annotations

from mappings.reviewing import APPROVE, KIND, VERDICTS, ruling
from model.decision import Because, Reason, SettleReviews
from model.event import EventState, JsonValue, StoredEvent
from model.lead import IN_REVIEW, REVIEWED_BAND
from sync.deciding.batch import Batch
from sync.deciding.pipeline import AFTER_MERGE, Pipeline
from sync.deciding.stage_moves import enter
from sync.drafts import copy_of
from sync.result import Result


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
    kept: dict[str, JsonValue] = {IN_REVIEW: False, REVIEWED_BAND: review.band}
    if verdict != APPROVE:
        kept[review.reason] = reason
    enter(result, draft, lifecycle, to, by, kept)
    result.effects.append(SettleReviews(KIND))
    why = f": {reason}" if verdict != APPROVE else ""
    lacks = f" (lacks {'; '.join(found.lacks)})" if found.lacks else ""
    text = f"{before.stage} → {to}: {VERDICTS[verdict]} by {by}{why}{lacks}"
    result.reasons.append(Reason("review", Because(text, review.place)))
    pipeline.run_after(result, draft, batch, AFTER_MERGE)
    return result


def _because(result: Result, text: str) -> Result:
    result.reasons.append(Reason("review", Because(text)))
    return result
