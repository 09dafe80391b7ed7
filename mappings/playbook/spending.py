"""What may be spent on asking others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spend:
    """What may be spent on one provider; days and months are those of UTC."""

    per_day: int | None = None  # calls
    per_month: int | None = None
    cost: int = 0  # of one call, in millionths of ``currency``
    currency: str = ""
