"""How long a server wants to be left alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after(headers: Mapping[str, str], at: datetime | None = None) -> float | None:
    """Read ``Retry-After`` as seconds, whether it names seconds or a moment (RFC 9110, 10.2.3).

    A moment counts from the answer's own ``Date`` where it has one: clocks differ. ``None``
    where there is none, or it cannot be read.
    """
    by_name = {name.lower(): value for name, value in headers.items()}
    text = by_name.get("retry-after", "").strip()
    try:
        return max(0.0, float(text)) if text.replace(".", "", 1).isdecimal() else _until(text, by_name, at)
    except (TypeError, ValueError, OverflowError):
        return None


def _until(text: str, headers: Mapping[str, str], at: datetime | None) -> float:
    until = parsedate_to_datetime(text)
    try:
        since = parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):
        since = at or datetime.now(UTC)
    return max(0.0, (_aware(until) - _aware(since)).total_seconds())


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
