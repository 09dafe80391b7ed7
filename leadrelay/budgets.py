"""The budgets of a running daemon's connections: kept, watched and told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from connectors.registry import INSPECTORS
from model.errors import ConnectorError, StoreBusy
from model.priority import Priority
from model.times import Clock
from sync.budgets import MemoryBudget, keeper
from sync.budgets.day import Day
from sync.budgets.forecast import Forecast, forecast
from sync.database import Store

if TYPE_CHECKING:
    from leadrelay.connected import Connected

log = structlog.get_logger("leadrelay.budget")

ASK_AGAIN = timedelta(hours=1)  # an account whose time zone could not be read


class BudgetDesk:
    """Does every few seconds what a budget, which is in memory, cannot do by itself."""

    def __init__(self, store: Store, clock: Clock, space: str) -> None:
        self._store, self._clock, self._space = store, clock, space
        self._watch = keeper.Watch()
        self._asked: dict[str, datetime] = {}

    def run(self, connected: Mapping[str, Connected]) -> None:
        """Keep what was called, learn when days begin, and say where one runs short."""
        for name, one in connected.items():
            self._learn_zone(name, one)
            self.keep(name, one.budget)
        for name, found in self.forecasts(connected).items():
            self._watch.look(name, found)

    def keep(self, name: str, budget: MemoryBudget) -> None:
        """Keep one connection's day; where the store cannot commit now, the next run does."""
        try:
            keeper.checkpoint(self._store, self._space, name, budget, self._clock.now())
        except StoreBusy as error:
            log.warning("budget.not_kept", connection=name, reason=str(error))

    def forecasts(self, connected: Mapping[str, Connected]) -> dict[str, Forecast]:
        """Say where each connection's day is heading."""
        now = self._clock.now()
        return {name: _forecast(one, now) for name, one in connected.items()}

    def _learn_zone(self, name: str, one: Connected) -> None:
        """Ask once for the account's time zone, where its midnight begins the day."""
        now = self._clock.now()
        if one.crm.limits.day != "midnight" or not one.budget.day(_needs_zone):
            return
        if now - self._asked.get(name, now - ASK_AGAIN) < ASK_AGAIN:
            return
        self._asked[name] = now
        try:
            zone = INSPECTORS[one.crm.kind](one.endpoint_at(Priority.RECONCILE)).account().time_zone
        except ConnectorError as error:
            log.info("budget.zone_unknown", connection=name, reason=str(error))
            return
        one.budget.day(lambda day: day.begin_in(zone))


def _needs_zone(day: Day) -> bool:
    return day.share() is not None and not day.zone


def _forecast(one: Connected, now: datetime) -> Forecast:
    return one.budget.day(lambda day: forecast(day, now))
