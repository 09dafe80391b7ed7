"""Stages, and what moves a lead."""

from __future__ import annotations

from dataclasses import dataclass

from mappings.playbook.condition import Condition
from model.decision import Place


@dataclass(frozen=True, slots=True)
class Stage:
    """One lifecycle stage; their order in the file is their order in life."""

    name: str
    definition: str
    team: str
    place: Place


@dataclass(frozen=True, slots=True)
class StageRule:
    """What moves a lead forward to a stage."""

    to: str
    name: str
    place: Place
    min_score: int | None = None
    when: Condition | None = None
    activity: str = ""  # the lead did this at least once


TOP_STAGE = "customer"
"""The last step on the way; stages listed after it stand beside the way."""
CLOSED_STAGE = "disqualified"
"""Beside the way, and closed: only a person leads a lead back from here."""


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The stages, where a lead starts, and what moves it forward."""

    stages: tuple[Stage, ...]
    start: str
    rules: tuple[StageRule, ...]
    place: Place

    def order(self, stage: str | None) -> int:
        """Return the stage's position; -1 for none or an unknown one."""
        return next((n for n, known in enumerate(self.stages) if known.name == stage), -1)

    def is_beside(self, stage: str | None) -> bool:
        """Say whether the stage is listed after ``customer``; without a ``customer`` none is."""
        top = self.order(TOP_STAGE)
        return top >= 0 and self.order(stage) > top
