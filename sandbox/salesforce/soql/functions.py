"""The date functions: ``CALENDAR_YEAR(CreatedDate)`` and so on, by UTC as Salesforce counts them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from sandbox.salesforce.moments import FORM
from sandbox.salesforce.schema import Field


def _hour(text: str) -> int:
    return datetime.strptime(text, FORM).hour


def _of_day(read: Callable[[date], int]) -> Callable[[str], int]:
    return lambda text: read(date.fromisoformat(text[:10]))


def _quarter(day: date) -> int:
    return (day.month + 2) // 3


# name: (what it is of a value, the types of field it takes)
_ANY = ("date", "datetime")
DATE_FUNCTIONS: dict[str, tuple[Callable[[str], Any], tuple[str, ...]]] = {
    "CALENDAR_MONTH": (_of_day(lambda day: day.month), _ANY),
    "CALENDAR_QUARTER": (_of_day(_quarter), _ANY),
    "CALENDAR_YEAR": (_of_day(lambda day: day.year), _ANY),
    "DAY_IN_MONTH": (_of_day(lambda day: day.day), _ANY),
    "DAY_IN_WEEK": (_of_day(lambda day: day.isoweekday() % 7 + 1), _ANY),  # 1 is Sunday
    "DAY_IN_YEAR": (_of_day(lambda day: day.timetuple().tm_yday), _ANY),
    "DAY_ONLY": (lambda text: text[:10], ("datetime",)),
    "FISCAL_MONTH": (_of_day(lambda day: day.month), _ANY),
    "FISCAL_QUARTER": (_of_day(_quarter), _ANY),
    "FISCAL_YEAR": (_of_day(lambda day: day.year), _ANY),
    "HOUR_IN_DAY": (_hour, ("datetime",)),
    "WEEK_IN_MONTH": (_of_day(lambda day: (day.day - 1) // 7 + 1), _ANY),
    "WEEK_IN_YEAR": (_of_day(lambda day: (day.timetuple().tm_yday - 1) // 7 + 1), _ANY),
}


def result_of(name: str) -> Field:
    """The field that a date function's value looks like."""
    return Field(name, name, "date" if name == "DAY_ONLY" else "int")
