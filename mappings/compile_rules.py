"""Lifecycle, scoring, routing, screening, pipeline: from the checked files to what handlers use."""

from __future__ import annotations

import json
from typing import Any

from mappings.converters import Unusable, email
from mappings.identity import ROLE_NAMES
from mappings.loader import Document
from mappings.playbook import (
    Lifecycle,
    Member,
    Pool,
    Routing,
    ScoreGroup,
    ScoreRule,
    Scoring,
    Screening,
    Stage,
    StageRule,
    Territory,
)
from mappings.schema import (
    LifecycleFile,
    PipelineFile,
    RoutingFile,
    ScoreRuleMap,
    ScoringFile,
    ScreeningFile,
    StageRuleMap,
)
from mappings.scope import Scope
from mappings.validation import Checked

FULL_SCORE = 100


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


def compile_routing(checked: Checked[RoutingFile], scope: Scope) -> Routing:
    """Return the territories and pools."""
    file, document = checked.model, checked.document
    if file.from_stage:
        scope.knows(document.value_place("from_stage"), "stage", file.from_stage, scope.stages)
    scope.knows(document.value_place("fallback_pool"), "pool", file.fallback_pool, scope.pools)
    _check_reachable(file, document, scope)
    territories = []
    for n, entry in enumerate(file.territories):
        at = document.place("territories", n)
        if bool(entry.pool) == bool(entry.owner) and document.sound:
            scope.fault(at, f'the territory "{entry.name}" needs either a pool or an owner')
        if entry.pool:
            scope.knows(document.value_place("territories", n, "pool"), "pool", entry.pool, scope.pools)
        owner = _address(entry.owner, document, scope, "territories", n, "owner") if entry.owner else ""
        when = scope.condition(document, entry.when, "territories", n, "when")
        if when is not None:
            territories.append(Territory(entry.name, when, at, entry.pool, owner))
    return Routing(
        territories=tuple(territories),
        pools={name: _pool(name, checked, scope) for name in file.pools},
        fallback_pool=file.fallback_pool,
        fallback_place=document.place("fallback_pool"),
        place=document.place("territories"),
        from_stage=file.from_stage,
    )


def _pool(name: str, checked: Checked[RoutingFile], scope: Scope) -> Pool:
    document = checked.document
    members: dict[str, Member] = {}
    for n, entry in enumerate(checked.model.pools[name].members):
        at = document.place("pools", name, "members", n)
        address = _address(entry.email, document, scope, "pools", name, "members", n, "email")
        if address in members:
            fix = "For more leads, give one entry more weight: {email: …, weight: 2}."
            scope.fault(at, f'"{address}" is in the pool "{name}" twice', fix)
        members[address] = Member(address, entry.weight, at)
    if not members and checked.document.sound:
        fix = "Add a member, or send its territories to another pool."
        scope.fault(document.place("pools", name), f'the pool "{name}" has no members', fix)
    return Pool(name, tuple(members.values()), document.place("pools", name))


def _address(text: str, document: Document, scope: Scope, *path: str | int) -> str:
    try:
        return email(text)
    except Unusable as error:
        scope.fault(document.value_place(*path), f'"{text}" {error.reason}')
        return text


def _check_reachable(file: RoutingFile, document: Document, scope: Scope) -> None:
    """Find territories that an earlier one with the same condition leaves nothing."""
    first: dict[str, str] = {}
    for n, entry in enumerate(file.territories):
        form = _normal_form(entry.when)
        if form in first:
            message = f'no lead reaches the territory "{entry.name}": "{first[form]}" has the same condition'
            scope.fault(document.place("territories", n), message, "The first territory that matches wins.")
        first.setdefault(form, entry.name)


def _normal_form(data: Any) -> str:
    """Write a condition so that order and case, which do not matter, do not show."""
    if isinstance(data, dict):
        return "{" + ",".join(sorted(f"{key}:{_normal_form(value)}" for key, value in data.items())) + "}"
    if isinstance(data, list):
        return "[" + ",".join(sorted({_normal_form(item) for item in data})) + "]"
    return json.dumps(data.casefold() if isinstance(data, str) else data)


def compile_screening(checked: Checked[ScreeningFile]) -> Screening:
    """Return what does not reach people."""
    file = checked.model
    names = ROLE_NAMES if file.role_names is None else file.role_names
    return Screening(
        place=checked.document.place("disposable"),
        disposable=file.disposable,
        role_addresses=file.role_addresses,
        blocked_domains=frozenset(domain.lower().lstrip("@.") for domain in file.blocked_domains),
        role_names=frozenset(name.lower() for name in names),
    )


def compile_pipeline(checked: Checked[PipelineFile], scope: Scope) -> tuple[str, ...]:
    """Return the handlers' names in order."""
    names = checked.model.handlers
    for n, name in enumerate(names):
        at = checked.document.value_place("handlers", n)
        if scope.knows(at, "handler", name, scope.handlers) and name in names[:n]:
            scope.fault(at, f'the handler "{name}" stands twice')
    return tuple(names)
