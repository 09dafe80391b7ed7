"""What evidence weighs: for each level how often it is found with one person (m) and with two (u).

The model of Fellegi and Sunter (1969): the weight of a level is log2(m/u), weights add up, and with the share
of candidate pairs that are one person (the prior) they give a probability.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mappings.matcher.levels import LEVELS, UNKNOWN, Vector, compare
from mappings.matcher.person import STANDARD, Comparison, Person

Shares = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one comparison said of a pair."""

    name: str
    level: str
    weight: float  # in bits: each doubles the odds; below 0 it halves them

    @property
    def text(self) -> str:
        """Return it in a few words: ``last_name close +2.1``."""
        return f"{self.name} {self.level} {self.weight:+.1f}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How likely two are one person, and why; fields that a side lacks are not in the evidence."""

    probability: float
    evidence: tuple[Evidence, ...]

    @property
    def text(self) -> str:
        """Return the evidence in one line, the weightiest first."""
        ordered = sorted(self.evidence, key=lambda one: (-abs(one.weight), one.name))
        return ", ".join(one.text for one in ordered)


@dataclass(frozen=True)
class Model:
    """The weights of one version: shipped, or learned from a store."""

    comparisons: tuple[Comparison, ...]
    m: Mapping[str, Shares]  # by comparison's name: the share of each level among pairs of one person
    u: Mapping[str, Shares]  # the same among candidate pairs of two people
    prior: float  # share of the candidate pairs that are one person
    pairs: int = 0  # it was learned from; 0: shipped
    _weights: tuple[tuple[float, ...], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        weights = tuple(
            tuple(math.log2(m / u) for m, u in zip(self.m[one.name], self.u[one.name], strict=True))
            for one in self.comparisons
        )
        object.__setattr__(self, "_weights", weights)

    @property
    def version(self) -> str:
        """Return eight hex digits that are the same only for the same weights."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()[:8]

    def probability(self, vector: Vector) -> float:
        """Return how likely a pair with these levels is one person."""
        weight = sum(self._weights[n][level] for n, level in enumerate(vector) if level != UNKNOWN)
        return 1 / (1 + (1 - self.prior) / self.prior * 2**-weight)

    def judge(self, a: Person, b: Person) -> Verdict:
        """Compare two people and say what follows."""
        vector = compare(a, b, self.comparisons)
        evidence = tuple(
            Evidence(one.name, LEVELS[one.kind][level], self._weights[n][level])
            for n, (one, level) in enumerate(zip(self.comparisons, vector, strict=True))
            if level != UNKNOWN
        )
        return Verdict(self.probability(vector), evidence)

    def rows(self) -> Iterator[tuple[str, str, float, float, float]]:
        """Yield field, level, m, u and weight, in the order of comparison."""
        for n, one in enumerate(self.comparisons):
            for at, level in enumerate(LEVELS[one.kind]):
                yield one.name, level, self.m[one.name][at], self.u[one.name][at], self._weights[n][at]

    def as_json(self) -> dict[str, Any]:
        """Return the model as a store or a file keeps it."""
        return {
            "comparisons": [[one.name, one.kind, one.field] for one in self.comparisons],
            "m": {name: [round(one, 9) for one in shares] for name, shares in self.m.items()},
            "u": {name: [round(one, 9) for one in shares] for name, shares in self.u.items()},
            "prior": round(self.prior, 9),
            "pairs": self.pairs,
        }


def model_from(kept: Mapping[str, Any]) -> Model:
    """Return the model that ``as_json`` wrote."""
    return Model(
        tuple(Comparison(*one) for one in kept["comparisons"]),
        {name: tuple(shares) for name, shares in kept["m"].items()},
        {name: tuple(shares) for name, shares in kept["u"].items()},
        kept["prior"],
        kept["pairs"],
    )


# Judgement, not measurement: cautious enough that one field alone says nothing, and what EM starts from.
_M: Mapping[str, Shares] = {
    "name": (0.80, 0.02, 0.08, 0.04, 0.06),
    "text": (0.75, 0.10, 0.05, 0.10),
    "company": (0.65, 0.12, 0.08, 0.15),
    "code": (0.80, 0.10, 0.10),
    "number": (0.85, 0.10, 0.05),
    "date": (0.85, 0.10, 0.05),
    "phone": (0.60, 0.05, 0.35),
    "choice": (0.90, 0.10),
    "mailbox": (0.40, 0.10, 0.50),
    "domain": (0.50, 0.50),
}
_U: Mapping[str, Shares] = {
    "name": (0.08, 0.005, 0.03, 0.05, 0.835),
    "text": (0.08, 0.01, 0.03, 0.88),
    "company": (0.10, 0.01, 0.03, 0.86),
    "code": (0.10, 0.02, 0.88),
    "number": (0.001, 0.001, 0.998),
    "date": (0.01, 0.02, 0.97),
    "phone": (0.02, 0.001, 0.979),
    "choice": (0.45, 0.55),
    "mailbox": (0.03, 0.02, 0.95),
    "domain": (0.15, 0.85),
}
SHIPPED_PRIOR = 0.02


def shipped(comparisons: Sequence[Comparison] = STANDARD) -> Model:
    """Return the weights that count until a store has enough data to learn its own."""
    return Model(
        tuple(comparisons),
        {one.name: _M[one.kind] for one in comparisons},
        {one.name: _U[one.kind] for one in comparisons},
        SHIPPED_PRIOR,
    )
