"""How a connection's day of API calls is told on a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from leadrelay.cli.common import say, table
from sync.budgets.forecast import Forecast

HEAD = ("connection", "used", "of", "ours to use", "an hour", "expected", "new at")


def print_days(days: Mapping[str, Forecast]) -> None:
    """Show how much of each account's day is used and where it is heading, where a day is limited at all."""
    limited = {name: day for name, day in sorted(days.items()) if day.share is not None}
    if not limited:
        return
    rows = [
        (
            name,
            day.used,
            day.most,
            day.share,
            round(day.per_hour),
            day.expected,
            f"{day.renews_at:%H:%M} UTC" if day.renews_at else "rolling",
        )
        for name, day in limited.items()
    ]
    table("API calls of the day (ours to use: what the reserve leaves; an hour: our last)", HEAD, rows)
    for name, day in limited.items():
        if day.runs_out_at:
            say(f"{name}: {in_words(day)}", style="yellow")


def in_words(day: Forecast) -> str:
    """Say when a day's share runs out and what happens then."""
    if day.share is not None and day.used >= day.share:
        return "the day's share is used up: new leads get a call a minute, all else waits"
    at = f"{day.runs_out_at:%Y-%m-%d %H:%M} UTC" if day.runs_out_at else ""
    return f"the day's share is used up at {at} if the last hour goes on: calls slow down, batches grow"
