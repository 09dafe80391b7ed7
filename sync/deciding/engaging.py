"""What was done with a lead in a CRM, as one record of it tells: kept, counted, and withdrawn. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mappings import engagements
from mappings.playbook import CrmMap
from model.change import Record
from model.decision import Because, KeepEngagement, Reason
from model.engagement import Engagement, EngagementKind, Standing
from model.event import EventState, JsonValue, StoredEvent
from model.lead import Lead, Touch
from sync.deciding.batch import Batch
from sync.deciding.pipeline import AFTER_MERGE, Pipeline
from sync.drafts import copy_of
from sync.result import Result

ABOUT_OTHERS = "others"
"""In the payload: the record is about other people now."""


def engaged(stored: StoredEvent, record: Record, lead_id: str, batch: Batch, pipeline: Pipeline) -> Result:
    """Decide what a call, a mail, a meeting … of a lead means, as its CRM has it now.

    The CRM's word is kept with the lead. Where rules count it, they run again; a campaign that the person
    responded to is a touch.
    """
    result, payload = Result(stored, EventState.DONE), stored.event.payload
    crm = pipeline.playbook.crms.get(record.ref.connection)
    if crm is None:
        return _because(result, f"the playbook has no connection {record.ref.connection} any more")
    if not batch.knows(lead_id):
        return _because(result, f"there is no lead {lead_id} any more")
    before = batch.lead(lead_id)
    result.lead_id = before.id
    known = before.engagements.get(record.ref)
    if known is not None and _is_behind(record, known):
        return _because(result, f"{_named(known)}: what is known of it is newer")
    one = _read(record, crm, payload, known, batch)
    if one is None:
        return _because(result, f"{record.ref.object} {record.ref.id} was deleted, and never known here")
    result.effects.append(KeepEngagement(one))
    _because(result, _told(one, known))
    touch = _touch(record, crm, one, known)
    if touch is not None or _counts(one, known) & pipeline.playbook.counted:
        draft = _with(copy_of(before), one)
        result.before, result.lead = before, draft
        pipeline.run_after(result, draft, batch, ("attribute", *AFTER_MERGE), touch)
    return result


def _read(
    record: Record, crm: CrmMap, payload: Mapping[str, JsonValue], known: Engagement | None, batch: Batch
) -> Engagement | None:
    """Return what is to be kept; of a record that is gone what was known, for a bin tells nothing of it."""
    version = str(payload["version"])
    is_gone = record.archived or bool(payload.get(ABOUT_OTHERS))
    if is_gone:
        return known and replace(
            known,
            standing=Standing.DELETED,
            is_response=False,
            modified_at=record.modified_at or known.modified_at,
            version=version,
        )
    one = engagements.read(record, crm, version)
    mate = batch.teammate_by_id(crm.connection, one.by) if one.by else None
    return replace(one, by=mate.email) if mate else one


def _is_behind(record: Record, known: Engagement) -> bool:
    stamp, newest = record.modified_at, known.modified_at
    return stamp is not None and newest is not None and stamp < newest


def _counts(one: Engagement, known: Engagement | None) -> frozenset[EngagementKind]:
    """Return the kinds of which rules count another number, or another moment, than before."""
    was = known if known is not None and known.counts else None
    now = one if one.counts else None
    if was is not None and now is not None and (was.kind, was.at) == (now.kind, now.at):
        return frozenset()
    return frozenset(each.kind for each in (was, now) if each is not None)


def _touch(record: Record, crm: CrmMap, one: Engagement, known: Engagement | None) -> Touch | None:
    """Return the touch of a campaign, when the person is first seen to have responded."""
    had_responded = known is not None and known.standing is Standing.DONE
    return None if one.standing is not Standing.DONE or had_responded else engagements.touch_of(record, crm)


def _with(draft: Lead, one: Engagement) -> Lead:
    draft.engagements[one.ref] = one
    return draft


def _told(one: Engagement, known: Engagement | None) -> str:
    """Say in a line what happened; no title, which may name the person."""
    whose = "leadrelay's own task" if one.is_ours else f"by {one.by}" if one.by else "by nobody named"
    news = "is new" if known is None else "was " + str(known.standing)
    answers = "; it answers the person" if one.is_response else ""
    when = f"{one.at:%Y-%m-%d %H:%M} UTC"
    return f"{_named(one)}, {whose}, {when}: {one.standing}, {news}{answers}"


def _named(one: Engagement) -> str:
    return f"{str(one.kind).replace('_', ' ')} ({one.ref.object} {one.ref.id})"


def _because(result: Result, text: str) -> Result:
    result.reasons.append(Reason("engage", Because(text)))
    return result
