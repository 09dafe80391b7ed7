"""What a record that a call met, made or missed means for the lead that it was about; pure."""

from __future__ import annotations

from handlers.base import Lookups
from model.cause import Cause
from model.change import Record
from model.decision import AskReview, Because, Reason
from model.event import Event, EventKind, EventState, StoredEvent
from model.times import from_text
from sync.deciding.pipeline import AFTER_MERGE, Pipeline
from sync.deciding.uniting import unite
from sync.drafts import copy_of
from sync.links import record_key
from sync.merging.letting_go import let_go
from sync.merging.versions import says_more, with_last_words
from sync.reasons import created
from sync.result import Result, keep_quiet


def found(stored: StoredEvent, record: Record, lead_id: str, lookups: Lookups, pipeline: Pipeline) -> Result:
    """Decide what a record found in a CRM means for the lead it was looked up for."""
    result = Result(stored, EventState.DONE, lead_id=lead_id)
    before = lookups.lead(lead_id)
    holder = lookups.lead_id_of(record_key(record.ref))
    if holder not in (None, lead_id):
        return _held_by_other(result, record, lead_id, holder)
    if is_of_match_pass(stored.event) and record.ref.connection in before.links:
        return _known_already(result, record)
    link = before.links.get(record.ref.connection)
    if link is not None and record.ref.id in link.aliases:
        return _known_already(result, record)  # it was merged or converted since it was read
    crm = pipeline.playbook.crms[record.ref.connection]
    sent = stored.event.payload.get("sent") or {}
    draft = copy_of(before)
    told = stored.event.payload.get("read_at")  # by the mirror: earlier than this event
    effects, reasons = unite(
        draft,
        record,
        crm,
        pipeline.playbook,
        lookups,
        where=crm.connection,
        read_at=from_text(told) if told else stored.decided_at,
        event_id=stored.id,
        sent=sent,
    )
    result.before, result.lead = before, draft
    result.effects.extend(effects)
    result.reasons.extend(reasons)
    pipeline.run_after(result, draft, lookups, AFTER_MERGE)
    if is_of_match_pass(stored.event):
        keep_quiet(result, "matched with the mirror, which is no news")
    return result


def gone(
    stored: StoredEvent, last: Record | None, lead_id: str, lookups: Lookups, pipeline: Pipeline
) -> Result:
    """Drop a link whose record is gone before anything of ours was written to it.

    The person is then looked up in the CRM as if new: deleted, they are created; merged into
    another record or converted, they are found under that. What people had typed there at last is taken in.
    """
    ref = stored.event.record
    result = Result(stored, EventState.DONE, lead_id=lead_id)
    before = lookups.lead(lead_id)
    link = before.links.get(ref.connection) if ref else None
    if ref is None or link is None or (link.object, link.remote_id) != (ref.object, ref.id):
        result.reasons.append(Reason("merge", Because("the lead is linked to another record by now")))
        return result
    draft = copy_of(before)
    steps: tuple[str, ...] = ("writeback",)
    last = with_last_words(last, link) if last is not None else None
    if last is not None and says_more(last, link, pipeline.playbook):
        effects, reasons = unite(
            draft,
            last,
            pipeline.playbook.crms[ref.connection],
            pipeline.playbook,
            lookups,
            where=ref.connection,
            read_at=stored.event.received_at,
            event_id=stored.id,
            sent=stored.event.payload.get("sent") or {},
        )
        result.effects.extend(effects)
        result.reasons.extend(reasons)
        steps = AFTER_MERGE
    crm, why = pipeline.playbook.crms.get(ref.connection), f"{ref.object} {ref.id} is gone"
    result.effects.extend(let_go(draft.links.pop(ref.connection), draft, crm, lookups, why))
    result.before, result.lead = before, draft
    text = f"{ref.connection}: {ref.object} {ref.id} is gone; unlinked, the person is looked up again"
    result.reasons.append(Reason("merge", Because(text)))
    pipeline.run_after(result, draft, lookups, steps)
    return result


def delivered(stored: StoredEvent, lead_id: str, lookups: Lookups, pipeline: Pipeline) -> Result:
    """Note a record that was created; what waited for its link is wanted now."""
    record = stored.event.record
    result = Result(stored, EventState.DONE, lead_id=lead_id)
    if record is not None:
        result.reasons.append(created(record))
        if record.connection in pipeline.playbook.needed:
            pipeline.run_after(result, copy_of(lookups.lead(lead_id)), lookups, ("writeback",))
    return result


def _known_already(result: Result, record: Record) -> Result:
    """Leave a lead alone that was linked since the mirror was asked: what is known is newer."""
    text = f"linked on {record.ref.connection} by now; what the mirror had is older"
    result.reasons.append(Reason("merge", Because(text)))
    return result


def _held_by_other(result: Result, record: Record, lead_id: str, holder: str | None) -> Result:
    detail = {"leads": [lead_id, holder], "record": record.ref.id, "object": record.ref.object}
    result.state, result.cause = EventState.REVIEW, Cause("SAME_RECORD")
    result.effects.append(AskReview("same_record", detail | {"connection": record.ref.connection}))
    text = f"{record.ref.connection} {record.ref.object} {record.ref.id} is another lead's record already"
    result.reasons.append(Reason("merge", Because(f"{text}; a person must say which lead it is")))
    return result


def is_of_match_pass(event: Event) -> bool:
    """Say whether the mirror had the record when all who were there before it were looked up."""
    return event.kind is EventKind.FOUND and bool(event.payload.get("read_at"))
