"""What a decision does to the draft of a lead, before the next handler looks at it."""

from __future__ import annotations

from datetime import datetime

from model.account import Account
from model.decision import (
    AddActivity,
    AddTouch,
    AskProvider,
    ClaimIdentity,
    Decision,
    JoinAccount,
    SetTimer,
)
from model.lead import DECIDED_FIELDS, RULE, Activity, Lead, Provenance, Touch
from model.timer import LONGEST_WHY, Timer


def apply(lead: Lead, decision: Decision, *, source: str, event_id: int, at: datetime) -> None:
    """Bring fields, identities, touches and activities of the decision into the draft.

    ``source`` and ``at`` (the event's ``occurred_at``) become the provenance of every field
    the decision names, unchanged ones included: that a newer post confirmed a value is what
    keeps an older one out. Fields that rules decide have the source ``RULE``. The other
    effects concern the ledgers and the outbox; whoever saves the draft reads them.
    """
    if decision.fields:
        sent = Provenance(source, at, event_id)
        ruled = Provenance(RULE, at, event_id)
        for name, value in decision.fields.items():
            if value is None:
                lead.fields.pop(name, None)  # its provenance stays: an older post does not refill it
            else:
                lead.fields[name] = value
            lead.provenance[name] = ruled if name in DECIDED_FIELDS else sent
    for effect in decision.effects:
        match effect:
            case ClaimIdentity(identity):
                lead.identities.add(identity)
            case AddTouch(moment, fields):
                lead.touches.append(Touch(moment, fields))
            case AddActivity(kind, moment, detail):
                lead.activities.append(Activity(kind, moment, detail))
            case SetTimer():
                _set(lead, effect)
            case AskProvider(provider, asked):
                lead.asked.add((provider, asked))


def _set(lead: Lead, effect: SetTimer) -> None:
    """Set, move or drop a timer; the beginning of a wait stays while it is moved."""
    name = (effect.kind, effect.key)
    known = lead.timers.get(name)
    if effect.due_at is None:
        lead.timers.pop(name, None)
    else:
        since = known.since if known is not None else effect.at
        lead.timers[name] = Timer(effect.kind, effect.key, effect.due_at, since, effect.why[:LONGEST_WHY])


def fill(account: Account, joined: JoinAccount, *, source: str, event_id: int, at: datetime) -> None:
    """Bring what a lead tells of its company into the draft of the account."""
    origin = Provenance(source, at, event_id)
    for name, value in joined.fields.items():
        account.fields[name] = value
        account.provenance[name] = origin
