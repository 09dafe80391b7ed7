"""What does not reach people: from the checked file to what handlers use."""

from __future__ import annotations

from mappings.compiling.validation import Checked
from mappings.playbook import (
    Screening,
)
from mappings.schema import (
    ScreeningFile,
)
from mappings.values.identity import ROLE_NAMES


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
