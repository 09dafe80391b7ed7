"""Counts what a lead is and did as points; ``qualify`` decides what they mean."""

from __future__ import annotations

from dataclasses import dataclass

from handlers.base import Context
from handlers.fading import changes_at
from handlers.points import points
from mappings.playbook import Scoring
from model.decision import Decision, Effect, SetTimer
from model.lead import Lead

TIMER = ("score", "")


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
        return Decision(fields=fields, effects=self._next_look(lead, context), because=found.lines)

    def _next_look(self, lead: Lead, context: Context) -> tuple[Effect, ...]:
        """Have the lead looked at again when its score is another one, though nothing happens to it."""
        if not self.scoring.fades:
            return ()
        due_at = changes_at(lead, self.scoring, context.now)
        if due_at is None and TIMER not in lead.timers:
            return ()
        return (SetTimer("score", due_at, context.now, "points that go with time"),)
