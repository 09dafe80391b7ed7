"""Providers of what is not known of a lead."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from mappings.playbook.condition import Condition
from mappings.playbook.sources import Source
from mappings.playbook.spending import Spend
from mappings.requesting import Words
from model.decision import Place
from model.event import JsonValue


@dataclass(frozen=True, slots=True)
class Provider:
    """Whom to ask, what, about which leads, and what of the answer is taken."""

    name: str
    place: Place
    url: Words
    reader: Source  # what the fields of the answer mean: its ``fields``, read as a post is
    spend: Spend
    method: str = "GET"
    headers: Mapping[str, Words] = dataclasses.field(default_factory=dict)
    query: Mapping[str, Words] = dataclasses.field(default_factory=dict)
    body: JsonValue = None  # with ``Words`` in the places of texts
    timeout: float = 10.0  # seconds
    when: Condition | None = None
    cache: timedelta = timedelta(
        days=30
    )  # how long an answer serves whoever is asked about in the same words
    at_cap: str = "skip"  # or "later": as soon as the cap allows
    on_failure: str = "skip"  # or "later": once more a day later, twice
    wait_for: timedelta | None = None  # that ``assign`` and ``notify`` wait at most
    asks_for: tuple[str, ...] = ()  # lead fields that it is told, in order of their names
    needs: frozenset[str] = frozenset()  # those of them that must not be blank
    paths: tuple[str, ...] = ()  # what is read of an answer
    secrets: tuple[str, ...] = ()  # variables of the environment
    mark: str = ""  # of question and paths: an answer to another question, or with less of it, serves nobody


@dataclass(frozen=True, slots=True)
class Enrichment:
    """All providers, in the order of the file."""

    providers: Mapping[str, Provider] = dataclasses.field(default_factory=dict)

    @property
    def waits(self) -> bool:
        """Say whether leads wait for a provider."""
        return any(one.wait_for for one in self.providers.values())
