"""Dates and times as Salesforce writes them. Whole seconds, always UTC, so that they sort as text."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

FORM = "%Y-%m-%dT%H:%M:%S.000+0000"

# "The earliest valid date is 1700-01-01 …, the latest valid date is 4000-12-31" (Data Loader Guide).
EARLIEST, LATEST = date(1700, 1, 1), date(4000, 12, 31)

_OFFSET = re.compile(r"([+-]\d\d):?(\d\d)$")
_FULL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)")


def stamp(moment: datetime) -> str:
    """A time in the form of every answer: ``2026-11-21T10:00:00.000+0000``."""
    return moment.strftime(FORM)


def parse_moment(text: str) -> str | None:
    """The stamp of a time with a zone, as a request or a query gives it; its fractions are dropped."""
    if not _FULL.fullmatch(text.upper()):
        return None
    try:
        moment = datetime.fromisoformat(_OFFSET.sub(r"\1:\2", text.upper()))
        moment = moment.replace(microsecond=0).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return stamp(moment) if EARLIEST <= moment.date() <= LATEST else None


def parse_date(text: str) -> str | None:
    """A date in its one form, ``2026-11-21``; from a time with a zone, its day as written."""
    day, found, _ = text.partition("T")
    if found and parse_moment(text) is None:
        return None
    try:
        value = date.fromisoformat(day) if len(day) == 10 else None
    except ValueError:
        return None
    return value.isoformat() if value and EARLIEST <= value <= LATEST else None
