"""When people work: days and hours in a time zone, shifts over midnight, holidays, days of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

UNITS = ("hour", "day", "week", "month")
"""In which leads are counted; each begins by the clock of a zone."""

DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY = timedelta(days=1)
KEPT = 4_096  # answers; all leads of a batch ask the same of everybody, at the same moment
FARTHEST = 400  # days that are looked through for the next shift


@dataclass(frozen=True, slots=True)
class Span:
    """Hours of one day, in minutes since its midnight; beyond 1,440 they go on into the next day."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """Hours by weekday, Monday first. ``days`` have hours of their own, also where they are holidays.

    A shift belongs to the day on which it begins: that of the night before a holiday goes on into it.
    """

    name: str
    zone: ZoneInfo
    week: tuple[tuple[Span, ...], ...]
    days: Mapping[date, tuple[Span, ...]]
    holidays: frozenset[date]

    def spans_on(self, day: date) -> tuple[Span, ...]:
        """Return the hours that begin on a day."""
        if day in self.days:
            return self.days[day]
        return () if day in self.holidays else self.week[day.weekday()]


@lru_cache(maxsize=KEPT)
def is_open(calendar: Calendar, now: datetime) -> bool:
    """Say whether the moment is within working hours; the end of a shift is not."""
    today = day_of(now, calendar.zone)
    return any(start <= now < end for day in (today, today - DAY) for start, end in _shifts_on(calendar, day))


@lru_cache(maxsize=KEPT)
def next_start(calendar: Calendar, now: datetime) -> datetime | None:
    """Return when the next shift begins, in the calendar's zone; ``None`` if none does within a year."""
    today = day_of(now, calendar.zone)
    for start in _starts(calendar, today):
        if start > now:
            return start.astimezone(calendar.zone)
    return None


def worked(calendar: Calendar, since: datetime, until: datetime) -> timedelta:
    """Return how much of a stretch of time lies within working hours; shifts that overlap count once."""
    total, counted = timedelta(), since
    day, last = day_of(since, calendar.zone) - DAY, day_of(until, calendar.zone)
    while day <= last:
        for start, end in _shifts_on(calendar, day):
            begin, stop = max(start, counted), min(end, until)
            if stop > begin:
                total += stop - begin
                counted = stop
        day += DAY
    return total


@lru_cache(maxsize=KEPT)
def start_of(unit: str, now: datetime, zone: ZoneInfo) -> datetime:
    """Return when the hour, day, week (Monday) or month began in a zone, in UTC."""
    local = now.astimezone(zone)
    if unit == "hour":
        return local.replace(minute=0, second=0, microsecond=0).astimezone(UTC)
    day = local.date()
    if unit == "week":
        day -= timedelta(days=day.weekday())
    elif unit == "month":
        day = day.replace(day=1)
    return _moment(day, 0, zone)


@lru_cache(maxsize=KEPT)
def end_of(unit: str, now: datetime, zone: ZoneInfo) -> datetime:
    """Return when the hour, day, week or month of a moment is over in a zone, in UTC."""
    start = start_of(unit, now, zone)
    if unit == "hour":
        return start + timedelta(hours=1)
    day = day_of(start, zone)
    if unit == "month":
        return _moment((day.replace(day=28) + 4 * DAY).replace(day=1), 0, zone)
    return _moment(day + (7 * DAY if unit == "week" else DAY), 0, zone)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return when a day begins in a zone, in UTC."""
    return _moment(day, 0, zone)


@lru_cache(maxsize=KEPT)
def day_of(now: datetime, zone: ZoneInfo) -> date:
    """Return what day it is in a zone."""
    return now.astimezone(zone).date()


def said(moment: datetime, now: datetime) -> str:
    """Write a moment of a zone as people say it: ``Mon 09:00``, in a week or more ``Mon 5 January 09:00``."""
    name = DAY_NAMES[moment.weekday()]
    if moment - now < 6 * DAY:
        return f"{name} {moment:%H:%M}"
    return f"{name} {moment.day} {moment:%B %H:%M}"


def _starts(calendar: Calendar, first: date) -> Iterator[datetime]:
    for n in range(FARTHEST):
        yield from sorted(start for start, _ in _shifts_on(calendar, first + n * DAY))


@lru_cache(maxsize=KEPT)
def _shifts_on(calendar: Calendar, day: date) -> tuple[tuple[datetime, datetime], ...]:
    """Return the shifts that begin on a day, as moments."""
    zone = calendar.zone
    return tuple(
        (_moment(day, span.start, zone), _moment(day, span.end, zone)) for span in calendar.spans_on(day)
    )


def _moment(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """Return the moment of a time of day: of one that comes twice the first.

    One that the clock skips comes as much later as it skips.
    """
    later, rest = divmod(minutes, 24 * 60)
    local = datetime.combine(day + later * DAY, time(*divmod(rest, 60)), zone)
    return local.astimezone(UTC)
