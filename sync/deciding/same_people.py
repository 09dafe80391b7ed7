"""A person's word on whether two leads are one person; pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from mappings.playbook import TOP_STAGE, Matching
from model.decision import Because, Effect, JudgePair
from model.event import EventState, RecordRef, StoredEvent
from model.lead import PERSON, Lead
from sync.alike.pairs import AGREED, DIFFERENT, REMINDER, SAME, ordered
from sync.deciding import carrying
from sync.deciding.batch import Batch
from sync.deciding.joining import join
from sync.deciding.pipeline import AFTER_MERGE, Pipeline
from sync.drafts import copy_of
from sync.reasons import Reason
from sync.result import Result, keep_quiet

TIE_BREAKERS: Sequence[tuple[str, Callable[[Lead], Any]]] = (
    ("is a customer", lambda lead: lead.stage == TOP_STAGE),
    ("has an open deal", lambda lead: lead.fields.get("deal_outcome") == "open"),
    ("was active last", lambda lead: _last_active(lead)),
    ("was there first", lambda lead: _age(lead)),
)
"""Who takes the other in: the first of these in which the two differ."""


def answered(stored: StoredEvent, lead_ids: Sequence[str], batch: Batch, pipeline: Pipeline) -> Result:
    """Keep the two apart for ever, or let one take the other in, as a person says."""
    result = Result(stored, EventState.DONE)
    said, by = stored.event.payload["said"], str(stored.event.payload["by"])
    one, other = lead_ids
    if gone := [each for each in lead_ids if not batch.knows(each)]:
        return _because(result, f"there is no lead {gone[0]} any more")
    result.lead_id = one
    if one == other:
        return _because(result, "the two are one lead already")
    if REMINDER in stored.event.payload and ordered(one, other) not in batch.agreed:
        return _because(result, f"{by} was heard on these two since, or they were joined: nothing to do")
    if said == DIFFERENT:
        result.effects.append(JudgePair(one, other, DIFFERENT, by))
        return _because(result, f"{by} says: lead {one} and lead {other} are two people; never asked again")
    if said != SAME:
        return _because(result, f"{said} is no answer")
    if not all(map(batch.may_be_joined, lead_ids)) or any(map(batch.is_under_way, lead_ids)):
        result.effects.append(JudgePair(one, other, AGREED, by))
        return _because(
            result, f"{by} says they are one person; something is under way, it is done in a moment"
        )
    return _joined(result, batch.lead(one), batch.lead(other), by, batch, pipeline)


def survivor(a: Lead, b: Lead) -> tuple[Lead, Lead, str]:
    """Return who takes the other in, the other, and which tie-breaker decided; at last the lesser id does."""
    for name, rank in TIE_BREAKERS:
        ours, theirs = rank(a), rank(b)
        if ours != theirs:
            return (a, b, name) if ours > theirs else (b, a, name)
    return (a, b, "has the lesser id") if a.id < b.id else (b, a, "has the lesser id")


def _joined(result: Result, a: Lead, b: Lead, by: str, batch: Batch, pipeline: Pipeline) -> Result:
    before, absorbed, why = survivor(a, b)
    draft, playbook = copy_of(before), pipeline.playbook
    carried = partial(carrying.carried, playbook.crms, batch.why_shut, result.stored.id)

    def carry(keep: RecordRef, lose: RecordRef, _why: str) -> tuple[Sequence[Effect], Because]:
        return carried(keep, lose, "said to be one person")

    effects, reasons = join(
        draft,
        absorbed,
        playbook.lifecycle,
        where=PERSON,
        crms=playbook.crms,
        carry=carry,
        purposes=playbook.consent.by_field,
        survivorship=(playbook.matching or Matching()).survivorship,
    )
    result.before, result.lead, result.lead_id = before, draft, draft.id
    result.absorbed.append(absorbed)
    until = result.stored.decided_at + (playbook.matching or Matching()).undo_for
    result.effects += [JudgePair(a.id, b.id, SAME, by, until), *effects]
    _because(result, f"{by} says they are one person; lead {before.id} stays: it {why}")
    result.reasons.extend(reasons)
    pipeline.run_after(result, draft, batch, AFTER_MERGE)
    keep_quiet(result, "a person said that two leads are one")
    return result


def _last_active(lead: Lead) -> str:
    at = [touch.at for touch in lead.touches] + [act.at for act in lead.activities]
    return max((str(one) for one in at), default="")


def _age(lead: Lead) -> float:
    return -lead.created_at.timestamp() if lead.created_at else float("-inf")


def _because(result: Result, text: str) -> Result:
    result.reasons.append(Reason("match", Because(text)))
    return result
