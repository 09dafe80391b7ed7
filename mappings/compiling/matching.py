"""Matching in the playbook: matching.yaml, and the weights that were learned, match_weights.yaml."""

from __future__ import annotations

from collections.abc import Mapping

from mappings.compiling.scope import Scope
from mappings.compiling.validation import Checked
from mappings.matcher.levels import LEVELS
from mappings.matcher.person import STANDARD
from mappings.matcher.weighing import comparisons_of
from mappings.playbook import LEARNED, LevelShares, Matching, Weights
from mappings.playbook.matching import TIE_BREAKERS
from mappings.problems import did_you_mean
from mappings.schema import MatchingFile, MatchWeightsFile, SameLimits
from model.decision import Place
from model.lead import DECIDED_FIELDS, OPT_OUT

Speakers = Mapping[str, str]
"""Who says what a lead is, as the playbook names them -> as the provenance of a value does."""

LEARN = "Learn them anew: leadrelay match learn --write."


def compile_matching(checked: Checked[MatchingFile], speakers: Speakers, scope: Scope) -> Matching:
    """Return when people are asked; what names no lead field, and nobody who says one, is noted."""
    file, document = checked.model, checked.document
    for n, name in enumerate(file.never_across):
        scope.knows(document.value_place("never_across", n), "lead field", name, list(scope.fields))
    usual = {one.field for one in STANDARD} | {one.name for one in STANDARD}
    for name in file.compare:
        at = document.place("compare", name)
        if name in usual:
            scope.fault(at, f'"{name}" is always compared', "Take it out.")
        else:
            scope.knows(at, "lead field", name, list(scope.fields))
    for name, how in file.survivorship.items():
        at = document.place("survivorship", name)
        if not _takes_rules(at, name, scope):
            continue
        if how in ("max", "min") and scope.fields.get(name) not in (int, float):
            scope.fault(at, f"{how} compares numbers, and {name} is none", "Say newest, oldest or longest.")
        elif how == "longest" and scope.fields.get(name) is not str:
            scope.fault(at, f"longest compares texts, and {name} is none", "Say newest, oldest, max or min.")
    breakers = tuple(file.tie_breakers) if file.tie_breakers is not None else TIE_BREAKERS
    for n, name in enumerate(breakers):
        if name in breakers[:n]:
            scope.fault(document.value_place("tie_breakers", n), f'"{name}" stands twice', "Take one out.")
    limits = file.same_limits or SameLimits()
    _check_same(checked, scope)
    return Matching(
        file.review,
        tuple(file.never_across),
        dict(file.compare),
        dict(file.survivorship),
        _trust(checked, speakers, scope),
        same=file.same,
        same_per_hour=limits.per_hour,
        same_per_day=limits.per_day,
        same_weights=file.same_weights or LEARNED,
        tie_breakers=breakers,
        same_place=document.value_place("same") if file.same is not None else None,
    )


def _takes_rules(at: Place, name: str, scope: Scope) -> bool:
    """Say whether a field's value may be chosen by a rule where two leads become one; note why not."""
    if not scope.knows(at, "lead field", name, list(scope.fields)):
        return False
    if name in DECIDED_FIELDS or name == OPT_OUT or name in scope.consents:
        why = "a no always stays" if name not in DECIDED_FIELDS else "leadrelay decides it"
        scope.fault(at, f"{name} takes no rule: {why}", "Take it out.")
        return False
    return True


def _trust(checked: Checked[MatchingFile], speakers: Speakers, scope: Scope) -> dict[str, tuple[str, ...]]:
    """Return whose word stays by field, as the values remember who said them."""
    found, document = {}, checked.document
    for name, sources in checked.model.trust.items():
        if not _takes_rules(document.place("trust", name), name, scope):
            continue
        for n, source in enumerate(sources):
            at = document.value_place("trust", name, n)
            if (
                scope.knows(at, "source, connection or provider", source, list(speakers))
                and source in sources[:n]
            ):
                scope.fault(at, f'"{source}" stands twice', "Take one out.")
        found[name] = tuple(speakers.get(one, one) for one in sources)
    return found


def _check_same(checked: Checked[MatchingFile], scope: Scope) -> None:
    """Note bands that exclude each other, brakes of what is not done, and a brake that never holds."""
    file, document = checked.model, checked.document
    if file.same is None:
        for name in ("same_limits", "same_weights"):
            if getattr(file, name) is not None:
                fix = "Take it out, or say from which probability on: same: 0.999."
                scope.fault(document.place(name), "without same nobody is joined without a person", fix)
        return
    if file.same < file.review:
        at, fix = document.value_place("same"), f"Write {file.review:g} or more."
        scope.fault(at, "leads would be joined that are too unlikely to be asked about", fix)
    limits = file.same_limits
    if limits is not None and limits.per_hour > limits.per_day:
        at = document.value_place(
            "same_limits", "per_hour" if "per_hour" in limits.model_fields_set else "per_day"
        )
        fix = "per_hour is 10 and per_day is 50 where it is left out."
        scope.fault(
            at, f"{limits.per_hour} an hour are never reached: {limits.per_day} a day are the limit", fix
        )


def compile_weights(checked: Checked[MatchWeightsFile], matching: Matching, scope: Scope) -> Weights:
    """Return the weights that were learned; they must be of what is compared, level by level."""
    file, document = checked.model, checked.document
    known = {one.name: LEVELS[one.kind] for one in comparisons_of(matching)}
    found: dict[str, LevelShares] = {}
    for name, levels in file.fields.items():
        if name not in known:
            fix = did_you_mean(name, known) or LEARN
            scope.fault(document.place("fields", name), f'"{name}" is not compared', fix)
            continue
        missing = [level for level in known[name] if level not in levels]
        strange = [level for level in levels if level not in known[name]]
        for level in strange:
            at, fix = document.place("fields", name, level), f"Known: {', '.join(known[name])}."
            scope.fault(at, f'{name} has no level "{level}"', fix)
        if missing:
            scope.fault(document.place("fields", name), f"{name} lacks {', '.join(missing)}", LEARN)
        elif not strange:
            ordered = [levels[level] for level in known[name]]
            found[name] = LevelShares(tuple(one.m for one in ordered), tuple(one.u for one in ordered))
    for name in known:
        if name not in file.fields:
            scope.fault(document.place("fields"), f"{name} is compared, and has no weights here", LEARN)
    return Weights(file.pairs, file.prior, found)
