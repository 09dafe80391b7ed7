"""Tells the other processes that there is work: one thread that sends, so that nobody waits for a broker."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger("leadrelay.bell")

GAP = 0.01  # seconds between two rounds: a hundred commits in a moment are one message
AWAY_WAIT = 1.0  # seconds after a round that failed; what was to be told is seen by a look at the store


class BrokerAway(Exception):
    """Nothing can be sent now."""


class Bell:
    """``ring(what)`` returns at once; the same ``what`` rung twice before it is sent is sent once."""

    def __init__(self, send: Callable[[str], None]) -> None:
        """``send`` may block, and raise ``BrokerAway``."""
        self._send = send
        self._rung: set[str] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bell", daemon=True)
        self.failure: str | None = None

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Send what was rung, and end."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(timeout)

    def ring(self, what: str) -> None:
        """Have the others told that there is something to drain."""
        with self._lock:
            self._rung.add(what)
        self._wake.set()

    def _run(self) -> None:
        while not (self._stopping.is_set() and not self._rung):
            self._wake.wait()
            self._wake.clear()
            with self._lock:
                rung, self._rung = self._rung, set()
            wait = GAP if self._tell(rung) else AWAY_WAIT
            self._stopping.wait(wait)

    def _tell(self, rung: set[str]) -> bool:
        try:
            for what in sorted(rung):
                self._send(what)
        except BrokerAway as error:  # the store has it all, and is looked at every second
            if self.failure is None:
                log.warning("broker.away", reason=str(error))
            self.failure = str(error)
            return False
        except Exception:  # whatever it is, the next round is sent
            log.exception("bell.failed")
            return False
        if rung and self.failure is not None:
            log.info("broker.back")
            self.failure = None
        return True
