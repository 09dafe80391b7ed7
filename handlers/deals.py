"""What is sold to a person says how they stand: their foremost deal sets fields and stage of the lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from handlers import ladder
from handlers.base import Context
from mappings.moving import DEALS, entering, judge, pass_of
from mappings.playbook import Deals, Lifecycle
from model.deal import Deal, Outcome, Standing
from model.decision import NOTHING, Because, Decision, Effect, EnterStage, Place
from model.event import JsonValue
from model.lead import Lead

NEVER = datetime.min.replace(tzinfo=UTC)
WEIGHT = {Outcome.LOST: 0, Outcome.OPEN: 1, Outcome.WON: 2}


def weight(deal: Standing, places: Mapping[str, int]) -> tuple[int, int, datetime, str]:
    """Return by what deals are compared: the greatest counts most. ``places`` are those of the stages."""
    return WEIGHT[Outcome(deal.outcome)], places.get(deal.stage, -1), deal.closed_at or NEVER, deal.id


@dataclass(frozen=True, slots=True)
class HearOfDeals:
    """Tell the lead how its deals stand, in one word: won before open before lost.

    The stage of the deal that counts most may lead the person on: up the ladder, or from it to a stage
    beside it, never back. A customer stays one; who was disqualified is led back only by a person.
    Posts tell nothing of deals.
    """

    deals: Deals | None
    lifecycle: Lifecycle

    def __call__(self, lead: Lead, context: Context) -> Decision:
        if context.event is not None or self.deals is None:
            return NOTHING
        deal = self._foremost(context.lookups.deals_of(lead.id))
        said = _said_by(deal)
        fields: dict[str, JsonValue] = {
            name: value for name, value in said.items() if lead.get(name) != value
        }
        because: list[Because] = []
        if fields:
            because.append(Because(_told(deal), self._place(deal)))
        effects: list[Effect] = []
        stage = self._stage(lead, deal)
        if stage is not None:
            ruling = judge(self.lifecycle, lead, stage, DEALS)
            told = f"{lead.stage} → {stage}: {_told(deal)}"
            if ruling.allowed:
                fields |= {"stage": stage, **entering(self.lifecycle, lead.fields, lead.stage, stage)}
                effects.append(EnterStage(stage, lead.stage, DEALS, pass_of({**lead.fields, **fields})))
                lacks = f"; it goes on without: {'; '.join(ruling.lacks)}" if ruling.lacks else ""
                because.append(Because(f"{told}{lacks}", self._place(deal)))
            else:
                because.append(
                    Because(
                        f"stays {lead.stage}, not {stage}: {_told(deal)}, but {ruling.why}", self._place(deal)
                    )
                )
        return Decision(fields=fields, effects=tuple(effects), because=tuple(because))

    def _foremost(self, deals: Sequence[Deal]) -> Deal | None:
        """Return the deal that counts most; of several that stand alike the furthest, then the latest."""
        places = {name: n for n, name in enumerate(self.deals.stages)} if self.deals else {}
        there = (deal for deal in deals if not deal.is_gone)
        return max(there, key=lambda deal: weight(deal.standing, places), default=None)

    def _stage(self, lead: Lead, deal: Deal | None) -> str | None:
        """Return the stage that the deal leads the person to; ``None`` where they stay."""
        known = self.deals.stages.get(deal.get("stage") or "") if deal and self.deals else None
        if deal is None or known is None or not known.lead_stage:
            return None
        here, there = lead.stage, known.lead_stage
        if here == there or (self.lifecycle.is_end(here) and not self._leads_from(here, there)):
            return None
        order = self.lifecycle.order
        if ladder.is_beside(self.lifecycle, there):
            is_further = there == ladder.CLOSED or order(there) > order(here)
        elif ladder.is_beside(self.lifecycle, here):
            is_further = _is_later(deal, lead)
        else:
            is_further = order(there) > order(here)
        return there if is_further else None

    def _leads_from(self, here: str | None, there: str) -> bool:
        """Say whether an end lets a deal lead a lead on, as its moves say."""
        stage = self.lifecycle.stage(here)
        return stage is not None and any(m.to == there and DEALS in m.by for m in stage.moves or ())

    def _place(self, deal: Deal | None) -> Place | None:
        known = self.deals.stages.get(deal.get("stage") or "") if deal and self.deals else None
        return known.place if known else None


def _said_by(deal: Deal | None) -> dict[str, JsonValue]:
    if deal is None:
        return {"deal_outcome": None, "deal_stage": None, "deal_reason": None}
    return {"deal_outcome": deal.outcome, "deal_stage": deal.get("stage"), "deal_reason": deal.reason}


def _is_later(deal: Deal, lead: Lead) -> bool:
    """Say whether the deal came to its stage after the lead came to its own."""
    moved, entered = deal.provenance.get("stage"), lead.provenance.get("stage")
    return moved is not None and (entered is None or moved.at > entered.at)


def _told(deal: Deal | None) -> str:
    if deal is None:
        return "the person takes part in no deal any more"
    stands = "is open" if deal.outcome == Outcome.OPEN else f"was {deal.outcome}"
    reason = f" ({deal.reason})" if deal.reason else ""
    return f'deal "{deal.get("name") or deal.id}" {stands}{reason}'
