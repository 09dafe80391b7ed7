"""Calendars and absences of routing.yaml: from what people write to days and minutes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mappings.compiling.scope import Scope
from mappings.compiling.validation import Checked
from mappings.loader import Document
from mappings.playbook import Absence
from mappings.problems import did_you_mean
from mappings.schema import CalendarMap, PersonMap, RoutingFile
from mappings.values.dates import how_to_write_day
from model.decision import Place
from model.hours import Calendar, Span

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MIDNIGHT = 24 * 60
_HOURS = re.compile(r"(\d{1,2}):([0-5]\d)\s*[-–]\s*(\d{1,2}):([0-5]\d)")


def compile_calendars(checked: Checked[RoutingFile], scope: Scope) -> Mapping[str, Calendar]:
    """Return the calendars by name; what cannot be meant is noted in the scope."""
    file, document = checked.model, checked.document
    free = {
        region: frozenset(
            day
            for n, text in enumerate(days)
            if (day := _day(text, document, scope, "holidays", region, n)) is not None
        )
        for region, days in file.holidays.items()
    }
    return {name: _calendar(name, entry, free, document, scope) for name, entry in file.calendars.items()}


def absences(email: str, entry: PersonMap, document: Document, scope: Scope) -> tuple[Absence, ...]:
    """Return the days on which somebody is away."""
    found = []
    for n, one in enumerate(entry.absent):
        at = ("people", email, "absent", n)
        first = _day(one.first, document, scope, *at, "from")
        last = _day(one.to, document, scope, *at, "to")
        if first and last and last < first:
            fix = "The last day away comes after the first, or is the same."
            scope.fault(document.value_place(*at, "to"), f"{last} is before {first}", fix)
        elif first and last:
            found.append(Absence(first, last))
    return tuple(found)


def _calendar(
    name: str,
    entry: CalendarMap,
    free: Mapping[str, frozenset[date]],
    document: Document,
    scope: Scope,
) -> Calendar:
    at = ("calendars", name)
    before = len(scope.problems)
    week: list[tuple[Span, ...]] = [()] * 7
    said: dict[int, str] = {}
    for key, hours in entry.hours.items():
        days = _weekdays(key)
        place = document.place(*at, "hours", key)
        if not days:
            fix = "Write a day or a range of days: mon-fri, sat, or sun."
            scope.fault(place, f'"{key}" is no day of the week', fix)
        twice = next((day for day in days if day in said), None)
        if twice is not None:
            scope.fault(place, f'{DAYS[twice]} has hours already, by "{said[twice]}"', "Name each day once.")
        spans = _spans(hours, document, scope, *at, "hours", key)
        for day in days:
            week[day], said[day] = spans, key
    own: dict[date, tuple[Span, ...]] = {}
    for key, hours in entry.days.items():
        spans = _spans(hours, document, scope, *at, "days", key)
        if (one := _day_of(key, document.place(*at, "days", key), scope)) is not None:
            own[one] = spans
    holidays: frozenset[date] = frozenset()
    for n, region in enumerate(entry.holidays):
        steps = ("holidays", n) if (*at, "holidays", n) in document.values else ("holidays",)
        if region in free:
            holidays |= free[region]
        else:
            fix = did_you_mean(region, free) or "List its days under holidays."
            scope.fault(document.value_place(*at, *steps), f'there are no holidays of "{region}"', fix)
    if not any(week) and document.sound and not own and len(scope.problems) == before:
        scope.fault(document.place(*at), f'by the calendar "{name}" nobody ever works', "Give it hours.")
    zone = _zone(entry.time_zone, document, scope, *at, "time_zone")
    return Calendar(name, zone, tuple(week), own, holidays)


def _weekdays(key: str) -> Sequence[int]:
    """Return the days that ``mon``, ``mon-fri`` or ``sat-mon`` name, Monday 0; none for another text."""
    first, dash, last = (part.strip() for part in key.lower().partition("-"))
    if first not in DAYS or (dash and last not in DAYS):
        return ()
    begin = DAYS.index(first)
    count = (DAYS.index(last) - begin) % 7 if dash else 0
    return [(begin + n) % 7 for n in range(count + 1)]


def _spans(hours: Sequence[str], document: Document, scope: Scope, *path: str | int) -> tuple[Span, ...]:
    """Return the hours of a day; those that end before they begin go on into the next day."""
    spans = []
    for n, text in enumerate(hours):
        place = document.value_place(*((*path, n) if (*path, n) in document.values else path))
        match = _HOURS.fullmatch(text.strip())
        start, end = (int(match[n]) * 60 + int(match[n + 1]) for n in (1, 3)) if match else (0, 0)
        if match is None or start >= MIDNIGHT or end > MIDNIGHT or start == end:
            fix = "Write for example 09:00-17:30, 22:00-06:00 for a night, or 00:00-24:00 for the whole day."
            scope.fault(place, f'"{text}" are no hours', fix)
            continue
        spans.append(Span(start, end if end > start else end + MIDNIGHT))
    return tuple(sorted(spans, key=lambda span: span.start))


def _day(text: str, document: Document, scope: Scope, *path: str | int) -> date | None:
    return _day_of(text, document.value_place(*path), scope)


def _day_of(text: str, at: Place, scope: Scope) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        scope.fault(at, f'"{text}" is no day', how_to_write_day(text))
        return None


def _zone(text: str, document: Document, scope: Scope, *path: str | int) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        fix = "Write one such as Europe/Berlin."
        scope.fault(document.value_place(*path), f'there is no time zone "{text}"', fix)
        return ZoneInfo("UTC")
