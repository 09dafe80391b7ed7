"""Runs the handlers over one event and keeps the reasons; pure, on drafts that nobody else sees."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from handlers.apply import apply, fill
from handlers.base import Context, Handler, Lookups
from mappings.playbook import Playbook
from mappings.reading import Reading
from model import consent
from model.account import Account
from model.cause import NO_CAUSE, Cause
from model.change import Record
from model.deal import Deal
from model.decision import (
    VERDICT_STATES,
    AskReview,
    Because,
    Decision,
    Effect,
    JoinAccount,
    OneShot,
    Reason,
    Verdict,
)
from model.event import Event, EventKind, EventState, JsonValue, StoredEvent
from model.lead import RULE, Lead, Touch
from model.times import from_text
from sync.choosing import choose
from sync.links import record_key
from sync.matching import Hits, lacking
from sync.reasons import created
from sync.uniting import claim_keys, unite

NO_HITS = Hits()
TELLING = ("task", "message")  # one-shot effects by which somebody hears of a lead
AFTER_MERGE = ("score", "qualify", "assign", "account", "follow_up", "notify", "writeback")
"""What runs again when a CRM's record changed the lead; the rest looks only at a sender's post."""

AFTER_DEAL = ("deals", *AFTER_MERGE)
"""What runs when a deal of the lead's has changed."""


@dataclass(slots=True)
class Result:
    """What became of one event: its end, the lead as it is now, and what follows from it."""

    stored: StoredEvent
    state: EventState
    lead: Lead | None = None  # as it is now, where the event changed it
    before: Lead | None = None
    lead_id: str | None = None
    account: Account | None = None  # as it is now, where the event changed it
    account_id: str | None = None
    deals: list[Deal] = field(default_factory=list)  # as they are now, where the event changed them
    deal_id: str | None = None
    absorbed: list[Lead] = field(default_factory=list)  # leads that were taken into this one
    effects: list[Effect] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    error: str | None = None
    cause: Cause = NO_CAUSE  # why it is set aside, in a word


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The handlers in the playbook's order."""

    playbook: Playbook
    handlers: Sequence[tuple[str, Handler]]

    def run(self, reading: Reading, lookups: Lookups, hits: Hits = NO_HITS) -> Result:
        """Decide a sender's post. A handler that raises is the caller's to set aside.

        ``hits`` are the mirror's records of people: who is in a CRM already is merged with what is
        known there before anybody judges the lead or gives it an owner.
        """
        stored = reading.stored
        result = Result(stored, EventState.NEW)
        draft = Lead(
            id=new_lead_id(stored),
            space=stored.event.space,
            unit=reading.source.unit,
            created_at=stored.decided_at,
            is_test=reading.is_test,
        )
        is_new = is_matched = False
        for name, handler in self.handlers:
            if name in AFTER_MERGE and not is_matched:
                is_matched = True
                self._match(result, draft, lookups, hits)
            context = self._context(result, draft, lookups, reading, is_new=is_new)
            decision = guarded(handler(draft, context), draft)
            self._note(result, name, decision)
            if decision.verdict is not Verdict.GO:
                result.state, result.cause = VERDICT_STATES[decision.verdict], decision.cause
                result.lead = None
                return result
            if decision.lead_id is not None:
                is_new = not decision.lead_id
                if decision.lead_id:
                    result.state = EventState.MERGED
                    result.before = lookups.lead(decision.lead_id)
                    draft = copy_of(result.before)
            self._apply(draft, decision, reading.source.name, stored)
            self._join(result, decision, reading.source.name, lookups)
            result.lead = draft
        result.lead_id, result.account_id = draft.id, draft.fields.get("account")
        return result

    def found(self, stored: StoredEvent, record: Record, lead_id: str, lookups: Lookups) -> Result:
        """Decide what a record found in a CRM means for the lead it was looked up for."""
        result = Result(stored, EventState.DONE, lead_id=lead_id)
        before = lookups.lead(lead_id)
        holder = lookups.lead_id_of(record_key(record.ref))
        if holder not in (None, lead_id):
            return self._held_by_other(result, record, lead_id, holder)
        if is_of_match_pass(stored.event) and record.ref.connection in before.links:
            return self._known_already(result, record)
        link = before.links.get(record.ref.connection)
        if link is not None and record.ref.id in link.aliases:
            return self._known_already(result, record)  # it was merged or converted since it was read
        crm = self.playbook.crms[record.ref.connection]
        sent = stored.event.payload.get("sent") or {}
        draft = copy_of(before)
        told = stored.event.payload.get("read_at")  # by the mirror: earlier than this event
        effects, reasons = unite(
            draft,
            record,
            crm,
            self.playbook,
            lookups,
            where=crm.connection,
            read_at=from_text(told) if told else stored.decided_at,
            event_id=stored.id,
            sent=sent,
        )
        result.before, result.lead = before, draft
        result.effects.extend(effects)
        result.reasons.extend(reasons)
        self.run_after(result, draft, lookups, AFTER_MERGE)
        if is_of_match_pass(stored.event):
            keep_quiet(result, "matched with the mirror, which is no news")
        return result

    def gone(self, stored: StoredEvent, lead_id: str, lookups: Lookups) -> Result:
        """Drop a link whose record is gone before anything of ours was written to it.

        The person is then looked up in the CRM as if new: deleted, they are created; merged into
        another record or converted, they are found under that.
        """
        ref = stored.event.record
        result = Result(stored, EventState.DONE, lead_id=lead_id)
        before = lookups.lead(lead_id)
        link = before.links.get(ref.connection) if ref else None
        if ref is None or link is None or (link.object, link.remote_id) != (ref.object, ref.id):
            result.reasons.append(Reason("merge", Because("the lead is linked to another record by now")))
            return result
        draft = copy_of(before)
        del draft.links[ref.connection]
        result.before, result.lead = before, draft
        text = f"{ref.connection}: {ref.object} {ref.id} is gone; unlinked, the person is looked up again"
        result.reasons.append(Reason("merge", Because(text)))
        self.run_after(result, draft, lookups, ("writeback",))
        return result

    def delivered(self, stored: StoredEvent, lead_id: str, lookups: Lookups) -> Result:
        """Note a record that was created; what waited for its link is wanted now."""
        record = stored.event.record
        result = Result(stored, EventState.DONE, lead_id=lead_id)
        if record is not None:
            result.reasons.append(created(record))
            if record.connection in self.playbook.needed:
                self.run_after(result, copy_of(lookups.lead(lead_id)), lookups, ("writeback",))
        return result

    def heard(self, stored: StoredEvent, lead_id: str, lookups: Lookups) -> Result:
        """Decide what the deals of a lead, as they are now, mean for the lead."""
        result = Result(stored, EventState.DONE, lead_id=lead_id)
        before = lookups.lead(lead_id)
        draft = copy_of(before)
        result.before, result.lead = before, draft
        self.run_after(result, draft, lookups, AFTER_DEAL)
        if draft.fields == before.fields and not result.effects:
            result.before = result.lead = None
        if not stored.event.payload.get("is_news"):
            keep_quiet(result, "the deal was there before, which is no news")
        return result

    def chosen(self, stored: StoredEvent, lead_id: str, lookups: Lookups) -> Result:
        """Decide what a person's choice between two values means for the lead."""
        result = Result(stored, EventState.DONE, lead_id=lead_id)
        before = lookups.lead(lead_id)
        draft = copy_of(before)
        chosen = choose(draft, stored, self.playbook, lookups)
        result.reasons.append(Reason("merge", chosen.because))
        if chosen.effects:
            result.before, result.lead = before, draft
            result.effects.extend(chosen.effects)
            self._claim(result, draft, chosen.fields, lookups)
            self.run_after(result, draft, lookups, AFTER_MERGE)
        return result

    def _claim(self, result: Result, draft: Lead, fields: Mapping[str, JsonValue], lookups: Lookups) -> None:
        for claimed in claim_keys(draft, fields, self.playbook, lookups):
            if isinstance(claimed, Because):
                result.reasons.append(Reason("merge", claimed))
            else:
                result.effects.append(claimed)

    def _match(self, result: Result, draft: Lead, lookups: Lookups, hits: Hits) -> None:
        """Take in what the mirror knows of the person on each connection where there is no link yet."""
        for crm in self.playbook.crms.values():
            name = crm.connection
            if name not in hits.connections or name in draft.links or name not in lookups.rosters():
                continue
            one = hits.person(crm, draft)
            if one is None:
                continue
            ref = one.record.ref
            what = f"the mirror of {name} has {ref.object} {ref.id}"
            holder = lookups.lead_id_of(record_key(ref))
            if holder not in (None, draft.id):
                why: str | None = f"{what}, which is the record of lead {holder}; it is left to a look-up"
            elif lacks := lacking(one, crm):
                why = f"{what}, but not its {', '.join(lacks)}; it is left to a look-up"
            else:
                why = None
            if why is not None:
                result.reasons.append(Reason("merge", Because(why, crm.place)))
                continue
            effects, reasons = unite(
                draft,
                one.record,
                crm,
                self.playbook,
                lookups,
                where=f"the mirror of {name}",
                read_at=one.read_at,
                event_id=result.stored.id,
                sent={},
            )
            result.effects.extend(effects)
            result.reasons.extend(reasons)

    def _known_already(self, result: Result, record: Record) -> Result:
        """Leave a lead alone that was linked since the mirror was asked: what is known is newer."""
        text = f"linked on {record.ref.connection} by now; what the mirror had is older"
        result.reasons.append(Reason("merge", Because(text)))
        return result

    def _held_by_other(self, result: Result, record: Record, lead_id: str, holder: str | None) -> Result:
        detail = {"leads": [lead_id, holder], "record": record.ref.id, "object": record.ref.object}
        result.state, result.cause = EventState.REVIEW, Cause("SAME_RECORD")
        result.effects.append(AskReview("same_record", detail | {"connection": record.ref.connection}))
        text = f"{record.ref.connection} {record.ref.object} {record.ref.id} is another lead's record already"
        result.reasons.append(Reason("merge", Because(f"{text}; a person must say which lead it is")))
        return result

    def run_after(
        self,
        result: Result,
        draft: Lead,
        lookups: Lookups,
        names: Sequence[str],
        touch: Touch | None = None,
    ) -> None:
        """Run the handlers of these names over a draft that a CRM's record has changed.

        ``touch`` is a marketing contact that the CRM tells of.
        """
        for name, handler in self.handlers:
            if name in names:
                context = replace(self._context(result, draft, lookups, None, is_new=False), touch=touch)
                decision = guarded(handler(draft, context), draft)
                self._note(result, name, decision)
                self._apply(draft, decision, RULE, result.stored)
                self._join(result, decision, RULE, lookups)
        result.account_id = draft.fields.get("account")

    def _context(
        self, result: Result, draft: Lead, lookups: Lookups, reading: Reading | None, *, is_new: bool
    ) -> Context:
        stored = result.stored
        account = result.account
        if account is None and self.playbook.joins_accounts and (joined := draft.fields.get("account")):
            account = lookups.account(joined)
        return Context(
            event=reading,
            now=stored.decided_at,
            lookups=lookups,
            playbook=self.playbook,
            seq=stored.decided_seq,
            is_new=is_new,
            account=account,
            event_id=stored.id,
            reasons=result.reasons,
        )

    @staticmethod
    def _join(result: Result, decision: Decision, source: str, lookups: Lookups) -> None:
        """Bring what the lead tells of its company into a draft of the account."""
        for effect in decision.effects:
            if isinstance(effect, JoinAccount):
                stored = result.stored
                known = lookups.account(effect.account_id)
                if known is not None and not effect.fields:
                    continue
                result.account = (
                    copy_of_account(known)
                    if known is not None
                    else Account(effect.account_id, stored.event.space, created_at=stored.decided_at)
                )
                fill(result.account, effect, source=source, event_id=stored.id, at=stored.event.occurred_at)

    @staticmethod
    def _note(result: Result, name: str, decision: Decision) -> None:
        result.effects.extend(decision.effects)
        result.reasons.extend(Reason(name, because) for because in decision.because)

    @staticmethod
    def _apply(draft: Lead, decision: Decision, source: str, stored: StoredEvent) -> None:
        apply(draft, decision, source=source, event_id=stored.id, at=stored.event.occurred_at)


def is_of_match_pass(event: Event) -> bool:
    """Say whether the mirror had the record when all who were there before it were looked up."""
    return event.kind is EventKind.FOUND and bool(event.payload.get("read_at"))


def keep_quiet(result: Result, why: str) -> None:
    """Drop tasks and messages: that somebody was in a CRM all along is no news."""
    one_shots = [
        effect for effect in result.effects if isinstance(effect, OneShot) and effect.kind in TELLING
    ]
    if one_shots:
        result.effects = [effect for effect in result.effects if effect not in one_shots]
        text = f"{why}: no task is made, nobody is told"
        result.reasons.append(Reason("merge", Because(text)))


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
    draft.engagements = dict(lead.engagements)
    draft.links = dict(lead.links)
    return draft


def copy_of_account(account: Account) -> Account:
    """Return a draft: changing it leaves the account as it was."""
    draft = copy.copy(account)
    draft.fields = dict(account.fields)
    draft.provenance = dict(account.provenance)
    draft.links = dict(account.links)
    return draft


def stamp(now: datetime, last: datetime) -> datetime:
    """Return ``decided_at``: never before the last one, whatever the machine's clock does."""
    return max(now, last)
