"""A person's word on whether two leads are one person; pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from mappings.playbook import Matching
from model.decision import Because, Effect, JudgePair
from model.event import EventState, RecordRef, StoredEvent
from model.lead import MATCHER, PERSON, Lead
from sync.alike.pairs import AGREED, DIFFERENT, REMINDER, SAME, ordered
from sync.deciding import carrying
from sync.deciding.batch import Batch
from sync.deciding.joining import join
from sync.deciding.pipeline import AFTER_MERGE, Pipeline
from sync.deciding.ranking import first_of
from sync.deciding.surviving import Survivorship
from sync.drafts import copy_of
from sync.reasons import Reason
from sync.result import Result, keep_quiet


def answered(stored: StoredEvent, lead_ids: Sequence[str], batch: Batch, pipeline: Pipeline) -> Result:
    """Keep the two apart for ever, or let one take the other in, as a person says."""
    result = Result(stored, EventState.DONE)
    said, by = stored.event.payload["said"], str(stored.event.payload["by"])
    one, other = lead_ids
    if gone := [each for each in lead_ids if not batch.knows(each)]:
        return because(result, f"there is no lead {gone[0]} any more")
    result.lead_id = one
    if one == other:
        return because(result, "the two are one lead already")
    if REMINDER in stored.event.payload and ordered(one, other) not in batch.agreed:
        return because(result, f"{by} was heard on these two since, or they were joined: nothing to do")
    if said == DIFFERENT:
        result.effects.append(JudgePair(one, other, DIFFERENT, by))
        return because(result, f"{by} says: lead {one} and lead {other} are two people; never asked again")
    if said != SAME:
        return because(result, f"{said} is no answer")
    if not all(map(batch.may_be_joined, lead_ids)) or any(map(batch.is_under_way, lead_ids)):
        result.effects.append(JudgePair(one, other, AGREED, by))
        return because(
            result, f"{by} says they are one person; something is under way, it is done in a moment"
        )
    return joined(result, batch.lead(one), batch.lead(other), by, batch, pipeline)


def survivor(a: Lead, b: Lead, matching: Matching | None = None) -> tuple[Lead, Lead, str]:
    """Return who takes the other in, the other, and which tie-breaker decided; at last the lesser id does."""
    first, why = first_of([a, b], matching)
    return (a, b, why) if first is a else (b, a, why)


def joined(result: Result, a: Lead, b: Lead, by: str, batch: Batch, pipeline: Pipeline) -> Result:
    """Let one of the two take the other in; ``by`` is a person, or the evidence where nobody was asked."""
    playbook = pipeline.playbook
    matching = playbook.matching or Matching()
    before, absorbed, why = survivor(a, b, matching)
    draft = copy_of(before)
    unasked = result.stored.event.source == MATCHER
    crms = carrying.asking(playbook.crms) if unasked else playbook.crms
    carried = partial(carrying.carried, crms, batch.why_shut, result.stored.id)

    def carry(keep: RecordRef, lose: RecordRef, _why: str) -> tuple[Sequence[Effect], Because]:
        return carried(keep, lose, "one person by the evidence" if unasked else "said to be one person")

    effects, reasons = join(
        draft,
        absorbed,
        playbook.lifecycle,
        where=MATCHER if unasked else PERSON,
        crms=playbook.crms,
        carry=carry,
        purposes=playbook.consent.by_field,
        survivorship=Survivorship(matching.survivorship, matching.trust),
    )
    result.before, result.lead, result.lead_id = before, draft, draft.id
    result.absorbed.append(absorbed)
    until = result.stored.decided_at + matching.undo_for
    result.effects += [JudgePair(a.id, b.id, SAME, by, until), *effects]
    said = "joined without a person" if unasked else f"{by} says they are one person"
    because(result, f"{said}; lead {before.id} stays: it {why}")
    result.reasons.extend(reasons)
    pipeline.run_after(result, draft, batch, AFTER_MERGE)
    keep_quiet(
        result, "two leads are one by the evidence" if unasked else "a person said that two leads are one"
    )
    return result


def because(result: Result, text: str) -> Result:
    """Add a reason, and return the result."""
    result.reasons.append(Reason("match", Because(text)))
    return result
