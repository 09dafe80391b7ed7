"""The stages of deals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from model.decision import Place


@dataclass(frozen=True, slots=True)
class DealStage:
    """One stage of deals, whichever CRM they live in, and what it means for the people in them."""

    name: str
    outcome: str  # "open" | "won" | "lost"
    place: Place
    lead_stage: str = ""  # the lifecycle stage that it leads people to; blank: none
    pipeline: str = ""


@dataclass(frozen=True, slots=True)
class Deals:
    """The stages of deals, and how amounts and days are meant where a CRM does not say."""

    stages: Mapping[str, DealStage]
    currency: str
    time_zone: str
    place: Place

    def outcome(self, stage: str | None) -> str:
        """Return how a deal in this stage stands; one whose stage is not known is open."""
        known = self.stages.get(stage or "")
        return known.outcome if known else "open"
