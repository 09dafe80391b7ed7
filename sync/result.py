"""What becomes of one event: its end, its lead as it is now, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from mappings.playbook.messages import NOT_DONE
from model.account import Account
from model.cause import NO_CAUSE, Cause
from model.deal import Deal
from model.decision import Because, Effect, OneShot, Reason
from model.event import EventState, JsonValue, StoredEvent
from model.lead import Lead
from sync.remembered import Parting

TELLING = ("task", "message")  # one-shot effects by which somebody hears of a lead


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
    parted: Parting | None = None  # a lead that had been taken into this one, and is one of its own again
    effects: list[Effect] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    facts: dict[str, JsonValue] = field(default_factory=dict)  # of the lead, as rules asked for them
    error: str | None = None
    cause: Cause = NO_CAUSE  # why it is set aside, in a word


def keep_quiet(result: Result, why: str) -> None:
    """Drop tasks and messages: that somebody was in a CRM all along is no news."""
    one_shots = [
        effect for effect in result.effects if isinstance(effect, OneShot) and effect.kind in TELLING
    ]
    if one_shots:
        result.effects = [effect for effect in result.effects if effect not in one_shots]
        result.reasons = [
            replace(one, because=replace(one.because, text=f"{NOT_DONE}{one.because.text}"))
            if one.handler in ("follow_up", "notify")
            else one
            for one in result.reasons
        ]
        text = f"{why}: no task is made, nobody is told"
        result.reasons.append(Reason("merge", Because(text)))
