"""When people are asked whether two leads are one person."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import timedelta


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
    undo_for: timedelta = timedelta(days=90)  # how long a join by a person's word can be undone
    weights: Weights | None = None  # without them the shipped ones count
