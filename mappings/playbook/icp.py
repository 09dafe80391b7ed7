"""The ideal customer profile."""

from __future__ import annotations

from dataclasses import dataclass

from mappings.playbook.condition import Condition
from model.decision import Place


@dataclass(frozen=True, slots=True)
class IcpCriterion:
    """One thing that the customers we want have in common."""

    name: str
    when: Condition
    weight: int
    is_required: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Icp:
    """Criteria with weights, and the tiers that follow from those that are met."""

    criteria: tuple[IcpCriterion, ...]
    tiers: tuple[tuple[int, str], ...]  # the least percent of each, the highest first
    outside: str  # the tier of who lacks a required criterion or the lowest percent; blank: none
    place: Place
    tiers_place: Place
