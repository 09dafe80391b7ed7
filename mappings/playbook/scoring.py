"""Points."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from mappings.memory import once_each
from mappings.playbook.condition import Condition
from model.decision import Place


@dataclass(frozen=True, slots=True)
class ScoreGroup:
    """A share of the score: the sum of its rules, never above ``cap`` nor below 0."""

    name: str
    cap: int
    place: Place


@dataclass(frozen=True, slots=True)
class Linear:
    """``percent`` of the first points go in each ``every``, evenly, until none is left."""

    percent: int
    every: timedelta


@dataclass(frozen=True, slots=True)
class HalfLife:
    """Half of the points go in ``every``, half of the rest in the next."""

    every: timedelta


@dataclass(frozen=True, slots=True)
class Expiry:
    """All points go at once, ``after`` the activity."""

    after: timedelta


Decay = Linear | HalfLife | Expiry


@dataclass(frozen=True, slots=True)
class ScoreRule:
    """Points for a fact (``when``) or for each of up to ``max_times`` activities (``activity``).

    With ``per``, ``max_times`` holds for any such time instead of for ever. With
    ``unique_by_detail`` activities of the same detail count once.
    """

    name: str
    group: str
    points: int
    place: Place
    when: Condition | None = None
    activity: str = ""
    max_times: int = 1
    per: timedelta | None = None
    unique_by_detail: bool = False
    decay: Decay | None = None


@dataclass(frozen=True, slots=True)
class Band:
    """A range of the score: a lead rises into it at ``up``, and falls out ``after`` a time below ``down``."""

    name: str
    up: int
    down: int
    after: timedelta
    place: Place


@dataclass(frozen=True, slots=True)
class Scale:
    """Marks by the points of a group: the least points of each, the highest first."""

    group: str
    marks: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Scoring:
    """The scoring model."""

    groups: tuple[ScoreGroup, ...]
    rules: tuple[ScoreRule, ...]
    place: Place
    bands: tuple[Band, ...] = ()  # the lowest first
    grade: tuple[Scale, ...] = ()  # two groups side by side, or none
    sign_off: tuple[str, ...] = ()  # who must agree to a change of thresholds (``mappings.signing``)
    write_points: int | None = None  # how far the CRMs may be told another score; ``None``: not at all

    @property
    def fades(self) -> bool:
        """Say whether a score changes by time alone."""
        return _fades(self)

    @property
    def changes_by_time(self) -> bool:
        """Say whether a score or a band changes by time alone."""
        return _fades(self) or any(band.after for band in self.bands)


@once_each
def _fades(scoring: Scoring) -> bool:
    return any(rule.decay is not None for rule in scoring.rules)
