"""The order of the rules: from the checked file to what the pipeline uses."""

from __future__ import annotations

from itertools import takewhile

from mappings.compiling.scope import Scope
from mappings.compiling.validation import Checked
from mappings.schema import (
    PipelineFile,
)

WRITTEN = (
    "identify",
    "absorb",
    "attribute",
    "deals",
    "facts",
    "icp",
    "score",
    "qualify",
    "assign",
    "account",
)
"""Handlers that decide what CRMs are told; ``writeback`` looks at what those before it decided."""


def compile_pipeline(checked: Checked[PipelineFile], scope: Scope) -> tuple[str, ...]:
    """Return the handlers' names in order."""
    names, document = checked.model.handlers, checked.document
    for n, name in enumerate(names):
        at = document.value_place("handlers", n)
        if scope.knows(at, "handler", name, scope.handlers) and name in names[:n]:
            scope.fault(at, f'the handler "{name}" stands twice')
    early = [*takewhile(lambda name: name != "writeback", names)]
    for name in (one for one in WRITTEN if one in names[len(early) :]):
        at = document.value_place("handlers", names.index(name))
        text = f'what "{name}" decides is not written: "writeback" stands before it'
        scope.fault(at, text, "Put writeback last.")
    return tuple(names)
