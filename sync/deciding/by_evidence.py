"""Two leads that are surely one person by their evidence: joined without a person, or left to one; pure.

Precision first: a person's word counts more, one contradiction is enough to ask, and so many are joined in an
hour and a day at most. What is joined is undone like what a person joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from mappings.matcher.banding import is_sure, why_asked
from mappings.matcher.model import Verdict
from mappings.matcher.person import person
from mappings.matcher.weighing import comparisons_of, model_of, why_apart
from mappings.playbook import Matching
from model.decision import JudgePair
from model.event import EventState, StoredEvent
from model.lead import Lead
from sync.alike.pairs import AGREED, OPEN, REMINDER, ordered
from sync.alike.sure import EVIDENCE, HELD, LIMITED
from sync.deciding import same_people
from sync.deciding.batch import Batch
from sync.deciding.pipeline import Pipeline
from sync.deciding.ranking import first_of
from sync.result import Result

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Found:
    """Two leads, as they are now, and what their evidence says."""

    a: Lead
    b: Lead
    verdict: Verdict
    weights: str  # whose they are

    @property
    def text(self) -> str:
        """Say how likely the two are one person, and why."""
        likely = f"{100 * self.verdict.probability:.2f} % likely one person by {self.weights}"
        return f"lead {self.a.id} and lead {self.b.id} are {likely}: {self.verdict.text}"


def found_sure(stored: StoredEvent, lead_ids: Sequence[str], batch: Batch, pipeline: Pipeline) -> Result:
    """Join the two, or say why not: by what they are now, which may be other than when they were compared."""
    result = Result(stored, EventState.DONE)
    one, other = lead_ids
    matching = pipeline.playbook.matching
    if gone := [each for each in lead_ids if not batch.knows(each)]:
        return same_people.because(result, f"there is no lead {gone[0]} any more")
    result.lead_id = one
    if one == other:
        return same_people.because(result, "the two are one lead already")
    if REMINDER in stored.event.payload and ordered(one, other) not in batch.agreed:
        return same_people.because(result, "a person was heard on these two since, or they were joined")
    if matching is None or matching.same is None:
        return _left(result, one, other, "the playbook joins nobody without a person any more")
    found = _compared(batch.lead(one), batch.lead(other), matching)
    same_people.because(result, found.text)
    if why := _why_unsure(found, matching):
        return _left(result, one, other, why)
    if ordered(one, other) in _apart(batch):
        return same_people.because(result, "a person said that they are two people: never joined")
    if why := _why_not_alone(found, matching, batch):
        return _held(result, one, other, f"{HELD}{why}")
    first, why_first = _first(found, matching, batch)
    if first not in lead_ids:
        return _left(result, one, other, why_first)
    if why := _over_limit(stored, matching, batch):
        return _held(result, one, other, f"{LIMITED}{why}")
    if not all(map(batch.may_be_joined, lead_ids)) or any(map(batch.is_under_way, lead_ids)):
        result.effects.append(JudgePair(one, other, AGREED, EVIDENCE))
        return same_people.because(result, "something is under way: they are joined in a moment")
    if why_first:
        same_people.because(result, why_first)
    return same_people.joined(result, found.a, found.b, EVIDENCE, batch, pipeline)


def _compared(a: Lead, b: Lead, matching: Matching) -> Found:
    comparisons, model = comparisons_of(matching), model_of(matching)
    verdict = model.judge(person(a.fields, comparisons), person(b.fields, comparisons))
    weights = f"weights learned from {model.pairs} pairs" if model.pairs else "the shipped weights"
    return Found(a, b, verdict, weights)


def _why_unsure(found: Found, matching: Matching) -> str:
    """Say why the two are no pair to be joined, or none at all; the walk keeps that of them by itself."""
    if found.a.is_test or found.b.is_test:
        return "a test lead is nobody"
    if found.a.unit != found.b.unit:
        return "they are of two business units"
    if why := why_apart(matching, found.a.fields, found.b.fields):
        return why.partition(":")[0]  # the field; a reason holds no value of a person's
    return "" if is_sure(matching, found.verdict) else f"that is less than {matching.same}: nobody is joined"


def _why_not_alone(found: Found, matching: Matching, batch: Batch) -> str:
    """Say why a person must decide about two who are sure; blank where nobody must."""
    if why := why_asked(matching, found.verdict):
        return why
    said = _apart(batch)
    for ours, theirs in ((found.a.id, found.b.id), (found.b.id, found.a.id)):
        for third in sorted(_rivals(batch, ours)):
            if ordered(third, theirs) in said:
                return f"lead {third} is as sure to be lead {ours}, and a person said it is not lead {theirs}"
    return ""


def _first(found: Found, matching: Matching, batch: Batch) -> tuple[str, str]:
    """Return who comes first where more than the two are surely this person, and why; else one of the two.

    Who comes first takes the others in, one by one; whoever is left then is compared with it anew.
    """
    others = {*_rivals(batch, found.a.id), *_rivals(batch, found.b.id)} - {found.a.id, found.b.id}
    known = [batch.lead(one) for one in sorted(others) if batch.knows(one)]
    if not known:
        return found.a.id, ""
    first, why = first_of([found.a, found.b, *known], matching)
    return first.id, f"of {2 + len(known)} leads that are one person lead {first.id} comes first: it {why}"


def _over_limit(stored: StoredEvent, matching: Matching, batch: Batch) -> str:
    ages = [stored.decided_at - at for at in batch.joined_alone]
    for most, term, words in ((matching.same_per_hour, HOUR, "hour"), (matching.same_per_day, DAY, "day")):
        if sum(age < term for age in ages) >= most:
            were = "1 lead was" if most == 1 else f"{most} leads were"
            return f"{were} joined without a person in the last {words}, and no more are"
    return ""


def _rivals(batch: Batch, lead_id: str) -> set[str]:
    return {batch.present_id(one) for one in batch.rivals.get(lead_id, ())} - {lead_id}


def _apart(batch: Batch) -> set[tuple[str, str]]:
    return {ordered(batch.present_id(one), batch.present_id(other)) for one, other in batch.apart}


def _held(result: Result, one: str, other: str, why: str) -> Result:
    """Leave the two to a person, and say so where they are asked about."""
    result.effects.append(JudgePair(one, other, OPEN, "", why=why))
    return same_people.because(result, why)


def _left(result: Result, one: str, other: str, why: str) -> Result:
    """Leave the two as the walk keeps them; who was to be joined in a moment is asked about again."""
    if REMINDER in result.stored.event.payload:
        result.effects.append(JudgePair(one, other, OPEN, ""))
    return same_people.because(result, f"not joined: {why}")
