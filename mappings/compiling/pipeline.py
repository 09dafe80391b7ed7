"""The order of the rules: from the checked file to what the pipeline uses."""

from __future__ import annotations

from mappings.compiling.scope import Scope
from mappings.compiling.validation import Checked
from mappings.schema import (
    PipelineFile,
)


def compile_pipeline(checked: Checked[PipelineFile], scope: Scope) -> tuple[str, ...]:
    """Return the handlers' names in order."""
    names = checked.model.handlers
    for n, name in enumerate(names):
        at = checked.document.value_place("handlers", n)
        if scope.knows(at, "handler", name, scope.handlers) and name in names[:n]:
            scope.fault(at, f'the handler "{name}" stands twice')
    return tuple(names)
