"""Deals: their stages from ``deals.yaml``, and what a CRM's file says of the object that holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mappings.compiling.scope import Scope
from mappings.compiling.validation import Checked
from mappings.loader import Document
from mappings.playbook import DEAL_NEEDS, DEAL_OBJECTS, CrmField, Deals, DealStage
from mappings.schema import CrmFieldMap, CrmFile, DealsFile

MEANT: Mapping[str, str] = {"money": "amount", "date": "close_date"}
"""Kinds that only lines of deals have -> the field that is of them."""


def compile_deals(checked: Checked[DealsFile], scope: Scope) -> Deals:
    """Return the stages of deals; what cannot be meant is noted in the scope."""
    file, document = checked.model, checked.document
    stages: dict[str, DealStage] = {}
    for n, entry in enumerate(file.stages):
        at = document.value_place("stages", n, "name")
        if entry.name in stages:
            scope.fault(at, f'the stage "{entry.name}" stands twice', "Give one of the two another name.")
            continue
        if entry.lead_stage:
            place = document.value_place("stages", n, "lead_stage")
            scope.knows(place, "stage", entry.lead_stage, scope.stages)
        stages[entry.name] = DealStage(
            entry.name, entry.outcome, document.place("stages", n), entry.lead_stage, entry.pipeline
        )
    try:
        ZoneInfo(file.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        at = document.value_place("time_zone")
        scope.fault(at, f'there is no time zone "{file.time_zone}"', "Write one such as Europe/Berlin.")
        return Deals(stages, file.currency, "UTC", document.place("stages"))
    return Deals(stages, file.currency, file.time_zone, document.place("stages"))


def check_object(checked: Checked[CrmFile], scope: Scope) -> None:
    """Check which object holds deals: the vendor's, with our id on it, and no other."""
    file, document = checked.model, checked.document
    usual = DEAL_OBJECTS[file.kind]
    if file.deal is None:
        if usual in file.objects:
            at = document.place("objects", usual)
            scope.fault(at, f"{usual} holds deals, not people", f"Add the setting deal: {usual}.")
        return
    at = document.value_place("deal")
    if scope.deals is None and "deals" not in scope.unread:
        scope.fault(at, "deals need stages", "Write deals.yaml, with the stages that deals go through.")
    if file.deal != usual:
        scope.fault(at, f"deals cannot be kept in {file.deal}", f"In {file.kind} it is {usual}.")
    elif scope.knows(at, "object", file.deal, list(file.objects)):
        entry, place = file.objects[file.deal], document.place("objects", file.deal)
        if not entry.id_field and not any(line.field == "id" for line in entry.fields.values()):
            fix = "Without it a deal whose answer was lost would be made twice."
            scope.fault(place, f"{file.deal} needs an id_field for leadrelay's own id", fix)
        named = {line.field for line in entry.fields.values() if line.direction != "off"}
        for name in DEAL_NEEDS[file.kind]:
            if name not in named:
                fix = f"{file.kind} takes no new deal without it."
                scope.fault(place, f'{file.deal} needs a line for "{name}"', fix)


def usual_kind(name: str) -> str:
    """Return the kind of a line of deals that follows from its field."""
    return {"stage": "deal_stage", "amount": "money", "close_date": "date", "owner": "owner"}.get(
        name, "text"
    )


def check_line(entry: CrmFieldMap, kind: str, document: Document, scope: Scope, path: Sequence[str]) -> None:
    """Note what a line of deals cannot say."""
    name = entry.field
    meant = MEANT.get(kind, name)
    if name != meant:
        scope.fault(document.value_place(*path, "kind"), f'only "{meant}" is of kind {kind}')
    if name == "outcome":
        fix = "Map the stage: deals.yaml says which stages are won and lost."
        scope.fault(document.value_place(*path, "field"), "the outcome follows from the stage", fix)
    if name == "pipeline" and (entry.direction != "to_crm" or entry.authority != "leadrelay"):
        fix = "Write direction: to_crm and authority: leadrelay; it is written together with the stage."
        scope.fault(document.place(*path), "the pipeline follows from the stage", fix)
    if name == "stage":
        if not entry.values:
            fix = "List each stage of deals.yaml with the CRM's own: {won: closedwon}."
            scope.fault(document.place(*path), "the stage of deals needs values", fix)
        for stage in entry.values if scope.deals else ():
            place = document.place(*path, "values", stage)
            scope.knows(place, "stage of deals", stage, list(scope.deals.stages if scope.deals else ()))
        _check_pairs(entry, document, scope, path)
    if name == "stage" and entry.authority == "leadrelay":
        at = document.value_place(*path, "authority")
        scope.fault(at, "the people in the CRMs move deals on, not leadrelay", "Write newest or crm.")
    if name == "pipeline" and scope.deals is not None:
        _check_pipelines(entry, document, scope, path)


def _check_pairs(entry: CrmFieldMap, document: Document, scope: Scope, path: Sequence[str]) -> None:
    """Note where one stage of the CRM would stand for won and for lost or open."""
    if scope.deals is None:
        return
    first: dict[str, str] = {}
    for ours, theirs in entry.values.items():
        known = first.setdefault(theirs, ours)
        if scope.deals.outcome(known) != scope.deals.outcome(ours):
            at = document.place(*path, "values", ours)
            text = f'"{theirs}" cannot be both {known} ({scope.deals.outcome(known)}) and {ours}'
            scope.fault(at, f"{text} ({scope.deals.outcome(ours)})")


def _check_pipelines(entry: CrmFieldMap, document: Document, scope: Scope, path: Sequence[str]) -> None:
    deals = scope.deals
    for name in dict.fromkeys(one.pipeline for one in deals.stages.values()) if deals else ():
        if name and name not in entry.values:
            fix = "List it with the CRM's id of the pipeline."
            scope.fault(document.place(*path), f'the pipeline "{name}" of deals.yaml is not listed', fix)


def completed(fields: Sequence[CrmField]) -> list[CrmField]:
    """Return the lines of deals, the pipeline bound to the stage that it is written with."""
    stage = next((rule.remote for rule in fields if rule.field == "stage"), "")
    return [replace(rule, along=stage) if rule.field == "pipeline" else rule for rule in fields]


def currency_of(fields: Sequence[CrmField], deals: Deals | None) -> str:
    """Return what the amounts of an object are in where it has no line that says so."""
    has_line = any(rule.field == "currency" for rule in fields)
    return "" if has_line or deals is None else deals.currency
