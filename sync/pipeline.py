"""Runs the handlers over one event and keeps the reasons; pure, on drafts that nobody else sees."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from handlers.apply import apply
from handlers.base import Context, Handler, Lookups
from mappings.identity import is_role_address
from mappings.playbook import Playbook
from mappings.reading import Reading
from model import consent
from model.change import Record
from model.decision import (
    VERDICT_STATES,
    AskReview,
    Assigned,
    Because,
    ClaimIdentity,
    Decision,
    Effect,
    EnterStage,
    OneShot,
    Reason,
    Verdict,
)
from model.event import EventState, JsonValue, StoredEvent
from model.lead import RULE, Lead, Provenance
from sync.links import record_key
from sync.merge import merge
from sync.reasons import created
from sync.records import person_keys

AFTER_MERGE = ("score", "qualify", "assign", "follow_up", "notify", "writeback")
"""What runs again when a CRM's record changed the lead; the rest looks only at a sender's post."""


@dataclass(slots=True)
class Result:
    """What became of one event: its end, the lead as it is now, and what follows from it."""

    stored: StoredEvent
    state: EventState
    lead: Lead | None = None  # as it is now, where the event changed it
    before: Lead | None = None
    lead_id: str | None = None
    effects: list[Effect] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The handlers in the playbook's order."""

    playbook: Playbook
    handlers: Sequence[tuple[str, Handler]]

    def run(self, reading: Reading, lookups: Lookups) -> Result:
        """Decide a sender's post. A handler that raises is the caller's to set aside."""
        stored = reading.stored
        result = Result(stored, EventState.NEW)
        draft = Lead(
            id=new_lead_id(stored),
            space=stored.event.space,
            unit=reading.source.unit,
            created_at=stored.decided_at,
            is_test=reading.is_test,
        )
        is_new = False
        for name, handler in self.handlers:
            context = self._context(result, lookups, reading, is_new=is_new)
            decision = guarded(handler(draft, context), draft)
            self._note(result, name, decision)
            if decision.verdict is not Verdict.GO:
                result.state = VERDICT_STATES[decision.verdict]
                result.lead = None
                return result
            if decision.lead_id is not None:
                is_new = not decision.lead_id
                if decision.lead_id:
                    result.state = EventState.MERGED
                    result.before = lookups.lead(decision.lead_id)
                    draft = copy_of(result.before)
            self._apply(draft, decision, reading.source.name, stored)
            result.lead = draft
        result.lead_id = draft.id
        return result

    def found(self, stored: StoredEvent, record: Record, lead_id: str, lookups: Lookups) -> Result:
        """Decide what a record found in a CRM means for the lead it was looked up for."""
        result = Result(stored, EventState.DONE, lead_id=lead_id)
        before = lookups.lead(lead_id)
        holder = lookups.lead_id_of(record_key(record.ref))
        if holder not in (None, lead_id):
            return self._held_by_other(result, record, lead_id, holder)
        crm = self.playbook.crms[record.ref.connection]
        sent = stored.event.payload.get("sent") or {}
        merged = merge(before, record, crm, self.playbook, lookups, now=stored.decided_at, sent=sent)
        draft = copy_of(before)
        draft.links[crm.connection] = merged.link
        seen_at = record.modified_at or stored.decided_at
        for name, value in merged.fields.items():
            draft.fields[name] = value
            draft.provenance[name] = Provenance(crm.connection, seen_at, stored.id)
        result.before, result.lead = before, draft
        result.effects.extend(merged.conflicts)
        if "stage" in merged.fields:
            result.effects.append(EnterStage(merged.fields["stage"], before.stage))
        if "owner" in merged.fields:
            result.effects.append(Assigned(merged.fields["owner"], before.owner))
        found = Because(f"found in {crm.connection} as {record.ref.object} {record.ref.id}; linked")
        result.reasons.extend(Reason("merge", because) for because in (found, *merged.because))
        self._claim_keys(result, draft, merged.fields, lookups)
        self._run_after(result, draft, lookups, AFTER_MERGE)
        return result

    def delivered(self, stored: StoredEvent, lead_id: str, lookups: Lookups) -> Result:
        """Note a record that was created; what waited for its link is wanted now."""
        record = stored.event.record
        result = Result(stored, EventState.DONE, lead_id=lead_id)
        if record is not None:
            result.reasons.append(created(record))
            if record.connection in self.playbook.needed:
                self._run_after(result, copy_of(lookups.lead(lead_id)), lookups, ("writeback",))
        return result

    def _held_by_other(self, result: Result, record: Record, lead_id: str, holder: str | None) -> Result:
        detail = {"leads": [lead_id, holder], "record": record.ref.id, "object": record.ref.object}
        result.state = EventState.REVIEW
        result.effects.append(AskReview("same_record", detail | {"connection": record.ref.connection}))
        text = f"{record.ref.connection} {record.ref.object} {record.ref.id} is another lead's record already"
        result.reasons.append(Reason("merge", Because(f"{text}; a person must say which lead it is")))
        return result

    def _claim_keys(
        self, result: Result, draft: Lead, fields: Mapping[str, JsonValue], lookups: Lookups
    ) -> None:
        """Let an e-mail or phone taken from a CRM find the lead, where it is free and one person's."""
        screening = self.playbook.screening
        for key in person_keys(fields):
            if screening.role_addresses == "review" and is_role_address(key.value, screening.role_names):
                continue
            holder = lookups.lead_id_of(key)
            if holder is None:
                draft.identities.add(key)
                result.effects.append(ClaimIdentity(key))
            elif holder != draft.id:
                result.reasons.append(Reason("merge", Because(f"{key.kind} stays a key of lead {holder}")))

    def _run_after(self, result: Result, draft: Lead, lookups: Lookups, names: Sequence[str]) -> None:
        for name, handler in self.handlers:
            if name in names:
                context = self._context(result, lookups, None, is_new=False)
                decision = guarded(handler(draft, context), draft)
                self._note(result, name, decision)
                self._apply(draft, decision, RULE, result.stored)

    def _context(self, result: Result, lookups: Lookups, reading: Reading | None, *, is_new: bool) -> Context:
        stored = result.stored
        return Context(
            event=reading,
            now=stored.decided_at,
            lookups=lookups,
            playbook=self.playbook,
            seq=stored.decided_seq,
            is_new=is_new,
            event_id=stored.id,
            reasons=result.reasons,
        )

    @staticmethod
    def _note(result: Result, name: str, decision: Decision) -> None:
        result.effects.extend(decision.effects)
        result.reasons.extend(Reason(name, because) for because in decision.because)

    @staticmethod
    def _apply(draft: Lead, decision: Decision, source: str, stored: StoredEvent) -> None:
        apply(draft, decision, source=source, event_id=stored.id, at=stored.event.occurred_at)


def guarded(decision: Decision, lead: Lead) -> Decision:
    """Withhold what must not be sent for this person; every one-shot effect of every handler passes here."""
    if not any(isinstance(effect, OneShot) for effect in decision.effects):
        return decision
    why = consent.why_not(lead)
    if not why:
        return decision
    effects = tuple(
        replace(effect, withheld=why) if isinstance(effect, OneShot) else effect
        for effect in decision.effects
    )
    return replace(decision, effects=effects, because=(*decision.because, Because(f"withheld: {why}")))


def new_lead_id(stored: StoredEvent) -> str:
    """Derive a lead's id from the event it is born of, so that the same events give the same leads."""
    event = stored.event
    text = "\x1f".join((event.space, event.source, event.event_id))
    return f"ld_{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"


def copy_of(lead: Lead) -> Lead:
    """Return a draft: changing it leaves the lead as it was."""
    draft = copy.copy(lead)
    draft.fields = dict(lead.fields)
    draft.provenance = dict(lead.provenance)
    draft.identities = set(lead.identities)
    draft.touches = list(lead.touches)
    draft.activities = list(lead.activities)
    draft.links = dict(lead.links)
    return draft


def stamp(now: datetime, last: datetime) -> datetime:
    """Return ``decided_at``: never before the last one, whatever the machine's clock does."""
    return max(now, last)
