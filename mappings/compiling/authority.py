"""Directions and authorities of CRM maps: what cannot hold on one line, and what cannot between two maps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

from mappings.compiling.scope import Scope
from mappings.loader import Document
from mappings.playbook import CrmField, CrmMap, ObjectMap
from mappings.schema import CrmFieldMap
from model.lead import LINKS, OPT_OUT

COMPARING = frozenset({"max", "min", "union", "hold"})
"""Authorities that look at both sides' values, so both must be read and written."""

ORDERED = frozenset({"number", "range", "datetime", "money", "date"})
"""Kinds of which one value is greater than another."""

COMBINING = frozenset({"max", "min", "union"})
"""Authorities that make one value of two: the same two must give the same one on every connection."""


def is_read_only(entry: CrmFieldMap) -> bool:
    """Say whether the vendor field is read and never written."""
    return entry.read_only or entry.direction == "from_crm"


def is_write_only(entry: CrmFieldMap) -> bool:
    """Say whether the vendor field is written and never read."""
    return entry.direction == "to_crm"


def check_line(entry: CrmFieldMap, kind: str, document: Document, scope: Scope, *path: str) -> None:
    """Note what the settings of one vendor field say against each other."""
    at_authority = document.value_place(*path, "authority")
    at_direction = document.value_place(*path, "direction")
    authority, direction = entry.authority, entry.direction
    if entry.read_only and direction not in ("both", "from_crm"):
        fix = "Take read_only: out; it is the same as direction: from_crm."
        scope.fault(at_direction, f"a field that is read_only does not go {direction}", fix)
    if entry.field == OPT_OUT and direction in ("off", "to_crm"):
        fix = "An opt-out counts wherever it was said: write from_crm or both."
        scope.fault(at_direction, f'"{OPT_OUT}" is always read', fix)
    is_one_way = is_read_only(entry) or is_write_only(entry)
    if direction != "off" and is_read_only(entry) and authority == "leadrelay" and entry.field != OPT_OUT:
        fix = "Write authority: crm, or let it be written."
        scope.fault(at_authority, "leadrelay owns it, and it is never written: nothing would cross", fix)
    if is_one_way and authority in COMPARING:
        fix = "Write direction: both, or another authority."
        scope.fault(at_authority, f'"{authority}" weighs both sides, and this field goes one way', fix)
    if entry.field in (OPT_OUT, "stage") and authority in COMBINING | {"hold"}:
        text = f'"{authority}" cannot decide about "{entry.field}"'
        scope.fault(at_authority, text, "It has rules of its own; write crm, leadrelay or newest.")
    elif authority in ("max", "min") and kind not in ORDERED:
        fix = "Of kind number, range and datetime one value is greater than another."
        scope.fault(at_authority, f'"{authority}" cannot compare values of kind {kind}', fix)
    elif authority == "union" and kind != "text":
        scope.fault(at_authority, f'"union" is for texts with ";" between values, not for kind {kind}')
    if authority == "union" and entry.max_length is not None:
        fix = "Take max_length: out; half a value is another value."
        scope.fault(document.value_place(*path, "max_length"), '"union" cannot be cut', fix)
    if entry.allow_clear and entry.field in ("stage", OPT_OUT):
        at = document.value_place(*path, "allow_clear")
        scope.fault(at, f'"{entry.field}" is never emptied', "Take allow_clear: out.")


def check_authorities(crms: Mapping[str, CrmMap], scope: Scope) -> None:
    """Note lead fields for which two maps name authorities that cannot both hold; each pair is told once."""
    for first, second in combinations(crms.values(), 2):
        for ours, theirs in _shared(first, second):
            why = _contradiction(ours, theirs)
            if why:
                text = f'"{theirs.field}": {theirs.authority} in {second.connection}, and {ours.authority} in'
                fix = f"{why} ({ours.place.file}:{ours.place.line})."
                scope.fault(theirs.place, f"{text} {first.connection}, cannot both hold", fix)


def _contradiction(a: CrmField, b: CrmField) -> str:
    """Return why two rules for one lead field cannot both hold; blank where they can."""
    names = {a.authority, b.authority}
    if names == {"crm_unless_blank"}:
        return "Of two values only one can count wherever there is one; let one of the two decide"
    if names == {"crm_unless_blank", "crm"}:
        return "What people type stands in one, and is overwritten by the other; let one of the two decide"
    if len(names) == 2 and names <= COMBINING:
        return "The two would make different values of the same changes; write one authority in both"
    return ""


def _shared(first: CrmMap, second: CrmMap) -> Iterator[tuple[CrmField, CrmField]]:
    """Yield the rules of two maps that hold the same lead field or account field, once for each field."""
    for ours, theirs in (
        (_deciding(first.objects.values()), _deciding(second.objects.values())),
        (_deciding(_account(first)), _deciding(_account(second))),
        (_deciding(_deal(first)), _deciding(_deal(second))),
    ):
        told: set[str] = set()
        for rule in ours:
            for other in theirs:
                if rule.field == other.field and rule.field not in told and _contradiction(rule, other):
                    told.add(rule.field)
                    yield rule, other


def _account(crm: CrmMap) -> tuple[ObjectMap, ...]:
    return (crm.account,) if crm.account is not None else ()


def _deal(crm: CrmMap) -> tuple[ObjectMap, ...]:
    return (crm.deal,) if crm.deal is not None else ()


def _deciding(maps: Iterable[ObjectMap]) -> list[CrmField]:
    """Return the rules whose authority has a say: those that are read, of fields that CRMs share."""
    return [
        rule
        for object_map in maps
        for rule in object_map.fields
        if not rule.write_only and rule.field not in ("id", OPT_OUT, "stage") and LINKS not in rule.field
    ]
