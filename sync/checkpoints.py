"""Moves what was committed from SQLite's write-ahead log into the file, beside the writer."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import structlog

log = structlog.get_logger("leadrelay.store")

WORTH_MOVING = 4_000  # pages of 4 KiB in the log: one that many commits write goes into the file once
OWN = 20_000  # pages at which the writer moves the rest by itself, so that the log begins anew
ALONE = 8_000  # the same where nobody helps it
LOOK, MOVE = "PRAGMA wal_checkpoint(NOOP)", "PRAGMA wal_checkpoint(PASSIVE)"
SAFE_SINCE = (
    3,
    51,
    3,
)  # earlier ones may corrupt a file that one writes while another moves pages (WAL reset)


def is_safe(version: tuple[int, ...]) -> bool:
    """Say whether this version of SQLite may move pages while another connection writes."""
    return version >= SAFE_SINCE


class Checkpointer:
    """Moves pages on a thread and a connection of its own, begun when the log is first worth it.

    Who writes calls ``look`` after each commit. SQLite's own way is that the commit that fills the log moves
    all of it before it returns: whoever waits for that commit waits for a thousand others.
    """

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._wanted = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None

    def look(self, writer: Any) -> None:
        """Have pages moved once there are enough; ``writer`` is a cursor of who has committed."""
        if self._wanted.is_set() or _waiting(writer) < WORTH_MOVING:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="store-checkpointer", daemon=True)
            self._thread.start()
        self._wanted.set()

    def close(self) -> None:
        """Finish what was begun; the log keeps the rest."""
        self._closed = True
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def _run(self) -> None:
        with contextlib.closing(self._connect()) as connection:
            while not self._closed:
                self._wanted.wait()
                if not self._closed:
                    _ask(connection.cursor(), MOVE)
                self._wanted.clear()  # before ``_closed`` is looked at: ``close`` sets that first


def _waiting(cursor: Any) -> int:
    """Return how many pages of the log are not in the file yet."""
    _busy, logged, moved = _ask(cursor, LOOK)
    return int(logged) - int(moved)


def _ask(cursor: Any, pragma: str) -> tuple[int, int, int]:
    """Return (busy, pages in the log, pages moved); of a bad disk the next commit tells its senders."""
    try:
        answer: tuple[int, int, int] = cursor.execute(pragma).fetchone()
    except cursor.connection.Error as error:
        log.warning("store.checkpoint_failed", error=str(error))
        return 1, 0, 0
    return answer
