"""A file of people is taken back: what becomes of each lead that it brought or touched. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from handlers.attribute import ends_of
from mappings.playbook import Playbook
from model.decision import Because, ForgetLead, Propose, Reason, TakeBack
from model.event import IMPORT, SET_ASIDE, EventState, StoredEvent
from model.lead import DECIDED_FIELDS, OPT_OUT, PERSON, RULE, Lead, Provenance
from sync.deciding.batch import Batch
from sync.deciding.deleting import to_be_deleted
from sync.deciding.pipeline import AFTER_MERGE, Pipeline
from sync.deciding.touched import ref_of
from sync.drafts import copy_of
from sync.proposals import DELETE, PLAYBOOK, phrase
from sync.records import person_keys
from sync.result import Result, keep_quiet
from sync.undoing import Held, Traces

ENDS = ("first_touch", "last_touch")
ENDED = {*SET_ASIDE, EventState.REPLAYED}
NOTHING_ELSE = "nothing else is known of them"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What taking a batch back does to a lead: it goes, or it stays without what the batch left."""

    why_kept: tuple[str, ...]  # none: the lead is the batch's alone, and goes
    back: dict[str, Held] = field(default_factory=dict)  # field -> what it held before
    stays: dict[str, str] = field(default_factory=dict)  # field of the batch that stays as it is -> why

    @property
    def goes(self) -> bool:
        """Whether the lead is taken away as a whole."""
        return not self.why_kept


def judge(lead: Lead, traces: Traces, playbook: Playbook) -> Verdict:
    """Say what becomes of a lead: it goes when it was born of the batch and nothing has happened since.

    Of one that stays each field goes back to what it held before, where the batch's word still stands there.
    """
    why_kept = tuple(_why_kept(lead, traces))
    if not why_kept:
        return Verdict(())
    found = Verdict(why_kept)
    for name, origin in lead.provenance.items():
        if origin.event not in traces.rows or name in DECIDED_FIELDS:
            continue
        held = _before(name, origin, traces)
        if (why := _why_stays(name, lead, held, traces, playbook)) or held is None:
            found.stays[name] = why
        else:
            found.back[name] = held
    return found


def _why_kept(lead: Lead, traces: Traces) -> Iterable[str]:
    if traces.born is None:
        yield "there before the file was taken in"
        return
    if traces.is_joined:
        yield "another lead was taken into it"
    for what, number in sorted(traces.since.items()):
        yield f"{what} ({number} times)" if number > 1 else what
    elsewhere: dict[str, list[str]] = {}
    for name, origin in sorted(lead.provenance.items()):
        if _is_set_elsewhere(origin, traces):
            where = "here by a person" if origin.source == PERSON else f"in {origin.source}"
            elsewhere.setdefault(where, []).append(name)
    for where, names in elsewhere.items():
        yield f"{', '.join(names)} set {where}"
    for name, link in sorted(lead.links.items()):
        if link.gone_at is None and ref_of(link) not in traces.made:
            yield f"its record in {name} was not made by leadrelay: {link.object} {link.remote_id}"


def _is_set_elsewhere(origin: Provenance, traces: Traces) -> bool:
    if origin.by_people or origin.confirmed_at or origin.source == PERSON:
        return True
    return origin.source != RULE and origin.event not in traces.rows


def _before(name: str, origin: Provenance, traces: Traces) -> Held | None:
    """Return what a field held before any row of the batch; ``None`` where that is not known."""
    held: Held | None = None
    while True:
        if origin.event == traces.born:
            return Held(None, None)
        held = traces.before.get(origin.event, {}).get(name)
        if held is None or held.origin is None or held.origin.event not in traces.rows:
            return held
        origin = held.origin


def _why_stays(name: str, lead: Lead, held: Held | None, traces: Traces, playbook: Playbook) -> str:
    """Say why a field that the batch has set stays as it is; blank where it does not."""
    now, origin = lead.fields.get(name), lead.provenance[name]
    if origin.by_people or origin.confirmed_at:
        return "people set it, too"
    if (name == OPT_OUT and now) or (name in playbook.consent.by_field and now is False):
        return "a no is never taken back"
    if traces.is_joined:
        return "two leads became one since"
    if held is None:
        return "what was there before was not kept"
    if name == "email" and held.value is None:
        return "the lead would have no address"
    return ""


def undone(stored: StoredEvent, lead_ids: tuple[str, ...], batch: Batch, pipeline: Pipeline) -> Result:
    """Decide what a person's word to take a batch back means for one lead, or for rows that became nobody."""
    result, said = Result(stored, EventState.DONE), stored.event.payload
    if not lead_ids:
        return _rows(result, said["rows"], batch)
    lead_id = lead_ids[0]
    traces = batch.traces.get((said[IMPORT]["batch"], lead_id))
    if not batch.knows(lead_id) or traces is None or not traces.rows:
        return _because(result, f"batch {said[IMPORT]['batch']}: nothing of it is left with this lead")
    before = batch.lead(lead_id)
    if batch.is_under_way(before.id):
        return _because(result, f"{UNDER_WAY}; ask once more to take it back")
    if any(one.lead_id == before.id for one in batch.results):
        traces.since["something that came in at the same moment"] += 1
    verdict = judge(before, traces, pipeline.playbook)
    if verdict.goes:
        _take_away(result, before, batch, pipeline.playbook)
        return result
    _take_back(result, before, traces, verdict, batch, pipeline)
    return result


UNDER_WAY = "it is being written to a CRM at this moment"


def _rows(result: Result, rows: Iterable[int], batch: Batch) -> Result:
    """Remove rows that still wait for a person; one that was sent on its way meanwhile stays."""
    later = {one.stored.replays for one in batch.results}
    gone = [n for n in rows if n in batch.rows and batch.rows[n].state in ENDED and n not in later]
    if gone:
        result.effects.append(TakeBack(tuple(gone)))
    return _because(result, f"{len(gone)} rows that became nobody were removed")


def _take_away(result: Result, lead: Lead, batch: Batch, playbook: Playbook) -> None:
    """Remove the lead; of its records in the CRMs a person is asked, unless ``on_delete: delete`` says more.

    A brake on deletions that is on, or would be by so many, makes each a question, too.
    """
    told = result.stored.event.payload[IMPORT]
    there = [link for _, link in sorted(lead.links.items()) if link.gone_at is None]
    links = [link for link in there if link.connection in playbook.crms]
    refs = tuple(ref_of(link) for link in lead.links.values())
    result.effects.append(ForgetLead(lead.id, "", (), refs))
    _because(result, f"batch {told['batch']} made this lead and {NOTHING_ELSE}: taken away")
    who = str(lead.get("email") or lead.get("phone") or "")
    for link in links:
        crm, ref = playbook.crms[link.connection], ref_of(link)
        what, why = phrase(DELETE, ref, None), f"import {told['batch']} was taken back"
        shut = batch.why_shut(link.connection) or batch.braked_undo.get(link.connection, "")
        if crm.on_delete == "delete" and not shut:
            deed = to_be_deleted(ref, why, PLAYBOOK, result.stored.id)
            result.effects += [Propose(DELETE, ref, why, accepted=True, who=who), deed]
            result.reasons.append(Reason("undo", Because(f"{what}, as on_delete: delete says", crm.place)))
        else:
            result.effects.append(Propose(DELETE, ref, why, who=who))
            result.reasons.append(
                Reason("undo", Because(f"{what}: a person is asked{': ' + shut if shut else ''}", crm.place))
            )


def _take_back(
    result: Result, before: Lead, traces: Traces, verdict: Verdict, batch: Batch, pipeline: Pipeline
) -> None:
    """Remove the batch's touches and activities from a lead, put its fields back, and judge it anew."""
    draft = copy_of(before)
    result.before, result.lead, result.lead_id = before, draft, before.id
    told = result.stored.event.payload[IMPORT]
    _because(result, f"batch {told['batch']} is taken back; the lead stays: {'; '.join(verdict.why_kept)}")
    for name, held in verdict.back.items():
        draft.fields[name], draft.provenance[name] = held.value, held.origin or draft.provenance[name]
        if held.value is None:
            del draft.fields[name]
        if held.origin is None:
            del draft.provenance[name]
    for one in traces.touches:
        if one in draft.touches:
            draft.touches.remove(one)
    for did in traces.activities:
        if did in draft.activities:
            draft.activities.remove(did)
    _put_ends(draft, traces, result.stored, skip_direct=pipeline.playbook.skip_direct)
    keys = traces.claimed - set(person_keys(draft.fields))
    draft.identities -= keys
    result.effects.append(TakeBack(tuple(traces.rows), tuple(sorted(keys, key=lambda one: one.value))))
    if verdict.back:
        _because(result, f"as before: {', '.join(sorted(verdict.back))}")
    for name, why in sorted(verdict.stays.items()):
        _because(result, f"{name} stays: {why}")
    if traces.touches or traces.activities:
        _because(result, f"{len(traces.touches)} touches and {len(traces.activities)} activities removed")
    pipeline.run_after(result, draft, batch, AFTER_MERGE)
    keep_quiet(result, "an import taken back")


def _put_ends(draft: Lead, traces: Traces, stored: StoredEvent, *, skip_direct: bool) -> None:
    """Find the first and last touch anew, where a row of the batch had moved them."""
    ends = ends_of(draft.touches, skip_direct=skip_direct)
    theirs = [name for name in ENDS if (one := draft.provenance.get(name)) and one.event in traces.rows]
    others = [draft.fields[name] for name in ENDS if name not in theirs and draft.fields.get(name)]
    if others:  # of a later post of the same session no touch of its own was noted
        ends = dict.fromkeys(ENDS, others[0]) | ends
    for name in theirs:
        if name in ends:
            draft.fields[name] = ends[name]
            draft.provenance[name] = Provenance(RULE, stored.event.occurred_at, stored.id)
        else:
            draft.fields.pop(name, None)
            del draft.provenance[name]


def _because(result: Result, text: str) -> Result:
    result.reasons.append(Reason("undo", Because(text)))
    return result
