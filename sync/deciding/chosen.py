"""What a person's choice between two values means for a lead; pure."""

from __future__ import annotations

from collections.abc import Mapping

from handlers.base import Lookups
from model.decision import Because, Reason
from model.event import EventState, JsonValue, StoredEvent
from model.lead import Lead
from sync.deciding.pipeline import AFTER_MERGE, Pipeline
from sync.deciding.uniting import claim_keys
from sync.drafts import copy_of
from sync.merging.choosing import choose
from sync.result import Result


def chosen(stored: StoredEvent, lead_id: str, lookups: Lookups, pipeline: Pipeline) -> Result:
    """Decide what a person's choice between two values means for the lead."""
    result = Result(stored, EventState.DONE, lead_id=lead_id)
    before = lookups.lead(lead_id)
    draft = copy_of(before)
    choice = choose(draft, stored, pipeline.playbook, lookups)
    result.reasons.append(Reason("merge", choice.because))
    if choice.effects:
        result.before, result.lead = before, draft
        result.effects.extend(choice.effects)
        _claim(result, draft, choice.fields, lookups, pipeline)
        pipeline.run_after(result, draft, lookups, AFTER_MERGE)
    return result


def _claim(
    result: Result, draft: Lead, fields: Mapping[str, JsonValue], lookups: Lookups, pipeline: Pipeline
) -> None:
    for claimed in claim_keys(draft, fields, pipeline.playbook, lookups):
        if isinstance(claimed, Because):
            result.reasons.append(Reason("merge", claimed))
        else:
            result.effects.append(claimed)
