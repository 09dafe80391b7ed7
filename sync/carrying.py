"""A merge that people made in one CRM, carried to another: noted, proposed or done. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mappings.playbook import CrmMap
from model.change import Record
from model.decision import (
    AnswerProposal,
    Because,
    Effect,
    OneShot,
    ProposeMerge,
    Reason,
    SeenAsOne,
    one_shot_key,
)
from model.event import EventState, JsonValue, RecordRef, StoredEvent
from sync import proposals
from sync.batch import Batch
from sync.pipeline import Result
from sync.proposals import OPEN, Proposal

PLAYBOOK = "playbook"  # who accepted, where the map says carry_merges: do


def noted(keep: RecordRef, lose: RecordRef, why: str) -> tuple[Sequence[Effect], Because]:
    """Remember that a person has two records somewhere; nobody is asked, nothing is done."""
    text = (
        f"{keep.connection} has two records of them: {lose.object} {lose.id} beside {keep.object} {keep.id}"
    )
    return [ProposeMerge(keep, lose, why)], Because(text)


def carried(
    crms: Mapping[str, CrmMap],
    why_shut: Callable[[str], str],
    keep: RecordRef,
    lose: RecordRef,
    why: str,
) -> tuple[Sequence[Effect], Because]:
    """Say what becomes of two records of one person, by the map of the CRM that holds them."""
    effects, because = noted(keep, lose, why)
    crm = crms.get(keep.connection)
    how = crm.carry_merges if crm is not None else "off"
    place = crm.place if crm is not None else None
    if how == "off":
        return effects, Because(f"{because.text}; carry_merges: off leaves both", place)
    if hindrance := proposals.by_hand(keep, lose) or why_shut(keep.connection):
        return effects, Because(f"{because.text}; a person is asked: {hindrance}", place)
    if how == "propose":
        return effects, Because(f"{because.text}; a person is asked to merge them", place)
    accepted = ProposeMerge(keep, lose, why, accepted=True)
    text = f"{because.text}; merged at once, as carry_merges says"
    return [accepted, to_be_merged(keep, lose, why, PLAYBOOK)], Because(text, place)


def to_be_merged(keep: RecordRef, lose: RecordRef, why: str, by: str) -> OneShot:
    """Return the effect that merges two records, the same for the same two."""
    said: Mapping[str, JsonValue] = {
        "rule": f"{lose.object} {lose.id} into {keep.object} {keep.id}",
        "keep": [keep.object, keep.id],
        "lose": [lose.object, lose.id],
        "because": [why],
        "by": by,
    }
    return OneShot(key_of(keep, lose), "merge", keep.connection, said)


def key_of(keep: RecordRef, lose: RecordRef) -> str:
    """Return the key of the effect that merges two records."""
    return one_shot_key("merge", keep.connection, keep.object, keep.id, lose.object, lose.id)


def seen_as_one(record: Record) -> list[SeenAsOne]:
    """Return which ids a record shows to be one record by now, where it shows that of several."""
    ref = record.ref
    ids = {ref.id, *record.merged_ids, *([record.became.id] if record.became else [])}
    return [SeenAsOne(ref.connection, frozenset(ids))] if len(ids) > 1 else []


def answered(stored: StoredEvent, lead_id: str, batch: Batch, crms: Mapping[str, CrmMap]) -> Result:
    """Decide what follows from a person's word on a merge that was proposed."""
    said = stored.event.payload
    result = Result(stored, EventState.DONE, lead_id=lead_id if batch.knows(lead_id) else None)
    proposal = batch.proposals.get(said["proposal"])
    by = str(said["by"])
    if proposal is None or result.lead_id is None:
        return _because(result, "there is nothing any more that was proposed")
    keep, lose = proposal.kept, proposal.lost
    what = f"{proposal.connection}: {lose.object} {lose.id} into {keep.object} {keep.id}"
    if proposal.state != OPEN:
        return _because(result, f"{what}: it is {proposal.state} already")
    if not said["accepts"]:
        result.effects.append(AnswerProposal(proposal.id, accepts=False, by=by))
        return _because(result, f"{what}: {by} refused; both stay")
    if hindrance := why_not(proposal, crms) or batch.why_shut(proposal.connection):
        return _because(result, f"{what}: {by} accepted, but {hindrance}")
    merge = to_be_merged(keep, lose, proposal.why, by)
    result.effects += [AnswerProposal(proposal.id, accepts=True, by=by), merge]
    return _because(result, f"{what}: {by} accepted; they are merged")


def why_not(proposal: Proposal, crms: Mapping[str, CrmMap]) -> str:
    """Return why leadrelay will not merge the two itself; blank where it will once a person accepts."""
    crm = crms.get(proposal.connection)
    if crm is None:
        return f"the playbook has no connection {proposal.connection} any more"
    if crm.carry_merges == "off":
        return f"the map of {proposal.connection} says carry_merges: off"
    return proposals.by_hand(proposal.kept, proposal.lost)


def _because(result: Result, text: str) -> Result:
    result.reasons.append(Reason("merge", Because(text)))
    return result
