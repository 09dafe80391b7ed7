"""Points."""

from __future__ import annotations

from dataclasses import dataclass

from mappings.playbook.condition import Condition
from model.decision import Place


@dataclass(frozen=True, slots=True)
class ScoreGroup:
    """A share of the score: the sum of its rules, never above ``cap`` nor below 0."""

    name: str
    cap: int
    place: Place


@dataclass(frozen=True, slots=True)
class ScoreRule:
    """Points for a fact (``when``) or for each of up to ``max_times`` activities (``activity``)."""

    name: str
    group: str
    points: int
    place: Place
    when: Condition | None = None
    activity: str = ""
    max_times: int = 1


@dataclass(frozen=True, slots=True)
class Scoring:
    """The scoring model."""

    groups: tuple[ScoreGroup, ...]
    rules: tuple[ScoreRule, ...]
    place: Place
