"""What became of a one-shot effect that was to be sent, before it is recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from model.cause import NO_CAUSE, Cause
from model.change import Record
from model.hint import Hint
from sync.edges.errands import Errand


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one errand.

    ``state`` is where the effect ends; ``waiting``: it is tried again after ``wait`` seconds
    (``None``: the usual backoff), in doubt or not. ``free``: the attempt was nobody's fault.
    """

    state: str
    reason: str | None = None
    cause: Cause = NO_CAUSE  # of a dead one
    wait: float | None = None
    remote_id: str = ""
    in_doubt: bool = False
    free: bool = False
    record: Record | None = None  # a CRM's record that says that the person opted out
    hint: Hint | None = None  # what was done to records: they are read next


Hold = Callable[[Sequence[Errand]], list[Errand]]
"""Extends the lease before a call, and returns the errands that are still ours."""
