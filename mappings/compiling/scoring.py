"""Points: from the checked file to what handlers use."""

from __future__ import annotations

from datetime import timedelta

from mappings.compiling.bands import bands, grade
from mappings.compiling.contradictions import contradiction
from mappings.compiling.scope import Scope
from mappings.compiling.validation import Checked
from mappings.loader import Document
from mappings.playbook import (
    Condition,
    Decay,
    Expiry,
    HalfLife,
    Lifecycle,
    Linear,
    ScoreGroup,
    ScoreRule,
    Scoring,
)
from mappings.problems import Problem
from mappings.schema import (
    LONGEST_NAME,
    DecayMap,
    ScoreRuleMap,
    ScoringFile,
)
from mappings.values.durations import duration
from model.lead import SCORE_FIELDS

FULL_SCORE = 100
CIRCULAR = frozenset(SCORE_FIELDS)


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
        bands=bands(file, document, scope),
        grade=grade(file, document, scope),
        sign_off=_sign_off(file, document, scope),
        write_points=file.write_back.points if file.write_back is not None else None,
    )


def _sign_off(file: ScoringFile, document: Document, scope: Scope) -> tuple[str, ...]:
    """Return who must sign off a change of thresholds, each of them once."""
    names = [" ".join(one.split()) for one in file.sign_off]
    for n, name in enumerate(names):
        at = document.value_place("sign_off", n)
        if not name or len(name) > LONGEST_NAME:
            scope.fault(at, f"a name of 1 to {LONGEST_NAME} characters is expected here")
        elif name.casefold() in map(str.casefold, names[:n]):
            scope.fault(at, f'"{name}" stands twice')
    return tuple(names)


def out_of_reach(scoring: Scoring, lifecycle: Lifecycle) -> list[Problem]:
    """Return the thresholds that no lead can reach: the caps, or the rules below them, give less."""
    most = highest(scoring)
    fix = f"The rules of scoring.yaml give at most {most}, each group up to its cap."
    found = [
        Problem(band.place, f'no lead reaches the band "{band.name}", which begins at {band.up}', fix)
        for band in scoring.bands
        if band.up > most
    ]
    return found + [
        Problem(rule.place, f"no lead reaches a score of {rule.min_score}", fix)
        for rule in lifecycle.rules
        if rule.min_score is not None and rule.min_score > most
    ]


def highest(scoring: Scoring) -> int:
    """Return the most that a lead can have; facts that exclude each other count as if they did not."""
    most = 0
    for group in scoring.groups:
        given = sum(_most(rule, group.cap) for rule in scoring.rules if rule.group == group.name)
        most += min(group.cap, given)
    return most


def _most(rule: ScoreRule, cap: int) -> int:
    if rule.points <= 0:
        return 0
    if not rule.activity:
        return rule.points
    return cap if rule.per is not None else rule.points * rule.max_times


def _check_groups(file: ScoringFile, document: Document, scope: Scope) -> None:
    total = sum(group.cap for group in file.groups.values())
    if total != FULL_SCORE:
        fix = "The caps say how the score is shared out, for example 40, 40 and 20."
        scope.fault(
            document.place("groups"), f"the caps of the groups add up to {total}, not {FULL_SCORE}", fix
        )
    used = {rule.group for rule in file.rules}
    for name in file.groups:
        if any(rule.group == name for rule in file.rules) and all(
            rule.points <= 0 for rule in file.rules if rule.group == name
        ):
            fix = (
                "A group is never below 0: put these rules into a group that gives points, or take them out."
            )
            scope.fault(
                document.place("groups", name), f'all rules of the group "{name}" take points away', fix
            )
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
    if entry.points == 0:
        fix = "Give it points, or take it out."
        scope.fault(
            document.value_place("rules", n, "points"), "this rule never counts: it gives 0 points", fix
        )
    _check_when(n, entry, document, scope)
    if (entry.when is None) == (not entry.activity) and document.sound:
        fix = "when tests a fact; activity counts what a person did."
        message = "a rule of points needs when or activity"
        if entry.activity:
            message = "a rule of points has when or activity, and this one has both"
            fix = f"{fix} Take one out, or make two rules of it."
        scope.fault(at, message, fix)
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
        when=_fact(n, entry, document, scope),
        activity=entry.activity,
        max_times=entry.max_times,
        per=_lasting(entry.per, document, scope, n, "per") if entry.per is not None else None,
        unique_by_detail=entry.unique_by == "detail",
        decay=_decay(entry.decay, document, scope, n) if entry.decay is not None else None,
    )


def _check_when(n: int, entry: ScoreRuleMap, document: Document, scope: Scope) -> None:
    """Note a condition that can never hold."""
    if entry.when is None or not document.sound:
        return
    at = document.place("rules", n, "when")
    if why := contradiction(entry.when):
        scope.fault(
            at, f"this rule never counts: {why}", "Correct it, or write any: [...] for one or the other."
        )


def _fact(n: int, entry: ScoreRuleMap, document: Document, scope: Scope) -> Condition | None:
    """Compile a rule's condition; one that asks for what the score itself decides is a fault."""
    if entry.when is None:
        return None
    when = scope.condition(document, entry.when, "rules", n, "when")
    if when is not None and (circular := sorted(when.fields & CIRCULAR)):
        fix = "Points count what a lead is and did; what follows from them belongs into lifecycle.yaml."
        text = f'"{circular[0]}" follows from the points, and cannot give any'
        scope.fault(document.place("rules", n, "when"), text, fix)
    return when


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
