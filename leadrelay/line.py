"""The line to the other processes: what is rung here is drained there, and the other way round."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from leadrelay.bell import Bell
from model.errors import LeadRelayError
from scheduler.loops import DeciderSeat, Loop

if TYPE_CHECKING:
    from leadrelay.celery_app import Crew

DECIDE = "inbox"  # what only the one decider does, as ``sync.database.Signals`` names it


DRAIN_PATIENCE = 5.0  # seconds that a message is held by what it asks for


class Line:
    """Rings over Celery; hears, in a process that works, and drains what it hears."""

    def __init__(self, broker_url: str, seat: DeciderSeat, loops_of: Callable[[str], Iterable[Loop]]) -> None:
        """``loops_of`` tells which loops of this process a signal wakes. Connects nothing yet.

        Raises ``LeadRelayError`` where Celery is not installed.
        """
        try:
            from leadrelay import celery_app
        except ModuleNotFoundError as error:
            raise LeadRelayError(
                f"LEADRELAY_BROKER_URL is set, and {error.name} is missing: pip install 'leadrelay[scaled]'"
            ) from error
        self._seat, self._loops_of = seat, loops_of
        self._draining: set[str] = set()
        self._lock = threading.Lock()
        app = celery_app.build(broker_url)
        self.bell = Bell(partial(celery_app.send, app))
        self._hire = partial(celery_app.Crew, app, self._hear)
        self._crew: Crew | None = None

    def start(self, *, works: bool) -> None:
        """Begin to ring, and to hear where this process works."""
        self.bell.start()
        if works:
            self._crew = self._hire()
            self._crew.start()

    def ring(self, what: str) -> bool:
        """Have a process told that there is something to drain; ``False``: this one looks itself.

        So it does what it has the seat for, and everything while the broker is away. Else one process is
        told and not two at once, which would share what one call carries. Returns at once.
        """
        if what == DECIDE and self._seat.is_seated:
            return False
        self.bell.ring(what)
        return self.bell.failure is None

    def stop_hearing(self) -> None:
        """Take no more messages; what is not drained yet is told to another process."""
        if self._crew is not None:
            self._crew.stop()

    def stop(self) -> None:
        """Ring what is left, and end."""
        self.bell.stop()

    def _loops(self, what: str) -> Iterable[Loop]:
        if what == DECIDE:
            return [self._seat.loop] if self._seat.is_seated else []
        return self._loops_of(what)

    def _hear(self, what: str) -> None:
        """Drain what a message names; a second message of the same name waits for nobody.

        What it tells of may have come up behind the last look of the drain under way: there is one look more.
        """
        with self._lock:
            is_draining = what in self._draining
            self._draining.add(what)
        if is_draining:
            for loop in self._loops(what):
                loop.wake()
            return
        try:
            for loop in self._loops(what):
                loop.drain(DRAIN_PATIENCE)
        finally:
            with self._lock:
                self._draining.discard(what)
