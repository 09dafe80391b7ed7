"""How long what is no longer needed is kept: ``retention.yaml``, checked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from mappings.compiling.scope import Scope
from mappings.compiling.validation import Checked
from mappings.schema import FOREVER, RetentionFile
from mappings.values.durations import duration

LEAST = timedelta(days=1)  # what is younger may still be on its way


def compile_retention(checked: Checked[RetentionFile], scope: Scope) -> Mapping[str, timedelta]:
    """Return for each kind how long it is kept; one that is left out is kept for ever.

    Less than a day is a fault at its line.
    """
    keep: dict[str, timedelta] = {}
    for kind, text in checked.model.model_dump().items():
        if text == FOREVER:
            continue
        keep[kind] = duration(text)
        if keep[kind] < LEAST:
            at = checked.document.value_place(kind)
            scope.fault(at, f"{kind}: {text} is less than a day", "Write 1d or more, or forever.")
    return keep
