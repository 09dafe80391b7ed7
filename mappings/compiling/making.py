"""Expressions of a CRM map's lines: what is written instead of a field's own value."""

from __future__ import annotations

from collections.abc import Mapping

from mappings import evaluating, expressions
from mappings.compiling.authority import is_write_only
from mappings.compiling.scope import Scope
from mappings.expressions import BOOL, NUMBER, TEXT
from mappings.loader import Document
from mappings.playbook import Expression
from mappings.schema import CrmFieldMap

WANTED: Mapping[str, str] = {"text": TEXT, "number": NUMBER, "range": NUMBER, "bool": BOOL, "datetime": TEXT}
"""Kind of a line -> what its expression must make."""

KINDS = {TEXT: "text", NUMBER: "number", BOOL: "bool"}


def made_of(
    entry: CrmFieldMap, document: Document, scope: Scope, path: tuple[str, ...], *, is_of_people: bool
) -> Expression | None:
    """Return the expression of a line; what is wrong with it is noted.

    As a line with a condition it is only written: what it makes cannot be read back as the field.
    """
    if entry.expression is None:
        return None
    where = (*path, "expression")
    at = document.place(*where)
    if not is_of_people:
        scope.fault(at, "only lines of people have an expression", "Take expression: out.")
        return None
    if not is_write_only(entry):
        fix = "What it makes cannot be read back as the field: add direction: to_crm."
        scope.fault(at, "a line with an expression is only written", fix)
        return None
    if entry.kind is not None and entry.kind not in WANTED:
        message = f"an expression makes no value of kind {entry.kind}"
        fix = f"Write one of {', '.join(WANTED)}, or leave kind: out."
        scope.fault(document.value_place(*path, "kind"), message, fix)
        return None
    if "fields" in scope.unread:
        return None
    try:
        wanted = WANTED[entry.kind] if entry.kind else None
        checked = expressions.check_value(entry.expression, scope.fields, wanted)
        value = evaluating.value_of(checked, scope.fields, path[-1], document.value_place(*where))
    except expressions.ExpressionFault as fault:
        scope.fault(document.place_within(where, fault.at), fault.message, fault.fix)
        return None
    text = " ".join(entry.expression.split())
    return Expression(value, text, at, frozenset(checked.variables), KINDS[checked.makes])
