"""The job that looks and tells: gathers the facts of this process and of the store every half minute."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from leadrelay.alerts.looks import InProcess, InStore, Looks, read
from leadrelay.alerts.teller import Teller
from model.times import Clock
from sync import days
from sync.database import Store

OF_A_STAND_BY = ("decider",)  # whoever decides looks after the other kinds, and may be gone
SILENCE_EVERY = timedelta(minutes=5)  # that look reads two weeks of posts


class Watch:
    """Looks and tells; where another process decides, only while events wait too long."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        looks: Looks,
        teller: Teller,
        facts: Callable[[str | None], InProcess],
        is_mine: Callable[[], bool],
        sources: Callable[[], Collection[str]],
        *,
        space: str = "main",
    ) -> None:
        self._store, self._clock, self._looks, self.teller = store, clock, looks, teller
        self._facts, self._is_mine, self._sources, self._space = facts, is_mine, sources, space
        self._silent: Mapping[str, datetime | None] = {}
        self._listened_at: datetime | None = None

    def run(self) -> None:
        """Look once."""
        now = self._clock.now()
        found, trouble = self._read(now)
        alarms = self._looks.alarms(self._facts(trouble), found, now)
        self.teller.tell(alarms, now, None if self._is_mine() else OF_A_STAND_BY)

    def _read(self, now: datetime) -> tuple[InStore | None, str | None]:
        try:
            with self._store.snapshot() as snapshot:
                if self._listened_at is None or now - self._listened_at >= SILENCE_EVERY:
                    self._silent = days.silent(snapshot, self._space, self._sources(), now)
                    self._listened_at = now
                return read(snapshot, self._space, now, self._silent), None
        except SQLAlchemyError as error:
            return None, f"it cannot be read: {type(error).__name__}"


def little_room(folder: Path, least: int) -> int:
    """Return below how many free bytes a disk is nearly full: a tenth of a small one."""
    try:
        return min(least, shutil.disk_usage(folder).total // 10)
    except OSError:
        return least
