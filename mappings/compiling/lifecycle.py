"""Stages and what moves leads: from the checked file to what handlers use."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.compiling import review as compile_review
from mappings.compiling.scope import Scope
from mappings.compiling.validation import Checked
from mappings.loader import Document
from mappings.playbook import CLOSED_STAGE, TOP_STAGE, Criterion, Gate, Lifecycle, Move, Stage, StageRule
from mappings.problems import did_you_mean
from mappings.schema import (
    AlternativeMap,
    CriterionMap,
    GateMap,
    LifecycleFile,
    MoveMap,
    StageMap,
    StageRuleMap,
)
from model.hours import Calendar


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
    usual = _calendar(file.calendar, document, scope, "calendar")
    lifecycle = Lifecycle(
        stages=tuple(_stage(n, stage, file, usual, document, scope) for n, stage in enumerate(file.stages)),
        start=file.start,
        rules=tuple(
            rule for n, entry in enumerate(file.rules) for rule in _stage_rules(n, entry, document, scope)
        ),
        place=document.place("stages"),
        unmet=file.people.unmet,
        forbidden=file.people.forbidden,
        review=compile_review.review(file, document, scope),
    )
    if document.sound and len(seen) == len(file.stages):
        _check_ways(lifecycle, file, document, scope)
    return lifecycle


def _stage(
    n: int, entry: StageMap, file: LifecycleFile, usual: Calendar | None, document: Document, scope: Scope
) -> Stage:
    at = ("stages", n)
    is_end = entry.end if entry.end is not None else entry.name in (TOP_STAGE, CLOSED_STAGE)
    if entry.name == file.start and (entry.entry.criteria or entry.entry.mandatory):
        fix = f"Ask for it at the exit of {entry.name}, or at the entry of the next stage."
        scope.fault(document.place(*at, "entry"), "every lead begins here, whatever is known of it", fix)
    if is_end and (entry.exit.criteria or entry.exit.mandatory):
        fix = "Take exit out, or write end: false."
        scope.fault(document.place(*at, "exit"), f"no lead moves on from {entry.name}: it is an end", fix)
    return Stage(
        entry.name,
        entry.definition,
        entry.team,
        document.place(*at),
        entry.label,
        tuple(entry.activities),
        _gate(entry.entry, document, scope, *at, "entry"),
        _gate(entry.exit, document, scope, *at, "exit"),
        _moves(entry, document, scope, *at, "moves"),
        entry.end,
        _calendar(entry.calendar, document, scope, *at, "calendar") or usual,
    )


def _calendar(name: str, document: Document, scope: Scope, *path: str | int) -> Calendar | None:
    if not name:
        return None
    if name not in scope.calendars and "routing" not in scope.unread:
        fix = did_you_mean(name, scope.calendars) or "Write it under calendars in routing.yaml."
        scope.fault(document.value_place(*path), f'there is no calendar "{name}"', fix)
    return scope.made_calendars.get(name)


def _gate(entry: GateMap, document: Document, scope: Scope, *path: str | int) -> Gate:
    for n, name in enumerate(entry.mandatory):
        listed = (*path, "mandatory", n)
        place = document.value_place(*(listed if listed in document.values else (*path, "mandatory")))
        if scope.knows_field(place, name) and name in ("stage", "stage_pass", "led_back_from"):
            scope.fault(place, f'"{name}" is set by this file', "Ask for a field that somebody fills in.")
    criteria = [
        _criterion(one, document, scope, *path, "criteria", n) for n, one in enumerate(entry.criteria)
    ]
    return Gate(tuple(criteria), tuple(entry.mandatory))


def _criterion(entry: AlternativeMap, document: Document, scope: Scope, *path: str | int) -> Criterion:
    for m, activity in enumerate(entry.activity):
        listed = (*path, "activity", m)
        place = document.value_place(*(listed if listed in document.values else (*path, "activity")))
        scope.knows(place, "source that brings the activity", activity, scope.activities)
    when = scope.condition(document, entry.when, *path, "when") if entry.when is not None else None
    others = entry.any_of if isinstance(entry, CriterionMap) else []
    for m, one in enumerate(others):
        if one.min_score is None and one.when is None and not one.activity and document.sound:
            fix = "Add min_score, when or activity: what people judge stands alone."
            scope.fault(document.place(*path, "any_of", m), "nothing is tested here", fix)
    any_of = tuple(_criterion(one, document, scope, *path, "any_of", m) for m, one in enumerate(others))
    return Criterion(entry.name, document.place(*path), entry.min_score, when, tuple(entry.activity), any_of)


def _moves(entry: StageMap, document: Document, scope: Scope, *path: str | int) -> tuple[Move, ...] | None:
    if entry.moves is None:
        return None
    seen: set[str] = set()
    for n, move in enumerate(entry.moves):
        at = (*path, n)
        to = (*at, "to") if (*at, "to") in document.values else at
        place = document.value_place(*to)
        if scope.knows(place, "stage", move.to, scope.stages):
            if move.to == entry.name:
                scope.fault(place, f"{move.to} leads to itself", "Name another stage, or take this line out.")
            elif move.to in seen:
                fix = "Put who may move a lead into one line: by."
                scope.fault(place, f'the move to "{move.to}" stands twice', fix)
        seen.add(move.to)
        _check_reason(move, document, scope, *at)
    return tuple(
        Move(move.to, frozenset(move.by), document.place(*path, n), move.reason, tuple(move.reasons))
        for n, move in enumerate(entry.moves)
    )


def _check_reason(move: MoveMap, document: Document, scope: Scope, *at: str | int) -> None:
    if move.reason:
        scope.knows_field(document.value_place(*at, "reason"), move.reason)
    elif move.reasons:
        fix = "Name it: reason: disqualified_because."
        scope.fault(document.place(*at, "reasons"), "no lead field is named that holds the reason", fix)


def _stage_rules(n: int, entry: StageRuleMap, document: Document, scope: Scope) -> list[StageRule]:
    """Return one rule for each of the activities; a rule without any is one."""
    at = document.place("rules", n)
    scope.knows(document.value_place("rules", n, "to"), "stage", entry.to, scope.stages)
    for m, activity in enumerate(entry.activity):
        place = document.value_place("rules", n, "activity", m)
        scope.knows(place, "source that brings the activity", activity, scope.activities)
    if entry.min_score is None and entry.when is None and not entry.activity and document.sound:
        scope.fault(at, "this rule has no condition", "Add min_score, when or activity.")
    for m, start in enumerate(entry.starts):
        listed = ("rules", n, "from", m)
        place = document.value_place(*(listed if listed in document.values else ("rules", n, "from")))
        if scope.knows(place, "stage", start, scope.stages) and start == entry.to:
            scope.fault(place, f"{start} leads to itself", "Name the stages that leads come from.")
    when = scope.condition(document, entry.when, "rules", n, "when") if entry.when is not None else None
    return [
        StageRule(entry.to, entry.name, at, entry.min_score, when, activity, frozenset(entry.starts))
        for activity in entry.activity or [""]
    ]


def _check_ways(lifecycle: Lifecycle, file: LifecycleFile, document: Document, scope: Scope) -> None:
    """Check that leads can come to every stage and away from it, and that each rule can act."""
    known = {stage.name for stage in lifecycle.stages}
    if not known >= {file.start, *(rule.to for rule in lifecycle.rules)}:
        return  # said already
    for n, entry in enumerate(file.rules):
        for start in entry.starts:
            if start in known and start != entry.to and not _may_by_rule(lifecycle, start, entry.to):
                fix = f"List {entry.to} under moves of {start}, by rules."
                scope.fault(
                    document.place("rules", n), f"no rule may lead a lead from {start} to {entry.to}", fix
                )
        others = known - {entry.to}
        if not entry.starts and not any(_may_by_rule(lifecycle, one, entry.to) for one in others):
            fix = f"Let a stage have {entry.to} among its moves, by rules."
            scope.fault(document.place("rules", n), f"no stage lets rules move a lead to {entry.to}", fix)
    reached = set(_reached(lifecycle))
    for n, stage in enumerate(lifecycle.stages):
        if stage.name not in reached:
            fix = "Add it to the moves of a stage before it."
            scope.fault(document.place("stages", n), f"no move leads to {stage.name}", fix)
        if stage.moves == () and not lifecycle.is_end(stage.name):
            fix = "List some, or write end: true."
            scope.fault(document.place("stages", n, "moves"), f"no move leads away from {stage.name}", fix)
        if lifecycle.is_end(stage.name) and any("rules" in move.by for move in stage.moves or ()):
            fix = "Write who else may: by: [crm, page], or end: false."
            scope.fault(
                document.place("stages", n, "moves"), f"{stage.name} is an end: no rule leads away", fix
            )


def _may_by_rule(lifecycle: Lifecycle, here: str, to: str) -> bool:
    stage = lifecycle.stage(here)
    if stage is None or lifecycle.is_end(here):
        return False
    if stage.moves is not None:
        return any(move.to == to and "rules" in move.by for move in stage.moves)
    return lifecycle.is_beside(here) or lifecycle.order(to) > lifecycle.order(here)


def _reached(lifecycle: Lifecycle) -> Iterator[str]:
    """Yield every stage that a lead can come to from the first, by whomsoever."""
    waiting, seen = [lifecycle.start], {lifecycle.start}
    while waiting:
        here = lifecycle.stage(waiting.pop())
        if here is None:
            continue
        yield here.name
        if here.moves is not None:
            ahead = [move.to for move in here.moves]
        else:
            ahead = [
                one.name
                for one in lifecycle.stages
                if lifecycle.is_beside(here.name) or lifecycle.order(one.name) > lifecycle.order(here.name)
            ]
        waiting += [one for one in dict.fromkeys(ahead) if one not in seen]
        seen.update(ahead)
