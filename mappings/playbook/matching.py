"""When people are asked whether two leads are one person, and when nobody needs to be."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import timedelta

from model.decision import Place

TIE_BREAKERS = ("customer", "open_deal", "active_last", "oldest")
"""What decides where the playbook says nothing."""

LEARNED, SHIPPED = "learned", "shipped"
"""By which weights leads may be joined without a person."""


@dataclass(frozen=True, slots=True)
class LevelShares:
    """How often each level is found with one person (m) and with two (u), the surest first."""

    m: tuple[float, ...]
    u: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Weights:
    """What a store's own pairs have taught: match_weights.yaml."""

    pairs: int
    prior: float
    fields: dict[str, LevelShares]  # by comparison


@dataclass(frozen=True, slots=True)
class Matching:
    """When people are asked whether two leads are one person: matching.yaml."""

    review: float = 0.95  # from this probability on
    never_across: tuple[str, ...] = ()  # lead fields in which the two must not differ
    compare: dict[str, str] = dataclasses.field(default_factory=dict)  # own lead field -> how
    survivorship: dict[str, str] = dataclasses.field(default_factory=dict)  # lead field -> which value stays
    trust: dict[str, tuple[str, ...]] = dataclasses.field(
        default_factory=dict
    )  # lead field -> whose word stays
    undo_for: timedelta = timedelta(days=90)  # how long a join by a person's word can be undone
    weights: Weights | None = None  # without them the shipped ones count
    same: float | None = None  # from this probability on two are joined without a person; None: never
    same_per_hour: int = 10  # so many at most; a person is asked about all others
    same_per_day: int = 50
    same_weights: str = LEARNED  # SHIPPED: by weights that were not learned, too
    tie_breakers: tuple[str, ...] = TIE_BREAKERS  # which of several that are one person comes first
    same_place: Place | None = dataclasses.field(default=None, compare=False)
