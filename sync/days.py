"""Reconciliation by source and day: what came in, where it ended, what is missing, who has gone silent."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.event import EventKind
from sync.status import IS_COUNTED, SOURCE, SourceCount, ending
from sync.tables import inbox_events, source_days

DAY = timedelta(days=1)
LOOK_BACK = timedelta(days=14)  # what a source's usual gap is told by
OUT_OF_ORDER = timedelta(minutes=10)  # how far ``received_at`` may lag behind the order of the ids
TIMES_USUAL = 3
LEAST = timedelta(hours=1)  # gaps are told by the hour: nobody is called silent sooner
CHUNK = 5_000


@dataclass(slots=True)
class SourceDays:
    """One source: its days, newest first, and whether it has gone silent."""

    name: str
    days: dict[str, SourceCount] = field(default_factory=dict)
    last_post: datetime | None = None
    usual_gap: timedelta | None = None  # the longest of 14 days; within an hour, the mean of that hour
    silent_after: timedelta = DAY
    is_silent: bool = False

    @property
    def gap(self) -> int:
        """Posts of these days of which nobody can say where they ended."""
        return sum(abs(count.gap) for count in self.days.values())


@dataclass(frozen=True, slots=True)
class Days:
    """The whole table, and how many posts came in by the hour."""

    sources: dict[str, SourceDays]
    hours: list[tuple[datetime, int]]  # of the last 24, oldest first


@dataclass(frozen=True, slots=True)
class _Hour:
    at: str
    posts: int
    first: datetime
    last: datetime


def read(
    snapshot: Connection,
    space: str,
    writing: Collection[str],
    now: datetime,
    *,
    days: int = 7,
    known: Collection[str] = (),
) -> Days:
    """Count the days, today being the first; only sources that are ``known`` can go silent."""
    start = datetime(now.year, now.month, now.day, tzinfo=UTC) - (days - 1) * DAY
    found = {name: SourceDays(name) for name in sorted(known)}
    _count_received(snapshot, space, start, found)
    _count_ends(snapshot, space, writing, start, found)
    hours = _hours(snapshot, space, now - LOOK_BACK)
    _listen(snapshot, space, found, hours, known, now)
    for source in found.values():
        source.days = dict(sorted(source.days.items(), reverse=True))
    return Days(dict(sorted(found.items())), _last_day(hours, now))


def silent(
    snapshot: Connection, space: str, known: Collection[str], now: datetime
) -> dict[str, datetime | None]:
    """Return the known sources that have gone silent, each with its last post."""
    found = {name: SourceDays(name) for name in sorted(known)}
    _listen(snapshot, space, found, _hours(snapshot, space, now - LOOK_BACK), known, now)
    return {name: one.last_post for name, one in found.items() if one.is_silent}


def _count_received(snapshot: Connection, space: str, start: datetime, found: dict[str, SourceDays]) -> None:
    c = source_days.c
    statement = sa.select(c.source, c.day, c.received, c.duplicates).where(
        c.space == space, c.day >= f"{start:%Y-%m-%d}"
    )
    for source, day, received, duplicates in snapshot.execute(statement):
        counted = _day_of(found, source, day)
        counted.received, counted.duplicates = int(received), int(duplicates)


def _day_of(found: dict[str, SourceDays], source: str, day: str) -> SourceCount:
    return found.setdefault(source, SourceDays(source)).days.setdefault(day, SourceCount())


def _count_ends(
    snapshot: Connection, space: str, writing: Collection[str], start: datetime, found: dict[str, SourceDays]
) -> None:
    e = inbox_events.c
    since = first_since(snapshot, start)
    end, day = ending(space, writing), part_of(snapshot, 10).label("day")
    of_posts = (
        sa.select(SOURCE, day, end, sa.func.count())
        .where(
            e.space == space,
            e.id >= since,
            e.received_at >= start,
            e.kind == str(EventKind.INTAKE),
            IS_COUNTED,
        )
        .group_by("of_source", "day", "end")
    )
    for source, at, name, count in snapshot.execute(of_posts):
        _day_of(found, source, at).add(name, count)
    of_replays = sa.select(e.source, e.payload, end).where(
        e.space == space, e.id >= since, e.kind == str(EventKind.REPLAY), IS_COUNTED
    )
    replays = [
        (source, payload.get("came_in", payload.get("event")), name)
        for source, payload, name in snapshot.execute(of_replays)
        if source in found
    ]
    came_in = _received(snapshot, [row for _, row, _ in replays if row is not None])
    for source, row, name in replays:  # counted on the day of the post that they decide anew
        if row in came_in and came_in[row] >= start:
            _day_of(found, source, f"{came_in[row]:%Y-%m-%d}").add(name, 1)


def _received(snapshot: Connection, rows: list[int]) -> dict[int, datetime]:
    e = inbox_events.c
    found: dict[int, datetime] = {}
    for begin in range(0, len(rows), CHUNK):
        statement = sa.select(e.id, e.received_at).where(e.id.in_(rows[begin : begin + CHUNK]))
        found |= {row.id: row.received_at for row in snapshot.execute(statement)}
    return found


def first_since(snapshot: Connection, moment: datetime) -> int:
    """Return an id that no event received at or after ``moment`` comes before.

    Ids are given in the order of arrival, give or take what waits for a commit: halving the
    range takes some twenty look-ups, and the inbox needs no index on time to be kept.
    """
    e = inbox_events.c
    moment -= OUT_OF_ORDER
    low = snapshot.execute(sa.select(sa.func.min(e.id))).scalar_one() or 0  # apart: each is one look-up then
    high = (snapshot.execute(sa.select(sa.func.max(e.id))).scalar_one() or 0) + 1
    while low < high:
        middle = (low + high) // 2
        row = snapshot.execute(
            sa.select(e.id, e.received_at).where(e.id >= middle).order_by(e.id).limit(1)
        ).first()
        if row is None or row.received_at >= moment:
            high = middle
        else:
            low = row.id + 1
    return int(low)


def part_of(snapshot: Connection, length: int) -> sa.ColumnElement[str]:
    """Build the expression for the day (10) or the hour (13 characters) that an event came in, in UTC."""
    received = inbox_events.c.received_at
    if snapshot.dialect.name == "sqlite":
        return sa.func.substr(sa.type_coerce(received, sa.String), 1, length, type_=sa.String)
    shape = {10: "YYYY-MM-DD", 13: 'YYYY-MM-DD"T"HH24'}[length]
    return sa.func.to_char(sa.func.timezone("UTC", received), shape, type_=sa.String)


def _hours(snapshot: Connection, space: str, start: datetime) -> dict[str, list[_Hour]]:
    """Return each source's posts by the hour, with the first and the last of it, in order."""
    e = inbox_events.c
    hour = part_of(snapshot, 13).label("hour")
    statement = (
        sa.select(SOURCE, hour, sa.func.count(), sa.func.min(e.received_at), sa.func.max(e.received_at))
        .where(
            e.space == space,
            e.id >= first_since(snapshot, start),
            e.received_at >= start,
            e.kind == str(EventKind.INTAKE),
        )
        .group_by("of_source", "hour")
        .order_by("of_source", "hour")
    )
    found: dict[str, list[_Hour]] = {}
    for source, *facts in snapshot.execute(statement):
        found.setdefault(source, []).append(_Hour(*facts))
    return found


def _listen(
    snapshot: Connection,
    space: str,
    found: dict[str, SourceDays],
    hours: dict[str, list[_Hour]],
    known: Collection[str],
    now: datetime,
) -> None:
    """Say who has gone silent: three times the usual gap, a day at most, never within the usual gap."""
    for source in found.values():
        posts = hours.get(source.name, [])
        if posts:
            source.last_post = posts[-1].last
            source.usual_gap = max(_gaps(posts), default=None)
        else:
            source.last_post = _last_day_of(snapshot, space, source.name)
        usual = source.usual_gap or DAY
        source.silent_after = max(min(TIMES_USUAL * usual, DAY), usual, LEAST)
        if source.name in known and source.last_post is not None:
            source.is_silent = now - source.last_post > source.silent_after


def _gaps(posts: list[_Hour]) -> Iterator[timedelta]:
    for earlier, later in pairwise(posts):
        yield later.first - earlier.last
    for hour in posts:
        if hour.posts > 1:
            yield (hour.last - hour.first) / (hour.posts - 1)


def _last_day_of(snapshot: Connection, space: str, source: str) -> datetime | None:
    """Return the end of the last day with a post, where that is long ago."""
    c = source_days.c
    day: Any = snapshot.execute(
        sa.select(c.day)
        .where(c.space == space, c.source == source, c.received > 0)
        .order_by(c.day.desc())
        .limit(1)
    ).scalar_one_or_none()
    return datetime.fromisoformat(day).replace(tzinfo=UTC) + DAY if day else None


def _last_day(hours: dict[str, list[_Hour]], now: datetime) -> list[tuple[datetime, int]]:
    totals: dict[str, int] = {}
    for posts in hours.values():
        for hour in posts:
            totals[hour.at] = totals.get(hour.at, 0) + hour.posts
    this = now.replace(minute=0, second=0, microsecond=0)
    wanted = [this - timedelta(hours=back) for back in range(23, -1, -1)]
    return [(hour, totals.get(f"{hour:%Y-%m-%dT%H}", 0)) for hour in wanted]
