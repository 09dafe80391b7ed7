"""A test of a lead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from model.decision import Place
from model.lead import Lead


@dataclass(frozen=True, slots=True)
class Condition:
    """A declarative test of a lead, compiled once; blank fields never match except ``is_blank``."""

    test: Callable[[Lead], bool]
    text: str  # as a person would say it: "country in DE, AT, CH"
    place: Place
    fields: frozenset[str] = frozenset()

    def matches(self, lead: Lead) -> bool:
        """Say whether the lead satisfies the condition."""
        return self.test(lead)
