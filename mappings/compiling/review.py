"""The band that people review: from the checked file to what handlers use."""

from __future__ import annotations

from mappings.compiling.scope import Scope
from mappings.loader import Document
from mappings.playbook import TOP_STAGE, Review
from mappings.schema import LifecycleFile
from model.decision import Place
from model.lead import DECIDED_FIELDS


def review(file: LifecycleFile, document: Document, scope: Scope) -> Review | None:
    """Return what is reviewed, and where the two verdicts lead."""
    entry = file.review
    if entry is None:
        return None
    at = document.value_place("review", "band")
    if not scope.bands and "scoring" not in scope.unread:
        scope.fault(at, f'there is no band "{entry.band}"', "Write it under bands in scoring.yaml.")
    scope.knows(at, "band", entry.band, scope.bands)
    names = [stage.name for stage in file.stages]
    approved = document.value_place("review", "approve", "to")
    if scope.knows(approved, "stage", entry.approve.to, scope.stages):
        _check_approve(entry.approve.to, names, file, approved, scope)
    dropped = document.value_place("review", "disqualify", "to")
    known = scope.knows(dropped, "stage", entry.disqualify.to, scope.stages)
    if known and entry.disqualify.to == entry.approve.to:
        scope.fault(
            dropped, "both verdicts lead to the same stage", "Name another stage, such as disqualified."
        )
    for to, place in ((entry.approve.to, approved), (entry.disqualify.to, dropped)):
        if to in names and not any(_lets(file, n, to) for n, name in enumerate(names) if name != to):
            fix = f"Let a stage have {to} among its moves, by page."
            scope.fault(place, f"no stage lets people here move a lead to {to}", fix)
    _check_reason(entry.disqualify.reason, document, scope)
    for n, reason in enumerate(entry.disqualify.reasons):
        if reason in entry.disqualify.reasons[:n]:
            listed = document.value_place("review", "disqualify", "reasons", n)
            scope.fault(listed, f'the reason "{reason}" stands twice', "Take one out.")
    return Review(
        entry.band,
        entry.approve.to,
        entry.disqualify.to,
        entry.disqualify.reason,
        tuple(entry.disqualify.reasons),
        document.place("review"),
    )


def _check_approve(to: str, names: list[str], file: LifecycleFile, place: Place, scope: Scope) -> None:
    if to == file.start:
        scope.fault(place, f"every lead begins in {to}", "Name a stage further on.")
    elif TOP_STAGE in names and to in names and names.index(to) > names.index(TOP_STAGE):
        scope.fault(place, f"{to} stands beside the way", f"Name a stage before {TOP_STAGE}.")


def _lets(file: LifecycleFile, n: int, to: str) -> bool:
    """Say whether the stage lets people here move a lead there; without a list it may be."""
    moves = file.stages[n].moves
    return moves is None or any(move.to == to and "page" in move.by for move in moves)


def _check_reason(name: str, document: Document, scope: Scope) -> None:
    place = document.value_place("review", "disqualify", "reason")
    if not scope.knows_field(place, name):
        return
    if name in DECIDED_FIELDS or scope.fields.get(name, str) is not str:
        fix = "Name a text field, such as one of fields.yaml."
        scope.fault(place, f'"{name}" cannot hold a reason', fix)
