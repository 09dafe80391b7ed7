"""How well what changes in a CRM is followed, by what the store says. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from leadrelay.doctor.findings import Area, Finding
from sync.followed import LATE_AFTER, Followed, ObjectFollowed

OWNERS = "Give the connected app or user the right to read owners; then those left out are read again."
AGAIN = "The daemon tries again by itself; mend what it says, or see its log (poll.waits)."


def check_following(
    area: Area, followed: Followed, now: datetime, paces: Mapping[str, timedelta] | None = None
) -> Iterator[Finding]:
    """Yield how far each object was read, what the recycle bin says, and what waits to be read by id.

    ``paces`` has the time between two looks at objects that have one of their own.
    """
    for name, one in followed.objects.items():
        yield _changes(area, name, one, now, LATE_AFTER + (paces or {}).get(name, timedelta(0)))
        if one.unowned_since:
            since = _at(one.unowned_since)
            yield area.warn(
                f"changes of {name}: who is new is left out since {since}: no owners are known", OWNERS
            )
        if one.bin_problem:
            yield area.warn(f"the recycle bin of {name} cannot be looked through: {one.bin_problem}", AGAIN)
    if followed.to_read_since is not None:
        fact = f"{followed.to_read:,} records wait to be read by id, since {_at(followed.to_read_since)}"
        is_late = now - followed.to_read_since >= LATE_AFTER
        fix = "See that the daemon runs, and its log (fetch.waits); what waits for a day is given up."
        yield area.warn(fact, fix) if is_late else area.ok(fact)


def _changes(area: Area, name: str, one: ObjectFollowed, now: datetime, late_after: timedelta) -> Finding:
    read = f"last read to the end {_at(one.read_at)}" if one.read_at else "not read to the end yet"
    if one.problem:
        return area.warn(f"changes of {name}: {read}; the last look failed: {one.problem}", AGAIN)
    if one.begun_at is None:
        return area.ok(f"changes of {name}: not looked at yet")
    late = one.late_by(now)
    if late is not None and late >= late_after:
        return area.warn(f"changes of {name}: {read}", "See that the daemon runs: `leadrelay status`.")
    return area.ok(f"changes of {name}: {read}")


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
