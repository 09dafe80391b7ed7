"""Room on the store's disk: intake stops while some is left, so that what was taken can still be finished."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from model.errors import StoreBusy

log = structlog.get_logger("leadrelay.store")

LOOK_SECONDS = 1.0  # a figure is this old at most
EASE = 1.1  # intake goes on only with a tenth more than the least, so that it does not flap
MIB = 1024 * 1024


class Room:
    """How many bytes are free where the store grows; a PostgreSQL server's disk is not ours to see."""

    def __init__(
        self,
        folder: Path | None,
        least: int,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        look: Callable[[Path], int] | None = None,
    ) -> None:
        self._folder, self._least, self._monotonic = folder, least, monotonic
        self._look = look or free_bytes
        self._lock = threading.Lock()
        self._looked_at = -LOOK_SECONDS
        self._free: int | None = None
        self.is_short = False

    @classmethod
    def of_store(cls, path: str, least: int) -> Room:
        """Return the room of a store's file; of a database elsewhere there is nothing to say."""
        return cls(Path(path).absolute().parent if path else None, least)

    def free(self) -> int | None:
        """Return the free bytes; ``None`` where they cannot be told."""
        if self._folder is None:
            return None
        with self._lock:
            now = self._monotonic()
            if now - self._looked_at >= LOOK_SECONDS:
                self._looked_at = now
                try:
                    self._free = self._look(self._folder)
                except OSError:
                    self._free = None
                self._judge()
            return self._free

    def need(self) -> None:
        """Raise ``StoreBusy`` while there is too little room to take anything in."""
        free = self.free()
        if self.is_short and free is not None:
            raise StoreBusy(f"only {free // MIB} MiB are free on the store's disk")

    def _judge(self) -> None:
        free = self._free
        was_short, limit = self.is_short, self._least * (EASE if self.is_short else 1)
        self.is_short = free is not None and free < limit
        if self.is_short and not was_short:
            log.error("store.disk_short", free_bytes=free, least_bytes=self._least)
        elif was_short and not self.is_short:
            log.info("store.disk_has_room", free_bytes=free)


def free_bytes(folder: Path) -> int:
    """Return how many bytes we may still write there."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
