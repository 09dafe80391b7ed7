"""Gives turns back: who got a lead that was none, as the pool's ``credit`` says, gets another one sooner."""

from __future__ import annotations

from handlers.base import Context
from handlers.eligible import THIS
from handlers.workload import GivenTurn
from mappings.playbook import Credit, Pool, Routing
from mappings.playbook.routing import GETS_IT_BACK
from mappings.truth import TURN
from model.decision import NOTHING, Because, Decision, GiveBack
from model.event import JsonValue
from model.lead import Lead

MONTH = "month"


def given_back(lead: Lead, routing: Routing, context: Context) -> Decision:
    """Give the turn back that a lead used up, once, while the month's credits last."""
    workload = context.lookups.workload()
    turn = workload.last_turns.get(lead.id) if routing.gives_back and not lead.is_test else None
    pool = routing.pools.get(turn.pool) if turn else None
    if turn is None or pool is None or pool.credit is None:
        return NOTHING
    why = _why(lead, turn, pool.credit)
    facts: dict[str, JsonValue] = {TURN: {"pool": turn.pool, "owner": turn.owner, "now": lead.owner}}
    if not why:
        return Decision(facts=facts)
    had, most = workload.credits[pool.name, turn.owner], pool.credit.per_month
    if most is not None and had >= most:
        text = f"{why}; no turn is given back: {turn.owner} had {had}/{most} back {THIS[MONTH]}"
        return Decision(because=(Because(f"pool {pool.name}: {text}", pool.credit.place),), facts=facts)
    back = GiveBack(turn.owner, pool.name)
    return Decision(effects=(back,), because=(_said(pool, turn, why),), facts=facts)


def _why(lead: Lead, turn: GivenTurn, credit: Credit) -> str:
    if credit.when is not None and credit.when.matches(lead):
        return credit.when.text
    if credit.reassigned and lead.owner and lead.owner != turn.owner:
        return f"the lead is {lead.owner}'s now"
    return ""


def _said(pool: Pool, turn: GivenTurn, why: str) -> Because:
    assert pool.credit is not None
    return Because(f"pool {pool.name}: {turn.owner}{GETS_IT_BACK}{why}", pool.credit.place)
