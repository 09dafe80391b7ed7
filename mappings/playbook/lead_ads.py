"""Where a lead is read of which a sender tells the number alone."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import timedelta

from mappings.playbook.spending import Spend
from model.decision import Place

LEAD_ADS = "lead_ads:"
"""How the name begins under which a source's leads are asked for; no provider is called so."""


@dataclass(frozen=True, slots=True)
class LeadAds:
    """How the leads of one source are read. Its vendor is asked like a provider, by its ``name``."""

    source: str
    kind: str  # "facebook" | "linkedin"
    place: Place
    secret_env: str  # name of the environment variable that holds the access token
    version: str  # of the vendor's API
    fields: tuple[str, ...] = ()  # of the lead, beside its answers
    # As a provider has them: a lead is read once, and one that cannot be read waits for a person.
    spend: Spend = dataclasses.field(default_factory=Spend)
    cache: timedelta = timedelta(0)
    at_cap: str = "skip"
    on_failure: str = "skip"
    mark: str = ""

    @property
    def name(self) -> str:
        """The name under which it is asked and counted."""
        return f"{LEAD_ADS}{self.source}"
