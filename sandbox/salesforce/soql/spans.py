"""The date literals: ``TODAY``, ``LAST_N_DAYS:30`` and so on, each a span of days in the user's time zone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.moments import EARLIEST, LATEST, stamp

Days = tuple[date, date]  # the first day, and the first one after the last

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time as a field's values are compared with it: from its start up to, not with, its end."""

    start: str
    end: str


def span(text: str, field_type: str, now: datetime, zone: tzinfo) -> Span:
    """What a literal means for a date or datetime field at this moment."""
    word, _, number = text.partition(":")
    today = now.astimezone(zone).date()
    try:
        first, after = COUNTED[word](today, int(number)) if number else FIXED[word](today)
    except (OverflowError, ValueError):
        first, after = date.min, date.min
    if not EARLIEST <= first <= after <= LATEST:
        raise SalesforceError("MALFORMED_QUERY", f"the date literal {text} is out of range")
    if field_type == "date":
        return Span(first.isoformat(), after.isoformat())
    return Span(*(stamp(datetime.combine(day, time(), zone).astimezone(UTC)) for day in (first, after)))


def _days(start: int, end: int) -> Callable[[date], Days]:
    return lambda today: (today + start * _DAY, today + end * _DAY)


def _week(today: date, away: int, number: int = 1) -> Days:
    start = today - ((today.weekday() + 1) % 7) * _DAY + 7 * away * _DAY  # weeks start on Sunday: en_US
    return start, start + 7 * number * _DAY


def _months(months: int) -> Callable[[date, int, int], Days]:
    """Spans of so many months, counted from January."""

    def found(today: date, away: int, number: int = 1) -> Days:
        index = (today.year * 12 + today.month - 1) // months * months + away * months
        return _month(index), _month(index + number * months)

    return found


def _month(index: int) -> date:
    return date(index // 12, index % 12 + 1, 1)


_UNITS: dict[str, Callable[[date, int, int], Days]] = {
    "WEEK": _week, "MONTH": _months(1), "QUARTER": _months(3), "YEAR": _months(12),
    # The fiscal year of the org is the calendar's.
    "FISCAL_QUARTER": _months(3), "FISCAL_YEAR": _months(12),
}  # fmt: skip


def _fixed() -> dict[str, Callable[[date], Days]]:
    found: dict[str, Callable[[date], Days]] = {
        "YESTERDAY": _days(-1, 0), "TODAY": _days(0, 1), "TOMORROW": _days(1, 2),
        "LAST_90_DAYS": _days(-90, 1), "NEXT_90_DAYS": _days(1, 91),
    }  # fmt: skip
    for unit, of in _UNITS.items():
        for word, away in (("LAST", -1), ("THIS", 0), ("NEXT", 1)):
            found[f"{word}_{unit}"] = lambda today, of=of, away=away: of(today, away, 1)  # type: ignore[misc]
    return found


def _counted() -> dict[str, Callable[[date, int], Days]]:
    found: dict[str, Callable[[date, int], Days]] = {
        "LAST_N_DAYS": lambda today, n: (today - n * _DAY, today + _DAY),  # today is one of them
        "NEXT_N_DAYS": lambda today, n: (today + _DAY, today + (n + 1) * _DAY),
        "N_DAYS_AGO": lambda today, n: (today - n * _DAY, today - (n - 1) * _DAY),
    }
    for unit, of in _UNITS.items():
        found[f"LAST_N_{unit}S"] = lambda today, n, of=of: of(today, -n, n)  # type: ignore[misc]
        found[f"NEXT_N_{unit}S"] = lambda today, n, of=of: of(today, 1, n)  # type: ignore[misc]
        found[f"N_{unit}S_AGO"] = lambda today, n, of=of: of(today, -n, 1)  # type: ignore[misc]
    return found


FIXED = _fixed()
COUNTED = _counted()
