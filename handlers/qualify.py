"""Moves a lead along its life: forward only, by the furthest rule that holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from handlers import ladder
from handlers.base import Context
from mappings.playbook import Lifecycle, StageRule
from model.decision import NOTHING, Because, Decision, Effect, EnterStage
from model.lead import Lead


@dataclass(frozen=True, slots=True)
class Qualify:
    """Start new leads, and move known ones to the furthest stage whose rule holds.

    A stage beside the ladder (nurture, disqualified) is entered only by a rule that names it,
    and such a rule comes before those of the ladder; it never takes a customer. From nurture
    a lead returns by what it does there, not by the points it brought along; from
    disqualified only by a person.
    """

    lifecycle: Lifecycle

    def __call__(self, lead: Lead, context: Context) -> Decision:  # noqa: ARG002 - the lead says it all
        effects: list[Effect] = []
        because: list[Because] = []
        stage = lead.stage
        if stage is None:
            stage = self.lifecycle.start
            effects.append(EnterStage(stage, None))
            because.append(Because(f"starts as {stage}", self.lifecycle.place))
        elif self.lifecycle.order(stage) < 0:
            text = f"left at {stage}, which is no stage of the lifecycle (any more): set it by hand"
            return Decision(because=(Because(text, self.lifecycle.place),))
        rule = self._next_rule(lead, stage)
        if rule is not None:
            effects.append(EnterStage(rule.to, stage))
            because.append(Because(f"{stage} → {rule.to}: {_held(rule, lead)}", rule.place))
        if not effects:
            return NOTHING
        return Decision(
            fields={"stage": rule.to if rule else stage}, effects=tuple(effects), because=tuple(because)
        )

    def _next_rule(self, lead: Lead, stage: str) -> StageRule | None:
        """Return the rule that moves the lead furthest; of several to one stage the first in the file."""
        if stage in (ladder.TOP, ladder.CLOSED):
            return None
        holding = [rule for rule in self.lifecycle.rules if holds(rule, lead)]
        beside = [rule for rule in holding if self._leads_aside(rule, stage)]
        ahead = beside or [rule for rule in holding if self._leads_on(rule, stage, lead, holding)]
        return max(
            ahead, key=lambda rule: (rule.to == ladder.CLOSED, self.lifecycle.order(rule.to)), default=None
        )

    def _leads_aside(self, rule: StageRule, stage: str) -> bool:
        """Say whether the rule takes a lead of this stage (further) off the ladder."""
        return ladder.is_beside(self.lifecycle, rule.to) and (
            rule.to == ladder.CLOSED or self.lifecycle.order(rule.to) > self.lifecycle.order(stage)
        )

    def _leads_on(self, rule: StageRule, stage: str, lead: Lead, holding: Sequence[StageRule]) -> bool:
        """Say whether the rule takes a lead of this stage up the ladder, or back to it."""
        if ladder.is_beside(self.lifecycle, rule.to):
            return False
        if ladder.is_beside(self.lifecycle, stage):
            return _did_since(rule.activity, lead) and not any(other.to == stage for other in holding)
        return self.lifecycle.order(rule.to) > self.lifecycle.order(stage)


def holds(rule: StageRule, lead: Lead) -> bool:
    """Say whether all that the rule asks for is there."""
    return (
        (rule.min_score is None or lead.score >= rule.min_score)
        and (rule.when is None or rule.when.matches(lead))
        and (not rule.activity or any(deed.kind == rule.activity for deed in lead.deeds()))
    )


def _did_since(activity: str, lead: Lead) -> bool:
    """Say whether the lead did this after it entered its stage; who entered at an unknown time did not."""
    entered = lead.provenance.get("stage")
    return entered is not None and any(
        deed.kind == activity and deed.at > entered.at for deed in lead.deeds()
    )


def _held(rule: StageRule, lead: Lead) -> str:
    """Return the rule's name with each thing it asked for."""
    parts = []
    if rule.min_score is not None:
        parts.append(f"score {lead.score} reached {rule.min_score}")
    if rule.activity:
        parts.append(f"did {rule.activity}")
    if rule.when is not None:
        parts.append(rule.when.text)
    return f"{rule.name} ({'; '.join(parts)})" if parts else rule.name
