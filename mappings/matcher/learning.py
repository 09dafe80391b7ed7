"""Weights out of unlabelled pairs, by expectation maximisation: the same pairs give the same weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mappings.matcher.levels import LEVELS, UNKNOWN, Vector, compare
from mappings.matcher.model import Model, Shares, shipped
from mappings.matcher.person import STANDARD, Comparison, Person

ENOUGH_PAIRS = 1_000
ENOUGH_MATCHES = 100
ROUNDS = 200
SETTLED = 1e-6  # the prior moves less than this: it will not move further
BELIEF = 10.0
"""The shipped weights count as so many pairs: a level that the data lacks keeps a sensible weight."""
SURE = 0.9
MOST_UNSURE = 0.2
"""Of the expected matches so many may be unsure; with more the data does not part one person from two."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What the pairs gave; where ``why_not`` says something the shipped weights are to be used."""

    model: Model
    pairs: int
    matches: float  # expected number of pairs of one person
    rounds: int
    why_not: str = ""


def observed(
    people: Mapping[str, Person],
    pairs: Iterable[tuple[str, str]],
    comparisons: Sequence[Comparison] = STANDARD,
) -> Counter[Vector]:
    """Count how often each combination of levels is found among these pairs."""
    return Counter(compare(people[a], people[b], comparisons) for a, b in pairs)


def learn(counts: Mapping[Vector, int], comparisons: Sequence[Comparison] = STANDARD) -> Learned:
    """Return the weights under which these pairs are likeliest, and whether they can be relied on.

    A side that lacks a value says nothing about that field, to either side.
    """
    model, total = shipped(comparisons), sum(counts.values())
    if total < ENOUGH_PAIRS:
        why = f"{total} candidate pairs, and at least {ENOUGH_PAIRS} are needed"
        return Learned(model, total, 0.0, 0, why)
    ordered = sorted(counts.items())
    matches, rounds, before = 0.0, 0, 1.0
    while rounds < ROUNDS and abs(model.prior - before) >= SETTLED:
        rounds, before = rounds + 1, model.prior
        model, matches = _step(model, ordered, total)
    return Learned(model, total, matches, rounds, _doubt(model, ordered, matches))


def _step(model: Model, ordered: Sequence[tuple[Vector, int]], total: int) -> tuple[Model, float]:
    """Share each pair out between one person and two, then count the levels of both."""
    first = shipped(model.comparisons)
    m = {one.name: [BELIEF * share for share in first.m[one.name]] for one in model.comparisons}
    u = {one.name: [BELIEF * share for share in first.u[one.name]] for one in model.comparisons}
    names = [one.name for one in model.comparisons]
    matches = 0.0
    for vector, count in ordered:
        one_person = model.probability(vector) * count
        matches += one_person
        for name, level in zip(names, vector, strict=True):
            if level != UNKNOWN:
                m[name][level] += one_person
                u[name][level] += count - one_person
    prior = (matches + first.prior * BELIEF) / (total + BELIEF)
    of_one, of_two = ({name: _shares(some) for name, some in counted.items()} for counted in (m, u))
    return Model(model.comparisons, of_one, of_two, prior, total), matches


def _shares(counted: Sequence[float]) -> Shares:
    """Return counts as shares that add up to 1; none is 0, for nothing is impossible."""
    kept = [max(one, 1e-6) for one in counted]
    return tuple(one / sum(kept) for one in kept)


def _doubt(model: Model, ordered: Sequence[tuple[Vector, int]], matches: float) -> str:
    """Say why weights that were learned are not to be relied on; blank where they are."""
    if matches < ENOUGH_MATCHES:
        return f"only {matches:.0f} pairs look like one person, and at least {ENOUGH_MATCHES} are needed"
    likely = ((model.probability(vector), count) for vector, count in ordered)
    unsure = sum(p * count for p, count in likely if p < SURE)
    if unsure > MOST_UNSURE * matches:
        return (
            f"{unsure / matches:.0%} of what looks like one person is unsure: the data parts them too little"
        )
    weights = {(name, level): weight for name, level, _, _, weight in model.rows()}
    for one in model.comparisons:
        # Not of a domain: colleagues share it, and who came twice by one address is one lead already.
        if one.kind == "name" and weights[one.name, "same"] <= weights[one.name, LEVELS[one.kind][-1]]:
            return f"the same {one.name} would speak against one person: the data is not about people"
    return ""
