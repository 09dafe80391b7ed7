"""What people did to records in one CRM, carried to another: noted, proposed or done. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from mappings.playbook import CrmMap
from model.change import Record
from model.decision import (
    AnswerProposal,
    Because,
    Effect,
    OneShot,
    Propose,
    Reason,
    SeenAsOne,
    SeenGone,
    SettleReviews,
    one_shot_key,
)
from model.event import EventState, JsonValue, RecordRef, StoredEvent
from sync.deciding import deleting
from sync.deciding.batch import Batch
from sync.proposals import DELETE, FORGET, MERGE, PLAYBOOK, Proposal, phrase
from sync.result import Result

SECOND = "second_record"  # of a review: a person has two records in one CRM


def noted(keep: RecordRef, lose: RecordRef, why: str) -> tuple[Sequence[Effect], Because]:
    """Remember that a person has two records somewhere; nothing is done by itself."""
    text = (
        f"{keep.connection} has two records of them: {lose.object} {lose.id} beside {keep.object} {keep.id}"
    )
    return [Propose(MERGE, lose, why, keep)], Because(text)


def carried(
    crms: Mapping[str, CrmMap],
    why_shut: Callable[[str], str],
    event: int,
    keep: RecordRef,
    lose: RecordRef,
    why: str,
) -> tuple[Sequence[Effect], Because]:
    """Say what becomes of two records of one person, by the map of the CRM that holds them.

    ``event`` is the inbox row that made two leads one; ``why_shut`` says why nothing is sent to a connection.
    """
    effects, because = noted(keep, lose, why)
    crm = crms.get(keep.connection)
    how = crm.merges if crm is not None else "off"
    place = crm.place if crm is not None else None
    if how == "off":
        return effects, Because(f"{because.text}; merges: off leaves both", place)
    if hindrance := by_hand(keep, lose) or why_shut(keep.connection):
        return effects, Because(f"{because.text}; a person is asked: {hindrance}", place)
    if how == "propose":
        return effects, Because(f"{because.text}; a person is asked to merge them", place)
    deed = to_be_merged(keep, lose, why, PLAYBOOK, event)
    text = f"{because.text}; merged at once, as merges: do says"
    return [Propose(MERGE, lose, why, keep, accepted=True), deed], Because(text, place)


def asking(crms: Mapping[str, CrmMap]) -> Mapping[str, CrmMap]:
    """Return these maps, but for merges at once, which no call takes back: of those a person is asked."""
    return {name: replace(crm, merges="propose") if crm.merges == "do" else crm for name, crm in crms.items()}


def to_be_merged(
    keep: RecordRef, lose: RecordRef, why: str, by: str, event: int, proposal: int | None = None
) -> OneShot:
    """Return the effect that merges two records because of an event, the same for the same event."""
    said: dict[str, JsonValue] = {
        "rule": phrase(MERGE, lose, keep),
        "keep": [keep.object, keep.id],
        "record": [lose.object, lose.id],
        "because": [why],
        "by": by,
    }
    if proposal is not None:
        said["proposal"] = proposal
    key = one_shot_key(MERGE, keep.connection, keep.object, keep.id, lose.object, lose.id, event)
    return OneShot(key, MERGE, keep.connection, said)


def by_hand(keep: RecordRef, lose: RecordRef) -> str:
    """Return what a person has to do in the CRM where no call merges the two; blank where one does."""
    if keep.object == lose.object:
        return ""
    if {keep.object, lose.object} == {"Lead", "Contact"}:
        lead, contact = (keep, lose) if keep.object == "Lead" else (lose, keep)
        return (
            f"{keep.connection} merges no Lead with a Contact: convert Lead {lead.id} there, and choose the "
            f"existing Contact {contact.id} as you do"
        )
    return f"{keep.connection} merges no {lose.object} into a {keep.object}"


def seen(record: Record) -> list[Effect]:
    """Return what a record shows of others: those that are it by now, or that it is no more."""
    ref = record.ref
    ids = {ref.id, *record.merged_ids, *([record.became.id] if record.became else [])}
    if len(ids) > 1:
        return [SeenAsOne(record.became or ref, frozenset(ids)), SettleReviews(SECOND, frozenset(ids))]
    return [SeenGone(ref)] if record.archived else []


def answered(stored: StoredEvent, batch: Batch, crms: Mapping[str, CrmMap]) -> Result:
    """Decide what follows from a person's word on what was proposed."""
    said = stored.event.payload
    result = Result(stored, EventState.DONE)
    proposal, by = batch.proposals.get(said["proposal"]), str(said["by"])
    if proposal is None:
        return _because(result, "there is nothing any more that was proposed")
    lead_id = batch.present_id(proposal.lead_id)
    result.lead_id = lead_id if batch.knows(lead_id) else None
    if not proposal.is_open:
        return _because(result, f"{proposal.what}: it is {proposal.state} already")
    if not said["accepts"]:
        result.effects.append(AnswerProposal(proposal.id, accepts=False, by=by))
        return _because(result, f"{proposal.what}: {by} refused; nothing is done")
    if result.lead_id is None and proposal.kind != DELETE:
        return _because(result, f"{proposal.what}: {by} agreed, but there is no such lead any more")
    shut = "" if proposal.kind == FORGET else batch.why_shut(proposal.connection)
    if hindrance := why_not(proposal, crms) or shut:
        return _because(result, f"{proposal.what}: {by} agreed, but {hindrance}; it is asked still")
    if proposal.kind == FORGET:
        deleting.forget(result, batch.lead(lead_id), proposal.ref, crms, batch)
        return _because(result, f"{proposal.what}: {by} agreed")
    result.effects += [AnswerProposal(proposal.id, accepts=True, by=by), _deed(proposal, by, stored.id)]
    return _because(result, f"{proposal.what}: {by} agreed; it is done")


def _deed(proposal: Proposal, by: str, event: int) -> OneShot:
    if proposal.kind == DELETE:
        return deleting.to_be_deleted(proposal.ref, proposal.why, by, event, proposal.id)
    if proposal.kept is None:
        raise AssertionError(f"proposal {proposal.id}: a {proposal.kind} without a record to keep")
    return to_be_merged(proposal.kept, proposal.ref, proposal.why, by, event, proposal.id)


def why_not(proposal: Proposal, crms: Mapping[str, CrmMap]) -> str:
    """Return why leadrelay will not do it itself; blank where it will once a person agrees."""
    crm = crms.get(proposal.connection)
    if crm is None:
        return f"the playbook has no connection {proposal.connection} any more"
    if proposal.kind != MERGE:
        return ""
    if crm.merges == "off":
        return f"the map of {proposal.connection} says merges: off"
    return by_hand(proposal.kept or proposal.ref, proposal.ref)


def _because(result: Result, text: str) -> Result:
    result.reasons.append(Reason("merge", Because(text)))
    return result
