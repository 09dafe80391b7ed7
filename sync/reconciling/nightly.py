"""Begins the comparisons of the night."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from mappings.playbook import Playbook, Reconciling
from model.times import Clock
from sync import cursors, inbox
from sync.cursors import BACKFILL
from sync.database import Store
from sync.reconciling import books
from sync.reconciling.runs import Asked

CATCH_UP = timedelta(hours=6)  # after its hour, that a night's run is still begun


@dataclass(slots=True)
class Nightly:
    """Begins a run by sample once a night, for each connection whose map has a sample."""

    store: Store
    clock: Clock
    playbook: Callable[[], Playbook]
    connected: Callable[[], Collection[str]]
    space: str = "main"

    def run(self) -> list[str]:
        """Begin the runs of this night that are due and were not begun; return whose.

        A night that was slept through is left out after six hours: the next one comes. So does the first
        of an account that was connected after the hour.
        """
        names = self.connected()
        crms = [crm for crm in self.playbook().crms.values() if crm.connection in names]
        return [crm.connection for crm in crms if self._begin(crm.connection, crm.reconcile)]

    def _begin(self, name: str, rules: Reconciling) -> bool:
        now = self.clock.now()
        due = now.replace(hour=0, minute=0, second=0, microsecond=0) + rules.at
        if due > now:
            due -= timedelta(days=1)
        if not rules.sample or now - due > CATCH_UP:
            return False
        with self.store.snapshot() as snapshot:
            walks = [one for one in cursors.load(snapshot, self.space, name) if one.job == BACKFILL]
            if not walks or any(one.begun_at > due for one in walks) or inbox.is_busy(snapshot, self.space):
                return False
            if books.is_done_since(snapshot, self.space, name, due):
                return False
        asked = Asked(rules.sample, nightly=True)
        begin = partial(books.begin, space=self.space, name=name, asked=asked, by="the night", now=now)
        _, is_new = self.store.write(begin)
        if is_new:
            self.store.signals.announce(f"backfill:{name}")
        return bool(is_new)
