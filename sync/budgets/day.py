"""The calls of one connection's day: counted by us, corrected by the vendor, kept over a restart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mappings.playbook import Limits

SLOT = 900  # seconds; every zone's midnight falls on a quarter of an hour
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Told:
    """What the vendor said of the day, and what we had counted ourselves at that moment."""

    at: datetime
    used: int
    most: int
    ours: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What a restart must not forget: our calls by slot (number of quarter hours since 1970)."""

    calls: Mapping[int, int] = field(default_factory=dict)
    told: Told | None = None
    zone: str = ""  # of the account, where its day begins at midnight; blank: not known


class Day:
    """How much of the day's allowance is used.

    A vendor counts the calls of all apps, we only our own: so its word counts, and ours until
    it speaks again. A "midnight" day begins at midnight of the account's zone (UTC until that
    is known); a "rolling" one is always the last 24 hours.
    """

    def __init__(self, limits: Limits, kept: Kept | None = None) -> None:
        self._limits = limits
        self._calls: dict[int, int] = {}
        self._fresh: dict[int, int] = {}  # of these, what has not been kept yet
        self._told: Told | None = None
        self.zone = ""
        if kept is not None:
            self.take(kept)

    # What happens --------------------------------------------------------------------

    def begin_in(self, zone: str) -> None:
        """Let the day begin at midnight of this zone, if there is such a zone."""
        try:
            self.zone = ZoneInfo(zone).key if zone else ""
        except (ZoneInfoNotFoundError, ValueError):
            self.zone = ""

    def count(self, calls: int, now: datetime) -> None:
        """Count calls that go out."""
        slot = _slot(now)
        self._calls[slot] = self._calls.get(slot, 0) + calls
        self._fresh[slot] = self._fresh.get(slot, 0) + calls

    def learn(self, used: int, most: int, now: datetime) -> None:
        """Take in what an answer says of the day; calls on their way are corrected by their own answers."""
        self._told = Told(now, used, most, self.ours(now))

    def fresh(self) -> Kept:
        """Return what has not been kept yet, which counts as kept from now on; ``put_back`` undoes that."""
        fresh, self._fresh = self._fresh, {}
        return Kept(fresh, self._told, self.zone)

    def put_back(self, kept: Kept) -> None:
        """Take back what could not be kept."""
        for slot, calls in kept.calls.items():
            self._fresh[slot] = self._fresh.get(slot, 0) + calls

    def take(self, kept: Kept) -> None:
        """Take in what is kept: our own calls of earlier, and those of other processes."""
        counted = dict(kept.calls)
        for slot, calls in self._fresh.items():
            counted[slot] = counted.get(slot, 0) + calls
        self._calls = counted
        if kept.told is not None and (self._told is None or kept.told.at > self._told.at):
            self._told = kept.told
        if not self.zone:
            self.begin_in(kept.zone)

    # How it stands -------------------------------------------------------------------

    @property
    def most(self) -> int | None:
        """The calls that the account may make in a day: the vendor knows better than the map."""
        return self._told.most if self._told is not None else self._limits.daily_calls

    def share(self) -> int | None:
        """Return what of it is leadrelay's; ``None`` where no day is limited."""
        return None if self.most is None else int(self.most * (1 - self._limits.reserve))

    def begins(self, now: datetime) -> datetime:
        """Return when the day of this moment began."""
        if self._limits.day == "rolling":
            return now - DAY
        return self._midnight(now).astimezone(UTC)

    def renews(self, now: datetime) -> datetime | None:
        """Return when the whole allowance is there again; ``None`` where it renews all the time."""
        if self._limits.day == "rolling":
            return None
        return (self._midnight(now) + DAY).astimezone(
            UTC
        )  # by the clock on the wall: a day may have 23 hours

    def ours(self, now: datetime) -> int:
        """Return our own calls of the day."""
        return self.between(self.begins(now), now)

    def between(self, begin: datetime, end: datetime) -> int:
        """Return our own calls between two moments, by whole slots."""
        first, last = _slot(begin), _slot(end)
        if self._limits.day == "rolling" and end - begin >= DAY:
            first += 1  # else a slot would count twice a day
        return sum(calls for slot, calls in self._calls.items() if first <= slot <= last)

    def used(self, now: datetime) -> int:
        """Return the day's calls of all apps as far as they are known."""
        ours, told = self.ours(now), self.told(now)
        return ours if told is None else max(0, told.used + ours - told.ours)

    def told(self, now: datetime) -> Told | None:
        """Return what the vendor has said of this day, if it has."""
        return self._told if self._told is not None and self._told.at >= self.begins(now) else None

    def _midnight(self, now: datetime) -> datetime:
        local = now.astimezone(ZoneInfo(self.zone or "UTC"))
        return local.replace(hour=0, minute=0, second=0, microsecond=0)


def _slot(moment: datetime) -> int:
    return int(moment.timestamp()) // SLOT
