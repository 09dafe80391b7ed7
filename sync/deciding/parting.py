"""Two leads that a person said were one are two again; pure.

What they were before they were joined comes back, each to the lead that it came from. What happened since
stays with the lead that took the other in, but for what its CRM records tell: a record that goes back takes
along what was read from it. A no that was said since counts for both, as nobody knows whose it was.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from mappings.reviewing import KIND
from model.decision import AnswerProposal, AskReview, Because, EnterStage, Fetch, JudgePair, WriteBack
from model.event import EventState, JsonValue, StoredEvent
from model.lead import DECIDED_FIELDS, IN_REVIEW, OPT_OUT, Lead, Link
from sync.alike.pairs import DIFFERENT
from sync.deciding.batch import Batch
from sync.deciding.pipeline import AFTER_MERGE, Pipeline
from sync.deciding.touched import ref_of
from sync.drafts import copy_of
from sync.reasons import Reason
from sync.records import person_keys
from sync.remembered import Memory, Parting
from sync.result import Result, keep_quiet

UNDO = "undo"
"""Who moved a lead that was taken apart from another."""


@dataclass(slots=True)
class Parted:
    """The two leads, and what is to be told of them."""

    survivor: Lead
    restored: Lead
    since: list[str] = field(default_factory=list)  # fields that changed since, and stay with the survivor
    taken_along: list[str] = field(default_factory=list)  # changed since by a record that goes back
    blank: list[str] = field(default_factory=list)  # fields that the survivor had from the other alone
    lost: list[Link] = field(default_factory=list)  # records that another lead has by now


def part(now: Lead, memory: Memory, purposes: Collection[str] = frozenset()) -> Parted:
    """Return the two leads as they are from now on; ``now`` is the one that both are."""
    before, then = memory.survivor, memory.then
    found = Parted(copy_of(now), copy_of(memory.absorbed))
    ours, theirs = found.survivor, found.restored
    theirs.version = 0
    back = _links(found, memory)
    names = [*dict.fromkeys((*then.fields, *now.fields, *before.fields, *then.provenance, *now.provenance))]
    for name in names:
        if not _has_changed(now, then, name):
            _put(ours, name, before)
            if now.fields.get(name) is not None and name not in ours.fields and name not in DECIDED_FIELDS:
                found.blank.append(name)
            continue
        value, origin = now.fields.get(name), now.provenance.get(name)
        if (name == OPT_OUT and value is True) or (name in purposes and value is False):
            _put(theirs, name, now)
            found.since.append(name)
        elif origin is not None and origin.source in back and origin.event > memory.event:
            _put(theirs, name, now)
            _put(ours, name, before)
            found.taken_along.append(name)
        elif _is_key_of(theirs, name, value):  # a post of theirs since has said their address of the two
            _put(ours, name, before)
        else:
            found.since.append(name)
    ours.identities -= theirs.identities
    ledgers = memory.ledgers
    theirs.touches, theirs.activities = list(ledgers.touches), list(ledgers.activities)
    for touch in theirs.touches:
        if touch in ours.touches:
            ours.touches.remove(touch)
    for act in theirs.activities:
        if act in ours.activities:
            ours.activities.remove(act)
    for ref in ledgers.engagements & now.engagements.keys():
        theirs.engagements[ref] = ours.engagements.pop(ref)
    for key in now.timers.keys() | before.timers.keys():
        if now.timers.get(key) == then.timers.get(key):
            ours.timers.pop(key, None)
            if key in before.timers:
                ours.timers[key] = before.timers[key]
    ours.asked -= then.asked - before.asked
    return found


def undone(stored: StoredEvent, lead_id: str, batch: Batch, pipeline: Pipeline) -> Result:
    """Take two leads apart, as a person says, or say why that cannot be; the pair is never joined again."""
    result, said = Result(stored, EventState.DONE), stored.event.payload
    absorbed, by = str(said["unjoin"]), str(said["by"])
    memory = batch.memories.get(absorbed, f"{absorbed} is no lead that was taken into another")
    if isinstance(memory, str):
        return _because(result, f"not undone: {memory}")
    result.lead_id = lead_id
    if not batch.knows(lead_id) or not batch.may_be_joined(lead_id) or batch.is_under_way(lead_id):
        return _because(
            result, "not undone: something of this lead is under way at this moment; ask once more"
        )
    before = batch.lead(lead_id)
    if why := memory.why_not or _merged_there(before, memory):
        return _because(result, f"not undone: {why}")
    found = part(before, memory, pipeline.playbook.consent.by_field)
    draft, restored = found.survivor, found.restored
    result.before, result.lead = before, draft
    result.parted = Parting(restored, before.id, memory.event)
    result.effects.append(JudgePair(restored.id, before.id, DIFFERENT, by))
    result.effects += [AnswerProposal(one, accepts=False, by=by) for one in memory.proposals]
    _tell(result, found, by)
    for name, deal in memory.named_on:
        _because(
            result,
            f'{name}: the deal "{deal}" is of lead {restored.id} again; the record of lead {draft.id} was '
            "put on it there, too: take it off there",
        )
    if draft.stage is not None and draft.stage != before.stage:
        result.effects.append(EnterStage(draft.stage, before.stage, UNDO))
    has_changed = bool(found.since or found.taken_along) or len(draft.touches) != len(memory.survivor.touches)
    pipeline.run_after(result, draft, batch, AFTER_MERGE if has_changed else ("writeback",))
    keep_quiet(result, "two leads were taken apart")
    side = Result(stored, EventState.DONE, lead=restored, lead_id=restored.id)
    pipeline.run_after(side, restored, batch, ("writeback",))
    result.effects += [
        replace(one, lead_id=restored.id) for one in side.effects if isinstance(one, WriteBack)
    ]
    result.effects += _asked_again(draft, pipeline) + _asked_again(restored, pipeline)
    result.effects += [
        Fetch(link.connection, link.object, link.remote_id)
        for link in restored.links.values()
        if link.gone_at is None
    ]
    return result


def _asked_again(lead: Lead, pipeline: Pipeline) -> list[AskReview]:
    """Ask for the verdict that a lead waits for: as long as the two were one, it may have been settled."""
    review = pipeline.playbook.lifecycle.review
    if review is None or lead.fields.get(IN_REVIEW) is not True:
        return []
    return [AskReview(KIND, {"band": review.band}, lead.id)]


def _links(found: Parted, memory: Memory) -> set[str]:
    """Give each lead its records again; return the connections of those that had come along."""
    ours, theirs, back = found.survivor.links, found.restored.links, set()
    theirs.clear()
    for name, link in memory.absorbed.links.items():
        now, then, before = ours.get(name), memory.then.links.get(name), memory.survivor.links.get(name)
        came_along = (
            then is not None
            and ref_of(then) == ref_of(link)
            and (before is None or ref_of(before) != ref_of(link))
        )
        if came_along and now is not None and (ref_of(now) == ref_of(link) or link.remote_id in now.aliases):
            theirs[name] = replace(now, rev=0)
            del ours[name]
            if before is not None:
                ours[name] = replace(before, rev=0)
            back.add(name)
        elif not came_along and ref_of(link) not in memory.held_elsewhere:
            theirs[name] = replace(link, rev=0)
        else:
            found.lost.append(link)
    return back


def _has_changed(now: Lead, then: Lead, name: str) -> bool:
    return now.fields.get(name) != then.fields.get(name) or now.provenance.get(name) != then.provenance.get(
        name
    )


def _is_key_of(lead: Lead, name: str, value: JsonValue) -> bool:
    """Say whether a value is an address or number by which a lead is found."""
    return name in ("email", "phone") and not lead.identities.isdisjoint(person_keys({name: value}))


def _put(lead: Lead, name: str, known: Lead) -> None:
    """Let a field of a lead be as another one knows it, and where it comes from."""
    value: JsonValue = known.fields.get(name)
    if value is None:
        lead.fields.pop(name, None)
    else:
        lead.fields[name] = value
    if name in known.provenance:
        lead.provenance[name] = known.provenance[name]
    else:
        lead.provenance.pop(name, None)


def _merged_there(now: Lead, memory: Memory) -> str:
    """Say where people have merged the records of the two since; blank where they have not."""
    for name, link in memory.absorbed.links.items():
        ours, before = now.links.get(name), memory.survivor.links.get(name)
        if ours is None or before is None or ref_of(before) == ref_of(link):
            continue
        if link.remote_id in ours.aliases and link.remote_id not in before.aliases:
            return (
                f"{link.object} {link.remote_id} was merged into {ours.remote_id} in {name}, and a merge "
                "there cannot be taken back. Make the second record there by hand"
            )
    return ""


def _tell(result: Result, found: Parted, by: str) -> None:
    ours, theirs = found.survivor, found.restored
    _because(result, f"{by} says: lead {theirs.id} and lead {ours.id} are two people; never joined again")
    for name, link in theirs.links.items():
        _because(result, f"{name}: {link.object} {link.remote_id} is the record of lead {theirs.id} again")
    for link in found.lost:
        _because(
            result, f"{link.connection}: {link.object} {link.remote_id} is not, it has gone elsewhere since"
        )
    if found.taken_along:
        _because(
            result,
            f"lead {theirs.id} takes along, read from its record since: {', '.join(found.taken_along)}",
        )
    if found.blank and any(link.written for link in ours.links.values()):
        names = ", ".join(sorted(found.blank))
        _because(
            result,
            f"blank again with lead {ours.id}: {names}; a CRM that it was written to keeps it: "
            "clear it there",
        )
    if found.since:
        _because(result, f"changed since, and stays with lead {ours.id}: {', '.join(sorted(found.since))}")


def _because(result: Result, text: str) -> Result:
    result.reasons.append(Reason("match", Because(text)))
    return result
