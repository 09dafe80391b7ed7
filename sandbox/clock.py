"""The time that the vendors tell: the real one, until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """The current time, shared by the vendors of one process.

    A moved clock goes on ticking from where it was put, so that limits still refill; a frozen one
    stands still until it is moved again.
    """

    def __init__(self) -> None:
        self._offset = timedelta()
        self._frozen_at: datetime | None = None

    def now(self) -> datetime:
        """The time now, UTC."""
        return self._frozen_at or datetime.now(UTC) + self._offset

    @property
    def is_real(self) -> bool:
        """Whether it tells the machine's own time."""
        return not self._offset and self._frozen_at is None

    @property
    def is_frozen(self) -> bool:
        """Whether it stands still."""
        return self._frozen_at is not None

    def set(self, at: datetime, *, frozen: bool = False) -> None:
        """Put the clock to a time."""
        self._offset = at - datetime.now(UTC)
        self._frozen_at = at if frozen else None

    def advance(self, by: timedelta) -> None:
        """Move the clock on; a frozen one stays frozen at the later time."""
        if self._frozen_at is not None:
            self._frozen_at += by
        self._offset += by

    def run_free(self) -> None:
        """Go back to the real time."""
        self._offset, self._frozen_at = timedelta(), None
