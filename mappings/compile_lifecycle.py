"""Stages and what moves leads: from the checked file to what handlers use."""

from __future__ import annotations

from mappings.loader import Document
from mappings.playbook import (
    Lifecycle,
    Stage,
    StageRule,
)
from mappings.schema import (
    LifecycleFile,
    StageRuleMap,
)
from mappings.scope import Scope
from mappings.validation import Checked


def compile_lifecycle(checked: Checked[LifecycleFile], scope: Scope) -> Lifecycle:
    """Return the stages and what moves leads forward."""
    file, document = checked.model, checked.document
    seen: dict[str, int] = {}
    for n, stage in enumerate(file.stages):
        if stage.name in seen:
            fix = f"It is stage number {seen[stage.name] + 1} already."
            scope.fault(
                document.value_place("stages", n, "name"), f'the stage "{stage.name}" stands twice', fix
            )
        seen.setdefault(stage.name, n)
    scope.knows(document.value_place("start"), "stage", file.start, scope.stages)
    return Lifecycle(
        stages=tuple(
            Stage(stage.name, stage.definition, stage.team, document.place("stages", n))
            for n, stage in enumerate(file.stages)
        ),
        start=file.start,
        rules=tuple(
            rule for n, entry in enumerate(file.rules) for rule in _stage_rules(n, entry, document, scope)
        ),
        place=document.place("stages"),
    )


def _stage_rules(n: int, entry: StageRuleMap, document: Document, scope: Scope) -> list[StageRule]:
    """Return one rule for each of the activities; a rule without any is one."""
    at = document.place("rules", n)
    scope.knows(document.value_place("rules", n, "to"), "stage", entry.to, scope.stages)
    for m, activity in enumerate(entry.activity):
        place = document.value_place("rules", n, "activity", m)
        scope.knows(place, "source that brings the activity", activity, scope.activities)
    if entry.min_score is None and entry.when is None and not entry.activity and document.sound:
        scope.fault(at, "this rule has no condition", "Add min_score, when or activity.")
    when = scope.condition(document, entry.when, "rules", n, "when") if entry.when is not None else None
    return [
        StageRule(entry.to, entry.name, at, entry.min_score, when, activity)
        for activity in entry.activity or [""]
    ]
