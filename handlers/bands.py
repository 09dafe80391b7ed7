"""Which band of the score a lead is in, with hysteresis; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from handlers.points import POINT
from mappings.playbook import Band, Scale


def settled(
    bands: Sequence[Band], current: str | None, below_since: datetime | None, score: int, now: datetime
) -> tuple[str, datetime | None]:
    """Return the band that a lead is in now, and since when its score has been too low for it.

    A lead rises at once. It falls once its score has been below ``down`` for ``after``, into the highest
    band whose own ``down`` it keeps. ``bands`` are the lowest first and begin at 0. A band that the playbook
    no longer has counts as none.
    """
    order = {band.name: n for n, band in enumerate(bands)}
    reached = max(n for n, band in enumerate(bands) if band.up <= score)
    held = order.get(current or "")
    if held is None or reached >= held:
        return bands[reached].name, None
    band = bands[held]
    if score >= band.down:
        return band.name, None
    since = below_since or now
    if now - since < band.after:
        return band.name, since
    return next(
        lower.name for lower in reversed(bands[:held]) if score >= lower.down or lower is bands[0]
    ), None


def graded(scales: Sequence[Scale], by_group: Mapping[str, int]) -> str:
    """Return the marks of both groups side by side: "A1". ``by_group`` is in millionths of a point."""
    return "".join(
        next(mark for least, mark in scale.marks if (by_group[scale.group] + POINT // 2) // POINT >= least)
        for scale in scales
    )
