"""Points: from the checked file to what handlers use."""

from __future__ import annotations

from datetime import timedelta

from mappings.durations import duration
from mappings.loader import Document
from mappings.playbook import (
    Decay,
    Expiry,
    HalfLife,
    Linear,
    ScoreGroup,
    ScoreRule,
    Scoring,
)
from mappings.schema import (
    DecayMap,
    ScoreRuleMap,
    ScoringFile,
)
from mappings.scope import Scope
from mappings.validation import Checked

FULL_SCORE = 100


def compile_scoring(checked: Checked[ScoringFile], scope: Scope) -> Scoring:
    """Return the scoring model."""
    file, document = checked.model, checked.document
    if checked.document.sound:
        _check_groups(file, document, scope)
    return Scoring(
        groups=tuple(
            ScoreGroup(name, group.cap, document.place("groups", name)) for name, group in file.groups.items()
        ),
        rules=tuple(_score_rule(n, entry, file, document, scope) for n, entry in enumerate(file.rules)),
        place=document.place("groups"),
    )


def _check_groups(file: ScoringFile, document: Document, scope: Scope) -> None:
    total = sum(group.cap for group in file.groups.values())
    if total != FULL_SCORE:
        fix = "The caps say how the score is shared out, for example 40, 40 and 20."
        scope.fault(
            document.place("groups"), f"the caps of the groups add up to {total}, not {FULL_SCORE}", fix
        )
    used = {rule.group for rule in file.rules}
    for name in file.groups:
        if name not in used:
            fix = "Add a rule to it, or take the group out."
            scope.fault(document.place("groups", name), f'no rule counts for the group "{name}"', fix)


def _score_rule(
    n: int, entry: ScoreRuleMap, file: ScoringFile, document: Document, scope: Scope
) -> ScoreRule:
    at = document.place("rules", n)
    scope.knows(document.value_place("rules", n, "group"), "score group", entry.group, scope.groups)
    group = file.groups.get(entry.group)
    if group is not None and group.cap == 0:
        fix = "Raise the cap of the group, or take the rule out."
        scope.fault(at, f'this rule never counts: the group "{entry.group}" has the cap 0', fix)
    if (entry.when is None) == (not entry.activity) and document.sound:
        fix = "when tests a fact; activity counts what a person did."
        scope.fault(at, "a rule needs either when or activity", fix)
    if entry.activity:
        place = document.value_place("rules", n, "activity")
        scope.knows(place, "source that brings the activity", entry.activity, scope.activities)
    elif document.sound:
        _only_of_activities(n, entry, document, scope)
    return ScoreRule(
        name=entry.name,
        group=entry.group,
        points=entry.points,
        place=at,
        when=scope.condition(document, entry.when, "rules", n, "when") if entry.when is not None else None,
        activity=entry.activity,
        max_times=entry.max_times,
        per=_lasting(entry.per, document, scope, n, "per") if entry.per is not None else None,
        unique_by_detail=entry.unique_by == "detail",
        decay=_decay(entry.decay, document, scope, n) if entry.decay is not None else None,
    )


def _only_of_activities(n: int, entry: ScoreRuleMap, document: Document, scope: Scope) -> None:
    for name in ("per", "unique_by", "decay"):
        if getattr(entry, name) is not None:
            fix = "A fact counts once, in full, while it holds. Take it out, or count an activity."
            scope.fault(document.place("rules", n, name), f'"{name}" is for rules with an activity', fix)


def _decay(entry: DecayMap, document: Document, scope: Scope, n: int) -> Decay | None:
    path = ("rules", n, "decay")
    given = [name for name in ("linear", "half_life", "expires_after") if getattr(entry, name) is not None]
    if len(given) != 1:
        if document.sound:
            fix = "Write linear, half_life or expires_after; leave decay out where points stay."
            scope.fault(document.place(*path), "decay is one of three", fix)
        return None
    if entry.linear is not None:
        every = _lasting(entry.linear.every, document, scope, *path, "linear", "every")
        return Linear(entry.linear.percent, every)
    if entry.half_life is not None:
        return HalfLife(_lasting(entry.half_life, document, scope, *path, "half_life"))
    return Expiry(_lasting(entry.expires_after or "", document, scope, *path, "expires_after"))


def _lasting(text: str, document: Document, scope: Scope, *path: str | int) -> timedelta:
    """Return a duration, which has to be more than none."""
    found = duration(text)
    if not found:
        scope.fault(document.value_place(*path), f'"{text}" is no time at all', "Write a time such as 7d.")
    return found
