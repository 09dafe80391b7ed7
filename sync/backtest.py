"""Tries thresholds on leads whose deals were won or lost, by the facts of the time that the ledgers tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from handlers.backtest import Found, TierFound, by_tier, found_by, peak
from mappings.playbook import Playbook
from model.account import Account
from model.lead import Lead
from sync import accounts, engagements, joins, leads
from sync.tables import deal_outcomes
from sync.tables import leads as leads_table

AT_ONCE = 1_000  # leads in memory

NO_OUTCOME = "no deal of theirs was won or lost"
OPEN = "a deal of theirs is open, and none was won"
TEST = "test leads"
UNKNOWN = "nothing was known of them before their deal"


@dataclass(frozen=True, slots=True)
class Backtest:
    """What thresholds would have found, and which leads say nothing of it, by the reason."""

    found: Sequence[Found]
    leads: int  # that were looked at
    won: int
    left_out: Mapping[str, int]
    with_later_facts: int  # leads of which something came only after their deal began, and was not counted
    tiers: Sequence[TierFound] = ()  # of the customer profile, the best first; none without a profile


@dataclass(frozen=True, slots=True)
class _Deal:
    began: datetime  # the earliest that is known of it, by the CRM's clock
    outcome: str


def backtest(snapshot: Connection, space: str, playbook: Playbook, thresholds: Sequence[int]) -> Backtest:
    """Judge each lead by its highest score before its first deal began; it is won where any deal of it is."""
    deals = _deals_by_lead(snapshot, space)
    left_out: Counter[str] = Counter()
    judged: list[tuple[int, bool]] = []
    tiers: list[tuple[str, bool]] = []
    late = 0
    c = leads_table.c
    everybody = snapshot.execute(sa.select(c.id, c.is_test).where(c.space == space).order_by(c.id)).all()
    wanted = []
    for row in everybody:
        if row.is_test:
            left_out[TEST] += 1
        elif (why := _says_nothing(deals.get(row.id, ()))) is not None:
            left_out[why] += 1
        else:
            wanted.append(row.id)
    for first in range(0, len(wanted), AT_ONCE):
        some = wanted[first : first + AT_ONCE]
        loaded = leads.load(snapshot, some)
        if playbook.counted:
            for lead_id, one in engagements.load(snapshot, some, playbook.counted, ()):
                loaded[lead_id].engagements[one.ref] = one
        companies = _companies(snapshot, playbook, loaded.values())
        for lead in loaded.values():
            began = min(deal.began for deal in deals[lead.id])
            best = peak(
                lead,
                playbook.scoring,
                began,
                skip_direct=playbook.skip_direct,
                icp=playbook.icp,
                account=companies.get(str(lead.fields.get("account"))),
            )
            if not best.facts:
                left_out[UNKNOWN] += 1
                continue
            late += best.later > 0
            is_won = any(deal.outcome == "won" for deal in deals[lead.id])
            judged.append((best.score, is_won))
            tiers.append((best.tier, is_won))
    found = found_by(thresholds, judged)
    of_tiers = by_tier(playbook.icp, tiers) if playbook.icp is not None else ()
    won = sum(is_won for _, is_won in judged)
    return Backtest(found, len(judged), won, dict(left_out), late, of_tiers)


def _companies(snapshot: Connection, playbook: Playbook, some: Iterable[Lead]) -> dict[str, Account]:
    """Return the accounts of these leads, where a profile asks for what they know."""
    if playbook.icp is None or not playbook.joins_accounts:
        return {}
    return accounts.load(snapshot, (str(one) for lead in some if (one := lead.fields.get("account"))))


def _says_nothing(deals: Sequence[_Deal]) -> str | None:
    """Say why a lead cannot be judged; ``None``: it can."""
    outcomes = {deal.outcome for deal in deals}
    if "won" in outcomes:
        return None
    if "open" in outcomes:
        return OPEN
    return None if "lost" in outcomes else NO_OUTCOME


def _deals_by_lead(snapshot: Connection, space: str) -> dict[str, list[_Deal]]:
    """Return the deals that each lead ever took part in; leads that were taken into others by these."""
    c = deal_outcomes.c
    rows = snapshot.execute(
        sa.select(c.deal_id, c.outcome, c.since, c.leads).where(c.space == space).order_by(c.id)
    ).all()
    began: dict[str, datetime] = {}
    outcome: dict[str, str] = {}
    parties: dict[str, set[str]] = {}
    for row in rows:
        began[row.deal_id] = min(began.get(row.deal_id, row.since), row.since)
        outcome[row.deal_id] = row.outcome
        parties.setdefault(row.deal_id, set()).update(row.leads)
    present = joins.present_ids(snapshot, {lead_id for some in parties.values() for lead_id in some})
    found: dict[str, list[_Deal]] = {}
    for deal_id, some in parties.items():
        for lead_id in {present.get(one, one) for one in some}:
            found.setdefault(lead_id, []).append(_Deal(began[deal_id], outcome[deal_id]))
    return found
