"""Runs the handlers over one event and keeps the reasons; pure, on drafts that nobody else sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from handlers.apply import apply, fill
from handlers.base import Context, Handler, Lookups
from mappings import gates
from mappings.playbook import Consent, Playbook
from mappings.reading import Reading
from mappings.truth import HAS
from mappings.truths import JUDGES, seen
from model import consent
from model.account import Account
from model.cause import NO_CONSENT
from model.decision import (
    VERDICT_STATES,
    Because,
    Decision,
    Effect,
    JoinAccount,
    OneShot,
    Reason,
    Verdict,
)
from model.event import EventState, StoredEvent
from model.lead import RULE, Lead, Touch
from sync.deciding.uniting import unite
from sync.drafts import copy_of, copy_of_account, new_lead_id
from sync.edges.effects import ACTS
from sync.links import record_key
from sync.matching import Hits, lacking
from sync.result import Result

NO_HITS = Hits()
AFTER_MERGE = (
    "facts", "enrich", "icp", "score", "qualify", "assign", "account", "follow_up", "notify", "writeback"
)  # fmt: skip
"""What runs again when a CRM's record changed the lead; the rest looks only at a sender's post."""


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
            self._see(result, name, draft)
            context = self._context(result, draft, lookups, reading, is_new=is_new)
            decision = guarded(handler(draft, context), draft, self.playbook.consent, context.now)
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
                self._see(result, name, draft)
                context = replace(self._context(result, draft, lookups, None, is_new=False), touch=touch)
                decision = guarded(handler(draft, context), draft, self.playbook.consent, context.now)
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

    def _see(self, result: Result, name: str, draft: Lead) -> None:
        """Keep what the rules ask of the lead, before the first of them judges it."""
        if name in JUDGES and HAS not in result.facts:
            result.facts |= seen(draft, self.playbook)

    @staticmethod
    def _note(result: Result, name: str, decision: Decision) -> None:
        result.effects.extend(decision.effects)
        result.reasons.extend(Reason(name, because) for because in decision.because)
        if decision.facts:
            result.facts |= decision.facts

    @staticmethod
    def _apply(draft: Lead, decision: Decision, source: str, stored: StoredEvent) -> None:
        apply(draft, decision, source=source, event_id=stored.id, at=stored.event.occurred_at)


def guarded(decision: Decision, lead: Lead, policy: Consent, at: datetime) -> Decision:
    """Withhold what must not be sent for this person; every one-shot effect of every handler passes here.

    What a gate of consent keeps back goes ahead once the gate is open; after an opt-out nothing does.
    """
    if not any(isinstance(effect, OneShot) for effect in decision.effects):
        return decision
    why = consent.why_not(lead)
    if why:
        effects = tuple(
            replace(effect, withheld=why) if isinstance(effect, OneShot) else effect
            for effect in decision.effects
        )
        return replace(decision, effects=effects, because=(*decision.because, Because(f"withheld: {why}")))
    return _gated(decision, lead, policy, at) if policy.gates else decision


def _gated(decision: Decision, lead: Lead, policy: Consent, at: datetime) -> Decision:
    """Keep back what gates are shut for, each with its reason."""
    effects: list[Effect] = []
    because = list(decision.because)
    for effect in decision.effects:
        if isinstance(effect, OneShot) and effect.kind in ACTS:
            names = (str(effect.payload.get("rule")), effect.target)
            gate = next(gates.shut(policy, ACTS[effect.kind], lead, at, names), None)
            if gate is not None:
                why = gates.reason(gate, policy, lead)
                because.append(Because(f"{effect.kind} in {effect.target}: {why}", gate.place))
                effect = replace(effect, withheld=why, cause=NO_CONSENT)
        effects.append(effect)
    return replace(decision, effects=tuple(effects), because=tuple(because))
