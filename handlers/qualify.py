"""Moves a lead along its life: by the furthest rule that holds and that the stages let through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from handlers import ladder
from handlers.base import Context
from handlers.reviewing import looked_at
from mappings.moving import RULES, entering, judge, pass_of
from mappings.playbook import STAYS, Lifecycle, StageRule
from model.decision import NOTHING, Because, Decision, Effect, EnterStage
from model.event import JsonValue
from model.lead import Lead


@dataclass(frozen=True, slots=True)
class Qualify:
    """Start new leads, and move known ones to the furthest stage whose rule holds.

    A stage beside the ladder (nurture, disqualified) is entered only by a rule that names it,
    and such a rule comes before those of the ladder; it never takes a customer. From nurture
    a lead returns by what it does there, not by the points it brought along; from
    disqualified only by a person. Backwards a lead goes by a rule that names the stages it comes from, and
    goes on again by what it does since. What stages ask for (``mappings.moving``) a rule does not pass over:
    the next one has its turn, and what is missing is said. Of a lead in the band under review
    a person is asked.
    """

    lifecycle: Lifecycle

    def __call__(self, lead: Lead, context: Context) -> Decision:  # noqa: ARG002 - the lead says it all
        moved = self._moved(lead)
        asked = looked_at(self.lifecycle, lead, str(moved.fields.get("stage", lead.stage)))
        if asked is NOTHING:
            return moved
        return Decision(
            fields={**moved.fields, **asked.fields},
            effects=(*moved.effects, *asked.effects),
            because=(*moved.because, *asked.because),
        )

    def _moved(self, lead: Lead) -> Decision:
        effects: list[Effect] = []
        because: list[Because] = []
        fields: dict[str, JsonValue] = {}
        stage = lead.stage
        if stage is None:
            stage = self.lifecycle.start
            effects.append(EnterStage(stage, None))
            because.append(Because(f"starts as {stage}", self.lifecycle.place))
            fields["stage"] = stage
        elif self.lifecycle.order(stage) < 0:
            text = f"left at {stage}, which is no stage of the lifecycle (any more): set it by hand"
            return Decision(because=(Because(text, self.lifecycle.place),))
        for rule in self._due(lead, stage):
            begun = lead if lead.stage else _started(lead, stage)
            ruling = judge(self.lifecycle, begun, rule.to, RULES)
            held = _held(rule, lead)
            if not ruling.allowed:
                because.append(
                    Because(f"{STAYS}{stage}, not {rule.to}: {held}, but {ruling.why}", rule.place)
                )
                continue
            kept = entering(self.lifecycle, lead.fields, stage, rule.to)
            number = pass_of({**lead.fields, **kept})
            fields |= {"stage": rule.to, **kept}
            effects.append(EnterStage(rule.to, stage, RULES, number))
            again = f", pass {number}" if "stage_pass" in kept else ""
            because.append(Because(f"{stage} → {rule.to}: {held}{again}", rule.place))
            break
        if not effects and not because:
            return NOTHING
        return Decision(fields=fields, effects=tuple(effects), because=tuple(because))

    def _due(self, lead: Lead, stage: str) -> Sequence[StageRule]:
        """Return the rules that would move the lead, the furthest first; to each stage the first one."""
        if self.lifecycle.is_end(stage):
            return ()
        asked = [rule for rule in self.lifecycle.rules if not rule.starts or stage in rule.starts]
        holding = [rule for rule in asked if holds(rule, lead)]
        if not holding:
            return ()
        beside = [rule for rule in holding if self._leads_aside(rule, stage)]
        back = [rule for rule in holding if rule.starts and self.lifecycle.goes_back(stage, rule.to)]
        ahead = beside or back or [rule for rule in holding if self._leads_on(rule, stage, lead, holding)]
        first: dict[str, StageRule] = {}
        for rule in ahead:
            first.setdefault(rule.to, rule)
        order = self.lifecycle.order
        return sorted(
            first.values(), key=lambda rule: (rule.to == ladder.CLOSED, order(rule.to)), reverse=True
        )

    def _leads_aside(self, rule: StageRule, stage: str) -> bool:
        """Say whether the rule takes a lead of this stage (further) off the ladder."""
        return self.lifecycle.is_beside(rule.to) and (
            rule.to == ladder.CLOSED or self.lifecycle.order(rule.to) > self.lifecycle.order(stage)
        )

    def _leads_on(self, rule: StageRule, stage: str, lead: Lead, holding: Sequence[StageRule]) -> bool:
        """Say whether the rule takes a lead of this stage up the ladder, or back to it."""
        if self.lifecycle.is_beside(rule.to):
            return False
        if self.lifecycle.is_beside(stage):
            did = bool(rule.activity) and _did_since(rule.activity, lead)
            return did and not any(other.to == stage for other in holding)
        if self.lifecycle.order(rule.to) <= self.lifecycle.order(stage):
            return False
        return not lead.get("led_back_from") or _did_since(rule.activity, lead)


def holds(rule: StageRule, lead: Lead) -> bool:
    """Say whether all that the rule asks for is there."""
    return (
        (rule.min_score is None or lead.score >= rule.min_score)
        and (rule.when is None or rule.when.matches(lead))
        and (not rule.activity or any(deed.kind == rule.activity for deed in lead.deeds()))
    )


def _started(lead: Lead, stage: str) -> Lead:
    """Return a new lead as it is once it has begun."""
    return Lead(lead.id, fields={**lead.fields, "stage": stage}, activities=list(lead.deeds()))


def _did_since(activity: str, lead: Lead) -> bool:
    """Say whether the lead did this after it entered its stage; who entered at an unknown time did not.

    Of a rule that asks for no activity (blank), whether it did anything.
    """
    entered = lead.provenance.get("stage")
    return entered is not None and any(
        (not activity or deed.kind == activity) and deed.at > entered.at for deed in lead.deeds()
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
