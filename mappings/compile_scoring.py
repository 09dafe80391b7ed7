"""Points: from the checked file to what handlers use."""

from __future__ import annotations

from mappings.loader import Document
from mappings.playbook import (
    ScoreGroup,
    ScoreRule,
    Scoring,
)
from mappings.schema import (
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
    return ScoreRule(
        name=entry.name,
        group=entry.group,
        points=entry.points,
        place=at,
        when=scope.condition(document, entry.when, "rules", n, "when") if entry.when is not None else None,
        activity=entry.activity,
        max_times=entry.max_times,
    )
