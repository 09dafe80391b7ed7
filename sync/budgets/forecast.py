"""Where a day's calls are heading: used when the allowance is new, and when the share runs out. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sync.budgets.day import DAY, SLOT, Day

LOOK_BACK = timedelta(hours=1)  # what was called in it goes on, as far as the forecast knows
STEP = timedelta(seconds=SLOT)


@dataclass(frozen=True, slots=True)
class Forecast:
    """One connection's day. Calls are those of all apps of the account, as far as the vendor tells."""

    used: int
    ours: int
    most: int | None  # None: no day is limited, and nothing can run out
    share: int | None  # of it, what the reserve leaves to leadrelay
    per_hour: float  # our calls of the last hour
    renews_at: datetime | None  # None: the allowance renews all the time (the last 24 hours count)
    expected: int  # used when it renews; where it renews all the time, the most within the next 24 hours
    runs_out_at: datetime | None  # when the share is used up, should it go on like this
    told_by_vendor: bool

    @property
    def is_short(self) -> bool:
        """Say whether the share is used up, or will be before the allowance is new."""
        return self.runs_out_at is not None

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; moments as ISO text."""
        data = asdict(self)
        for name in ("renews_at", "runs_out_at"):
            data[name] = data[name] and data[name].isoformat()
        return data | {"is_short": self.is_short}


def forecast(day: Day, now: datetime) -> Forecast:
    """Say where the day is heading if the last hour goes on, and the other apps as they did so far."""
    used, ours, most, share = day.used(now), day.ours(now), day.most, day.share()
    begins, renews = day.begins(now), day.renews(now)
    window = min(LOOK_BACK, max(now - begins, STEP))
    per_second = day.between(now - window + STEP, now) / window.total_seconds()
    others = max(0, used - ours)
    expected, runs_out = used, now if share is not None and used >= share else None
    end, moment = renews or now + DAY, now
    while moment < end:
        moment = min(moment + STEP, end)
        later = (moment - now).total_seconds()
        if renews is None:  # what falls out of the last 24 hours comes back; the others' is taken as it is
            at = used + per_second * later - day.between(begins + STEP, begins + (moment - now))
        else:
            at = used + (per_second + others / max((now - begins).total_seconds(), SLOT)) * later
        expected = max(expected, round(at))
        if share is not None and runs_out is None and at >= share:
            runs_out = moment
    return Forecast(
        used=used,
        ours=ours,
        most=most,
        share=share,
        per_hour=round(per_second * 3600, 1),
        renews_at=renews,
        expected=expected,
        runs_out_at=runs_out,
        told_by_vendor=day.told(now) is not None,
    )
