"""The machine's clock; everything else is handed one."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """The real time."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)
