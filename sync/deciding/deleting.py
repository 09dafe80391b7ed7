"""What follows when people delete a record of a lead in a CRM, by that CRM's map; pure."""

from __future__ import annotations

from collections.abc import Mapping

from mappings.playbook import CrmMap
from model.change import Record
from model.decision import (
    AnswerDeletion,
    Because,
    Effect,
    Fetch,
    ForgetLead,
    ForgetRecord,
    NoteDeletion,
    OneShot,
    Propose,
    Reason,
    WriteBack,
    one_shot_key,
)
from model.event import EventState, RecordRef, StoredEvent
from model.lead import Lead, Link
from sync.deciding.batch import Batch
from sync.deciding.pipeline import Pipeline
from sync.deletions import DONE, HELD, TOLD
from sync.drafts import copy_of
from sync.merging.letting_go import let_go
from sync.merging.versions import Sight
from sync.proposals import DELETE, FORGET, PLAYBOOK, phrase
from sync.result import Result

KEPT = (ForgetRecord, AnswerDeletion, NoteDeletion)  # of what an event decides that forgets the lead


def is_erased(record: Record, batch: Batch) -> bool:
    """Say whether a record was erased for good: its CRM said so, and it is gone."""
    return record.archived and batch.deletions.is_erased(record.ref)


def weigh(
    result: Result,
    draft: Lead,
    ref: RecordRef,
    batch: Batch,
    pipeline: Pipeline,
    *,
    is_new: bool,
    erased: bool,
) -> None:
    """Note a deletion, and let follow what the map says: not of our own, unproven or held ones."""
    follows = erased or pipeline.playbook.crms[ref.connection].on_delete != "keep"
    if ref in batch.deletions.own:
        because(result, "leadrelay deleted it, as somebody agreed; nothing follows from it")
        return
    if follows and not Sight.of(result.stored).by_id:
        result.effects += [NoteDeletion(ref, TOLD), Fetch(ref.connection, ref.object, ref.id)]
        because(result, "it is read by id before anything follows: it may have gone into another")
        return
    why_held = batch.deletions.why_held(ref, is_new=is_new)
    if is_new:
        result.effects.append(NoteDeletion(ref, HELD if why_held else DONE))
    if why_held:
        because(result, f"nothing follows from it before a person has looked: {why_held}")
        return
    follow_up(result, draft, ref, batch, pipeline, erased=erased)


def follow_up(
    result: Result, draft: Lead, ref: RecordRef, batch: Batch, pipeline: Pipeline, *, erased: bool
) -> None:
    """Let happen what the map of the CRM says of a record that was deleted there."""
    crms = pipeline.playbook.crms
    crm = crms[ref.connection]
    if erased:
        _forget(result, draft, ref, crm, crms, batch)
    elif crm.on_delete == "unlink":
        unlink(result, draft, ref, crm, batch)
    elif crm.on_delete in ("propose", "delete"):
        for link in _others(draft, ref.connection, crms):
            _carry(
                result, link, f"deleted in {ref.connection}", crm, batch, at_once=crm.on_delete == "delete"
            )


def unlink(result: Result, draft: Lead, ref: RecordRef, crm: CrmMap, batch: Batch) -> None:
    """Let the lead let go of a record; nothing is written there before somebody wants something anew."""
    link = draft.links.pop(ref.connection, None)
    if link is not None:
        result.effects += let_go(link, draft, crm, batch, f"{ref.object} {ref.id} was deleted, and let go of")
    result.effects = [
        one for one in result.effects if not (isinstance(one, WriteBack) and one.connection == ref.connection)
    ]
    text = f"{ref.connection}: on_delete: unlink; the next write looks the person up, or makes them anew"
    because(result, text, crm)


def _others(lead: Lead, connection: str, crms: Mapping[str, CrmMap]) -> list[Link]:
    """Return the records of a lead in other CRMs that are there still."""
    return [
        link
        for name, link in sorted(lead.links.items())
        if name != connection and link.gone_at is None and name in crms
    ]


def _carry(result: Result, link: Link, why: str, crm: CrmMap, batch: Batch, *, at_once: bool) -> None:
    """Ask a person whether a record is to be deleted, too, or have it deleted."""
    ref = RecordRef(link.connection, link.object, link.remote_id)
    shut = batch.why_shut(link.connection)
    what = phrase(DELETE, ref, None)
    if at_once and not shut:
        deed = to_be_deleted(ref, why, PLAYBOOK, result.stored.id)
        result.effects += [Propose(DELETE, ref, why, accepted=True), deed]
        because(result, f"{what}, as on_delete: delete says", crm)
        return
    result.effects.append(Propose(DELETE, ref, why))
    because(result, f"{what}: a person is asked{': ' + shut if shut else ''}", crm)


def _forget(
    result: Result, lead: Lead, ref: RecordRef, crm: CrmMap, crms: Mapping[str, CrmMap], batch: Batch
) -> None:
    why = f"erased for good in {ref.connection}"
    if crm.on_forget == "ask":
        result.effects.append(Propose(FORGET, ref, why))
        because(result, f"{why}: a person is asked whether leadrelay forgets them, too", crm)
        return
    forget(result, lead, ref, crms, batch)


def forget(result: Result, lead: Lead, ref: RecordRef, crms: Mapping[str, CrmMap], batch: Batch) -> None:
    """Let leadrelay forget a lead whom a CRM erased; what is left of them elsewhere a person is asked about.

    Nothing else that this event decided of the lead is kept.
    """
    others = _others(lead, ref.connection, crms)
    refs = [RecordRef(link.connection, link.object, link.remote_id) for link in lead.links.values()]
    keys = tuple(sorted((one for one in lead.identities if one.kind == "email"), key=lambda one: one.value))
    result.before = result.lead = result.lead_id = None
    result.reasons = []
    kept: list[Effect] = [one for one in result.effects if isinstance(one, KEPT)]
    result.effects = [*kept, ForgetLead(lead.id, ref.connection, keys, tuple(refs))]
    crm = crms[ref.connection]
    because(result, f"erased for good in {ref.connection}: forgotten here, too", crm)
    for link in others:
        at_once = crm.on_delete == "delete"
        _carry(result, link, f"forgotten in {ref.connection}", crm, batch, at_once=at_once)


def to_be_deleted(ref: RecordRef, why: str, by: str, event: int, proposal: int | None = None) -> OneShot:
    """Return the effect that deletes a record because of an event, the same for the same event."""
    said = {"rule": phrase(DELETE, ref, None), "record": [ref.object, ref.id], "because": [why], "by": by}
    more = {} if proposal is None else {"proposal": proposal}
    key = one_shot_key(DELETE, ref.connection, ref.object, ref.id, event)
    return OneShot(key, DELETE, ref.connection, {**said, **more})


def answered(stored: StoredEvent, batch: Batch, pipeline: Pipeline) -> Result:
    """Decide what follows from a person's word on a deletion that was held."""
    said = stored.event.payload
    result, by = Result(stored, EventState.DONE), str(said["by"])
    one = batch.deletions.by_id.get(said["deletion"])
    if one is None or one.state != HELD:
        return because(result, f"deletion {said['deletion']} is not held any more")
    lead_id = batch.present_id(one.lead_id)
    result.lead_id = lead_id if batch.knows(lead_id) else None
    result.effects.append(AnswerDeletion(one.id, accepts=bool(said["accepts"]), by=by))
    what = f"{one.ref.connection}: {one.ref.object} {one.ref.id} was deleted"
    if not said["accepts"]:
        return because(result, f"{what}; {by} left it at that")
    before = batch.lead(lead_id) if result.lead_id else None
    link = before.links.get(one.ref.connection) if before else None
    if before is None or link is None or link.gone_at is None or _ref(link) != one.ref:
        return because(result, f"{what}; {by} let it take effect, but the lead has no such record any more")
    draft = copy_of(before)
    result.before, result.lead = before, draft
    because(result, f"{what}; {by} let it take effect")
    follow_up(result, draft, one.ref, batch, pipeline, erased=one.is_erased)
    return result


def _ref(link: Link) -> RecordRef:
    return RecordRef(link.connection, link.object, link.remote_id)


def because(result: Result, text: str, crm: CrmMap | None = None) -> Result:
    """Note a reason; with the map that says so."""
    result.reasons.append(Reason("follow", Because(text, crm.place if crm is not None else None)))
    return result
