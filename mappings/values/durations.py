"""Durations as people write them in the playbook: ``90s``, ``10m``, ``24h``, ``7d`` (wall time)."""

from __future__ import annotations

import re
from datetime import timedelta

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"(\d{1,6})\s*([smhd])")


def duration(text: str) -> timedelta:
    """Read a duration; raises ``ValueError`` with a sentence."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f'"{text}" is no duration; write a number and a unit: 90s, 10m, 24h or 7d')
    return timedelta(**{UNITS[match[2]]: int(match[1])})
