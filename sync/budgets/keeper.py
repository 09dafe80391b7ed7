"""Keeps each connection's day in the store, so that neither a restart nor a second process forgets it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from mappings.playbook import CrmMap
from model.event import JsonValue
from model.times import from_text, to_text
from sync.budgets.budget import MemoryBudget
from sync.budgets.day import SLOT, Day, Kept, Told
from sync.budgets.forecast import Forecast, forecast
from sync.database import Store, insert_for
from sync.tables import budgets

log = structlog.get_logger("leadrelay.budget")

OLDEST = timedelta(days=2)


def load(snapshot: Connection, space: str) -> dict[str, Kept]:
    """Read the days of all connections of a space."""
    rows = snapshot.execute(sa.select(budgets).where(budgets.c.space == space))
    return {row.connection: _kept(row) for row in rows}


def forecasts(
    snapshot: Connection, space: str, crms: Mapping[str, CrmMap], now: datetime
) -> dict[str, Forecast]:
    """Say where each connection's day is heading, by what is kept: a daemon keeps it every few seconds."""
    kept = load(snapshot, space)
    return {name: forecast(Day(crm.limits, kept[name]), now) for name, crm in crms.items() if name in kept}


def keep(connection: Connection, space: str, name: str, fresh: Kept, now: datetime) -> Kept:
    """Add what one process has counted to the day, and return the day of all of them."""
    key = {"space": space, "connection": name}
    empty: dict[str, Any] = key | {"calls": {}, "told": None, "zone": "", "updated_at": now}
    connection.execute(insert_for(connection, budgets).values(empty).on_conflict_do_nothing())
    row = connection.execute(sa.select(budgets).filter_by(**key).with_for_update()).one()
    before = _kept(row)
    oldest = int((now - OLDEST).timestamp()) // SLOT
    calls = {slot: n for slot, n in before.calls.items() if slot >= oldest}
    for slot, n in fresh.calls.items():
        calls[slot] = calls.get(slot, 0) + n
    told = max((one for one in (before.told, fresh.told) if one), key=lambda one: one.at, default=None)
    after = Kept(calls, told, fresh.zone or before.zone)
    values = {"calls": _numbers(calls), "told": _told_row(told), "zone": after.zone, "updated_at": now}
    connection.execute(sa.update(budgets).filter_by(**key).values(values))
    return after


def checkpoint(store: Store, space: str, name: str, budget: MemoryBudget, now: datetime) -> None:
    """Keep what a budget has counted since the last time. Raises ``StoreBusy``; then it is kept later."""
    fresh = budget.day(lambda day: day.fresh())
    try:
        after = store.write(partial(keep, space=space, name=name, fresh=fresh, now=now))
    except BaseException:  # raised again: whatever ended it, these calls were made and must be counted
        budget.day(lambda day: day.put_back(fresh))
        raise
    budget.day(lambda day: day.take(after))


class Watch:
    """Says once when a connection's day tips: its share will be used up before it is new."""

    def __init__(self) -> None:
        self._short: dict[str, bool] = {}

    def look(self, name: str, found: Forecast) -> None:
        """Compare a forecast with the last one, and log what has changed."""
        was, self._short[name] = self._short.get(name, False), found.is_short
        if found.is_short and not was:
            log.warning(
                "budget.runs_short",
                connection=name,
                used=found.used,
                share=found.share,
                expected=found.expected,
                runs_out_at=found.runs_out_at and to_text(found.runs_out_at),
            )
        elif was and not found.is_short:
            log.info("budget.lasts", connection=name, used=found.used, expected=found.expected)


def _kept(row: Any) -> Kept:
    told = row.told
    return Kept(
        {int(slot): int(calls) for slot, calls in row.calls.items()},
        Told(from_text(told["at"]), told["used"], told["most"], told["ours"]) if told else None,
        row.zone,
    )


def _numbers(calls: Mapping[int, int]) -> dict[str, JsonValue]:
    return {str(slot): calls[slot] for slot in sorted(calls)}


def _told_row(told: Told | None) -> dict[str, JsonValue] | None:
    if told is None:
        return None
    return {"at": to_text(told.at), "used": told.used, "most": told.most, "ours": told.ours}
