"""Providers for tests: those of a playbook's file, and one that answers as it is told."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mappings.compile import load
from mappings.playbook import Enrichment
from model.enrichment import Answered, Outcome, Request, Unknown
from model.errors import LeadRelayError
from sync import tables
from sync.asking.desk import Desk, claim, finish
from tests.builders import PIPELINE
from tests.mappings.folders import playbook_folder
from tests.sync.house import House, a_house, house_playbook

FIRMO = """\
providers:
  - name: firmo
    url: https://api.firmo.example/v1/companies/{company}
    headers: {Authorization: "Bearer ${LEADRELAY_PROVIDER_FIRMO_KEY}"}
    fields:
      title: person.role
      country: {from: [hq.land, hq.country], convert: country}
    spend: {per_day: 3, per_month: 5, cost: 0.05}
"""

ENRICHING = tuple(each for name in PIPELINE for each in (("enrich", name) if name == "score" else (name,)))


def enrichment(text: str = FIRMO) -> Enrichment:
    """Return the providers of an enrichment.yaml, compiled in a sound playbook."""
    pipeline = "handlers: [screen, identify, enrich, score]\n"
    with tempfile.TemporaryDirectory() as folder:
        files = {"enrichment.yaml": text, "pipeline.yaml": pipeline}
        return load(playbook_folder(Path(folder), files=files)).enrichment


@dataclass
class Provider:
    """Answers by the company's name; ``says`` may hold outcomes to give first."""

    knows: Mapping[str, Any] = field(default_factory=dict)
    says: list[Outcome] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> Outcome:
        self.requests.append(request)
        if self.says:
            return self.says.pop(0)
        known = self.knows.get(request.url.rpartition("/")[2])
        return Answered(known) if known is not None else Unknown()


def secret(name: str) -> str:
    """Return the one secret that is set."""
    if name != "LEADRELAY_PROVIDER_FIRMO_KEY":
        raise LeadRelayError(f"{name} is not set, nor {name}_FILE")
    return "s3cret"


def a_desk(house: House, provider: Provider, **given: Any) -> Desk:
    """Return what asks the providers of a house."""
    return Desk(house.store, house.clock, lambda: house.playbook, provider, secret, lambda _: "", **given)


def asking_house(store: Any, text: str = FIRMO, **given: Any) -> House:
    """Return a house whose playbook has these providers."""
    return a_house(store, playbook=house_playbook(enrichment=enrichment(text), pipeline=ENRICHING, **given))


def ask_all(desk: Desk) -> int:
    """Ask all that is due now; return how many calls were made."""
    calls = 0
    while True:
        claimed, ended = claim(desk)
        if not claimed and not ended:
            return calls
        for one in claimed:
            finish(desk, one)
        calls += len(claimed)


def calls_of(house: House) -> dict[str, int]:
    """Return how many calls were counted in each period."""
    with house.store.snapshot() as snapshot:
        found = snapshot.execute(sa.select(tables.spending.c.period, tables.spending.c.calls))
        return {row.period: row.calls for row in found}
