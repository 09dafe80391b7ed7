"""The matcher as the playbook sets it up: what is compared, with which weights, and what is left out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from mappings.matcher.levels import LEVELS
from mappings.matcher.model import Model, shipped
from mappings.matcher.person import STANDARD, Comparison
from mappings.memory import once_each
from mappings.playbook import Matching
from model.event import JsonValue


def comparisons_of(matching: Matching) -> tuple[Comparison, ...]:
    """Return what is compared: what every lead has, then fields of the playbook's own."""
    return (*STANDARD, *(Comparison(name, kind, name) for name, kind in matching.compare.items()))


@once_each
def model_of(matching: Matching) -> Model:
    """Return the weights that count: those that were learned, else the shipped ones."""
    comparisons, learned = comparisons_of(matching), matching.weights
    if learned is None:
        return shipped(comparisons)
    m = {name: shares.m for name, shares in learned.fields.items()}
    u = {name: shares.u for name, shares in learned.fields.items()}
    return Model(comparisons, m, u, learned.prior, learned.pairs)


def fingerprint(matching: Matching) -> str:
    """Return what changes whenever pairs must be judged anew."""
    said: tuple[object, ...] = (model_of(matching).version, matching.review, matching.never_across)
    if matching.same is not None:
        said += (matching.same, matching.same_weights)
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def why_apart(matching: Matching, ours: Mapping[str, JsonValue], theirs: Mapping[str, JsonValue]) -> str:
    """Say in which field two differ across which nobody is asked; blank where there is none."""
    for name in matching.never_across:
        one, other = ours.get(name), theirs.get(name)
        if one not in (None, "") and other not in (None, "") and one != other:
            return f"never across {name}: {one}, {other}"
    return ""


def as_yaml(model: Model, day: str) -> str:
    """Write weights as the playbook keeps them: match_weights.yaml."""
    lines = [
        f"# What evidence weighs, learned on {day} by: leadrelay match learn --write",
        "# m: how often a level is found with one person; u: with two who share a blocking key.",
        f"pairs: {model.pairs}",
        f"prior: {model.prior:.12f}",
        "fields:",
    ]
    for one in model.comparisons:
        lines.append(f"  {one.name}:")
        for level, m, u in zip(LEVELS[one.kind], model.m[one.name], model.u[one.name], strict=True):
            lines.append(f"    {level}: {{m: {m:.12f}, u: {u:.12f}}}")
    return "\n".join([*lines, ""])
