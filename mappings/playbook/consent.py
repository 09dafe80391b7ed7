"""Consent: purposes, regions, and the gates that are shut without it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mappings.templates import Template
from model.consent import confirmed_field_of, field_of
from model.decision import Place

ELSEWHERE = "elsewhere"
"""The region of the countries that are in no other one."""


@dataclass(frozen=True, slots=True)
class TextVersion:
    """The words that people agree to, in one version."""

    version: str
    since: datetime | None
    text: str


@dataclass(frozen=True, slots=True)
class ConfirmPage:
    """The words of the page behind the link of a double opt-in."""

    lang: str = "en"
    button: str = "Yes, I confirm"
    otherwise: str = "If you did not ask for this, close this page: nothing is confirmed."
    done: str = "Thank you. It is confirmed."
    over: str = (
        "This link has expired, or there is nothing left to confirm. "
        "Fill in the form once more, and a new link is sent."
    )
    busy: str = "It could not be kept just now. Load this page again in a moment."
    footer: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Confirm:
    """The mail that asks somebody to confirm a yes."""

    channel: str
    subject: Template
    body: tuple[Template, ...]
    page: ConfirmPage = ConfirmPage()
    expires: timedelta = timedelta(days=7)
    at_most: int = 3  # mails to one person in 24 hours


@dataclass(frozen=True, slots=True)
class Purpose:
    """What people are asked about."""

    name: str
    title: str
    basis: str  # "consent" | "legitimate_interest" | "contract" | "legal_obligation"
    texts: tuple[TextVersion, ...]  # the oldest first
    place: Place
    confirm: Confirm | None = None  # double opt-in

    def version_at(self, at: datetime) -> str:
        """Return the version of the words that forms showed at a moment; blank before the first."""
        shown = self.shown_at(at)
        return shown.version if shown else ""

    def shown_at(self, at: datetime) -> TextVersion | None:
        """Return the words that forms showed at a moment; ``None`` before the first."""
        shown = [one for one in self.texts if one.since is None or one.since <= at]
        return shown[-1] if shown else None


@dataclass(frozen=True, slots=True)
class ConsentGate:
    """What is not done before the person has agreed."""

    act: str  # "task" | "notify" | "assign" | "sync"
    purpose: str
    place: Place
    only: frozenset[str] = frozenset()  # rules, connections or channels; empty: all
    regions: tuple[str, ...] = ()  # empty: everywhere
    basis: str = "consent"  # | "legitimate_interest": only a no shuts it
    double_opt_in: bool = False
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """``consent.yaml``, compiled."""

    purposes: Mapping[str, Purpose] = field(default_factory=dict)
    regions: Mapping[str, frozenset[str]] = field(default_factory=dict)  # name -> countries
    gates: Mapping[str, tuple[ConsentGate, ...]] = field(default_factory=dict)  # by act

    by_field: Mapping[str, Purpose] = field(init=False)  # by the lead field that says how it stands
    telling: tuple[str, ...] = field(init=False)  # the lead fields that gates go by

    def __post_init__(self) -> None:
        by_field = {field_of(name): purpose for name, purpose in self.purposes.items()}
        confirmed = map(confirmed_field_of, self.purposes)
        object.__setattr__(self, "by_field", by_field)
        object.__setattr__(self, "telling", (*by_field, *confirmed, "country") if by_field else ())


def counts_in(names: Collection[str], regions: Mapping[str, frozenset[str]], country: str | None) -> bool:
    """Say whether what is said of some regions counts in a country; whose country is not known is everywhere.

    No names at all are every region.
    """
    if not names or not country:
        return True
    if any(country in regions.get(name, frozenset()) for name in names):
        return True
    return ELSEWHERE in names and not any(country in inside for inside in regions.values())
