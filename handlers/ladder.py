"""Which lifecycle stages are steps towards a sale, and which stand beside them."""

from __future__ import annotations

from mappings.playbook import Lifecycle

TOP = "customer"
"""The last step of the ladder; stages listed after it (nurture, disqualified) stand beside it."""

CLOSED = "disqualified"
"""Beside the ladder, and closed: only a person leads a lead back from here."""


def is_beside(lifecycle: Lifecycle, stage: str | None) -> bool:
    """Say whether the stage is listed after ``customer``; without a ``customer`` none is."""
    return lifecycle.is_beside(stage)
