"""Counts what a lead is and did as points; ``qualify`` decides what they mean."""

from __future__ import annotations

from dataclasses import dataclass

from handlers.base import Context
from handlers.points import points
from mappings.playbook import Scoring
from model.decision import Decision
from model.lead import Lead


@dataclass(frozen=True, slots=True)
class Score:
    """Set the score that a lead has now.

    It is a function of the lead's facts, its ledger and the moment alone (``handlers.points``),
    so counting again gives the same.
    """

    scoring: Scoring

    def __call__(self, lead: Lead, context: Context) -> Decision:
        found = points(lead, self.scoring, context.now)
        fields = {} if lead.fields.get("score") == found.total else {"score": found.total}
        return Decision(fields=fields, because=found.lines)
