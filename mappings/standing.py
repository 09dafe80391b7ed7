"""Where a lead stands in its life, and what is in its way to the next stages; for people. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mappings.moving import grouped, in_the_way, pass_of, short_of, spelled, unmet
from mappings.playbook import Lifecycle, Stage
from model.lead import Lead


@dataclass(frozen=True, slots=True)
class Ahead:
    """A stage ahead: ``lacks`` is what the lead has not, ``judged`` what people judge before it moves."""

    to: str
    label: str
    lacks: tuple[str, ...]
    judged: tuple[str, ...]
    has_rule: bool  # a rule leads there; otherwise people or a deal do

    @property
    def text(self) -> str:
        """Say it in one line."""
        if self.lacks:
            return "; ".join(self.lacks)
        return "nothing is in the way" if self.has_rule else "nothing is in the way of people or a deal"


@dataclass(frozen=True, slots=True)
class Standing:
    """A lead's stage as its table has it, what it lacks there, and the stages ahead, the nearest first."""

    stage: str
    label: str
    definition: str
    team: str
    activities: tuple[str, ...]
    pass_number: int
    led_back_from: str
    flags: tuple[str, ...]  # what was asked of it at the entry, and is missing
    ahead: tuple[Ahead, ...]

    def lines(self) -> list[str]:
        """Return what is in the way, a line for each stage ahead: ``Prospect → MQL: missing phone``."""
        return [f"{self.label} → {one.label}: {one.text}" for one in self.ahead]

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "stage": self.stage,
            "label": self.label,
            "definition": self.definition,
            "team": self.team,
            "activities": list(self.activities),
            "pass": self.pass_number,
            "led_back_from": self.led_back_from or None,
            "missing_here": list(self.flags),
            "ahead": [
                {"to": one.to, "label": one.label, "missing": list(one.lacks), "to_judge": list(one.judged)}
                for one in self.ahead
            ],
        }


def standing(lifecycle: Lifecycle, lead: Lead) -> Standing | None:
    """Return where a lead stands; ``None`` in a stage that the playbook does not have."""
    here = lifecycle.stage(lead.stage)
    if here is None:
        return None
    return Standing(
        here.name,
        here.title,
        here.definition,
        here.team,
        here.activities,
        pass_of(lead.fields),
        str(lead.get("led_back_from") or ""),
        unmet(here.entry, lead),
        tuple(_ahead(lifecycle, here, to, lead) for to in stages_ahead(lifecycle, here)),
    )


def stages_ahead(lifecycle: Lifecycle, here: Stage) -> list[Stage]:
    """Return the next stage up the way, and further ones to which rules lead, as ``moves`` allow.

    From beside the way every stage is ahead to which a rule leads. From an end none is.
    """
    if lifecycle.is_end(here.name):
        return []
    ruled = {rule.to for rule in lifecycle.rules if not rule.starts or here.name in rule.starts}
    listed = None if here.moves is None else {move.to for move in here.moves}
    is_beside = lifecycle.is_beside(here.name)
    found: list[Stage] = []
    for stage in lifecycle.stages:
        is_ahead = lifecycle.goes_on(here.name, stage.name) or (
            is_beside and not lifecycle.is_beside(stage.name)
        )
        if not is_ahead or (listed is not None and stage.name not in listed):
            continue
        if stage.name in ruled or (not found and not is_beside):
            found.append(stage)
    return found


def _ahead(lifecycle: Lifecycle, here: Stage, there: Stage, lead: Lead) -> Ahead:
    lacks = list(in_the_way(lifecycle, lead, there.name))
    rules = [
        criterion
        for rule, criterion in grouped(lifecycle.rules)
        if rule.to == there.name and (not rule.starts or here.name in rule.starts)
    ]
    short = [short_of(criterion, lead) for criterion in rules]
    waits = (bool(lead.get("led_back_from")) or lifecycle.is_beside(here.name)) and not _did_since(lead)
    if rules and all(short):
        told = " or ".join(one for one in dict.fromkeys(short))
        if told not in lacks:
            lacks.append(told)
    elif rules and waits:
        lacks.append(f"it went to {here.title} since: it moves on by what it does from then on")
    gates = (*(here.exit.criteria if lifecycle.goes_on(here.name, there.name) else ()), *there.entry.criteria)
    judged = tuple(spelled(one) for one in gates if one.is_for_people)
    return Ahead(there.name, there.title, tuple(lacks), judged, bool(rules))


def _did_since(lead: Lead) -> bool:
    """Say whether the lead did something after it came to its stage."""
    entered = lead.provenance.get("stage")
    return entered is not None and any(deed.at > entered.at for deed in lead.deeds())
