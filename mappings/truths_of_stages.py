"""What the stages ahead of a lead ask of it, each field and criterion with its truth. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from mappings.moving import meets, unmet
from mappings.playbook import STAYS, Criterion, Gate, Lifecycle
from mappings.standing import stages_ahead
from mappings.truth import NAMED, Judge, RuleTruth, Truth, any_of, ruled
from mappings.values.texts import is_blank


def rules(judge: Judge, lifecycle: Lifecycle, reasons: Sequence[Mapping[str, Any]]) -> Iterator[RuleTruth]:
    """Yield the rules as they are written: one took where the lead moved by it, not where it was held up.

    A rule that names several activities is one for each of them to handlers.
    """
    said = {str(one["at"]): str(one["text"]) for one in reasons if one["handler"] == "qualify"}
    for (name, place), group in groupby(
        lifecycle.rules, key=lambda one: (f"{one.name} → {one.to}", str(one.place))
    ):
        first, *others = group
        asks = judge.stage(replace(first, activity=""))
        if first.activity:
            asks += (any_of(each for one in (first, *others) for each in judge.did(one.activity)),)
        took = place in said and not said[place].startswith(STAYS)
        yield replace(ruled("qualify", name, place, asks, set()), took=took)


def gates(judge: Judge, lifecycle: Lifecycle) -> Iterator[RuleTruth]:
    """Yield the exit of the lead's stage and the entry of each stage ahead, where these ask for something."""
    here = lifecycle.stage(judge.lead.stage or lifecycle.start)
    if here is None:
        return
    ahead = stages_ahead(lifecycle, here)
    if any(lifecycle.goes_on(here.name, one.name) for one in ahead):
        yield from _gate(judge, here.exit, f"exit of {here.title}", str(here.place))
    for stage in ahead:
        yield from _gate(judge, stage.entry, f"entry of {stage.title}", str(stage.place))


def _gate(judge: Judge, gate: Gate, name: str, at: str) -> Iterator[RuleTruth]:
    if not gate.mandatory and not gate.criteria:
        return
    filled = (Truth(f"{one} is filled in", not is_blank(judge.lead.get(one))) for one in gate.mandatory)
    asks = (*filled, *(_criterion(judge, one) for one in gate.criteria))
    holds = None if any(one.holds is None for one in asks) else not unmet(gate, judge.lead)
    yield RuleTruth("qualify", name, at, holds, took=False, asks=asks)


def _criterion(judge: Judge, one: Criterion) -> Truth:
    """Return a criterion with its parts; one that people judge is told as such, and is never in the way."""
    if one.is_for_people:
        return Truth(f"{one.name} (for people to judge)", holds=True)
    lead = judge.lead
    parts = (*judge.reached(one.min_score), *judge.of(one.when))
    if one.activities:
        did = tuple(each for kind in one.activities for each in judge.did(kind))
        some = replace(one, min_score=None, when=None, any_of=())
        parts += did if len(did) == 1 else (Truth("", meets(some, lead), glue="or", parts=did),)
    if one.any_of:
        others = tuple(_criterion(judge, each) for each in one.any_of)
        some = replace(one, min_score=None, when=None, activities=())
        parts += (Truth("", meets(some, lead), glue="or", parts=others),)
    holds = None if any(each.holds is None for each in parts) else meets(one, lead)
    return Truth(one.name, holds, glue=NAMED, parts=parts)
