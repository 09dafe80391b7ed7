"""Lets out what a connection had gathered while it was observed; the steps are in ``sync/releases.py``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import structlog

from mappings.playbook import CrmMap, Playbook
from model.times import Clock
from sync import releases
from sync.database import Store
from sync.prospects import Prospects
from sync.releases import DONE, HELD, PREPARING, RELEASING, Release

log = structlog.get_logger("leadrelay.release")

T = TypeVar("T")

PIECE = 1_000  # rows in one transaction
AHEAD = 1_000  # rows let out before delivery has dealt with those before them
LOOK_SECONDS = 0.4  # of a run are spent on looking for leads that lack a row


class ReleaseJob:
    """Runs every second; any process may run it, as each step moves the release from where it was read."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        playbook: Callable[[], Playbook],
        *,
        space: str = "main",
        on_live: Callable[[], None] = lambda: None,  # a connection has just been opened for writing
    ) -> None:
        self._store, self._clock, self._playbook, self._space = store, clock, playbook, space
        self._states: dict[str, str] = {}
        self._on_live = on_live

    def run(self) -> None:
        """Move every release on by a step."""
        with self._store.snapshot() as snapshot:
            found = releases.load(snapshot, self._space)
        self._tell(found)
        for name, release in found.items():
            crm = self._playbook().crms.get(name)
            if crm is not None:
                self._step(crm, release)

    def prepare(self, release: Release) -> None:
        """Park all that is due, then open the connection for writing."""
        while not self._write(releases.prepare, release=release, limit=PIECE):
            pass
        self._on_live()

    def _step(self, crm: CrmMap, release: Release) -> None:
        if release.state == PREPARING:
            self.prepare(release)
        elif release.state == RELEASING:
            release = self._raise_missing(crm, release)
            count = self._write(releases.let_out, release=release, ahead=AHEAD, needs=crm.needs)
            if count:
                self._store.signals.announce(f"outbox:{crm.connection}")
        elif release.state == HELD:
            self._write(releases.take_back, name=crm.connection, limit=PIECE)

    def _raise_missing(self, crm: CrmMap, release: Release) -> Release:
        """Look at the next leads, and make rows for those to be written that the outbox does not know."""
        until = time.monotonic() + LOOK_SECONDS
        while release.cursor is not None and release.state == RELEASING and time.monotonic() < until:
            with self._store.snapshot() as snapshot:
                prospects = Prospects.open(snapshot, self._space, crm, self._playbook())
                piece = prospects.next(snapshot, release.cursor)
            upto = piece[-1].lead.id if piece else ""
            lacking = [wish for one in piece for wish in one.lacking(crm)]
            self._write(releases.raise_missing, release=release, upto=upto, raises=lacking)
            with self._store.snapshot() as snapshot:
                release = releases.load(snapshot, self._space)[crm.connection]
        return release

    def _write(self, step: Callable[..., T], **given: object) -> T:
        return self._store.write(partial(step, space=self._space, now=self._clock.now(), **given))

    def _tell(self, found: Mapping[str, Release]) -> None:
        """Log what has changed since the last look."""
        for name, release in found.items():
            before, self._states[name] = self._states.get(name), release.state
            if before == release.state:
                continue
            facts = {"connection": name, "number": release.number, "written": release.written}
            if release.state == HELD:
                log.error("release.held", reason=release.reason, **facts)
            elif release.state == RELEASING:
                log.info("release.began", expected=release.expected, at_most=release.at_most, **facts)
            elif release.state == DONE and before is not None:
                log.info("release.done", **facts)
