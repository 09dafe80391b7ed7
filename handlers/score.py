"""Counts what a lead is and did as points; ``qualify`` decides what they mean."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from handlers.base import Context
from mappings.playbook import ScoreRule, Scoring
from model.decision import Because, Decision
from model.lead import Lead


@dataclass(frozen=True, slots=True)
class Score:
    """Add up the points of the rules that match, group by group.

    A group counts no more than its cap and no less than 0. The sum is a function of the
    lead's facts and ledger alone, so counting again gives the same.
    """

    scoring: Scoring

    def __call__(self, lead: Lead, context: Context) -> Decision:  # noqa: ARG002 - the lead says it all
        done = Counter(deed.kind for deed in lead.deeds())
        sums = {group.name: 0 for group in self.scoring.groups}
        because: list[Because] = []
        for rule in self.scoring.rules:
            if times := times_met(rule, lead, done):
                sums[rule.group] += rule.points * times
                often = f", {times} times" if times > 1 else ""
                because.append(
                    Because(f"{rule.points * times:+d} {rule.name}{often} ({rule.group})", rule.place)
                )
        score = 0
        for group in self.scoring.groups:
            points = sums[group.name]
            counted = max(0, min(points, group.cap))
            score += counted
            if counted != points:
                bound = "capped" if points > counted else "held"
                because.append(Because(f"{group.name} {bound} at {counted}, was {points}", group.place))
        fields = {} if lead.fields.get("score") == score else {"score": score}
        return Decision(fields=fields, because=tuple(because))


def times_met(rule: ScoreRule, lead: Lead, done: Counter[str]) -> int:
    """Return how many times the rule counts: once for a fact, up to ``max_times`` for activities."""
    times = min(done[rule.activity], rule.max_times) if rule.activity else 1
    return times if times and (rule.when is None or rule.when.matches(lead)) else 0
