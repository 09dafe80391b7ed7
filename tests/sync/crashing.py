"""Faults for a store: a process that ends before, in or after a transaction, and statements that fail."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.database import PostgresStore, SqliteStore, Store


class Crash(BaseException):
    """The process ends here; no ``except Exception`` may keep it alive."""


class CrashingStore:
    """A store that ends the process before or after the n-th write from now; else it is the real one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.signals, self.dialect, self.path = store.signals, store.dialect, store.path
        self._left: int | None = None
        self._after = False

    def crash(self, writes: int, *, after: bool) -> None:
        """Crash at the n-th write (1: the next)."""
        self._left, self._after = writes, after

    def calm(self) -> None:
        """Crash no more."""
        self._left = None

    def snapshot(self) -> contextlib.AbstractContextManager[Connection]:
        return self._store.snapshot()

    def write(self, work: Callable[[Connection], Any]) -> Any:
        if self._left is not None:
            self._left -= 1
            if self._left <= 0:
                self._left = None
                if self._after:
                    self._store.write(work)
                raise Crash
        return self._store.write(work)

    def close(self) -> None:
        self._store.close()


def engine_of(store: Store) -> sa.Engine:
    """Return the engine that writes go through."""
    if isinstance(store, SqliteStore):
        return store._writer_engine
    assert isinstance(store, PostgresStore)
    return store._engine


@contextlib.contextmanager
def failing(
    store: Store, error: Callable[[], BaseException], *, at: int = 0, on: str = "", times: int | None = None
) -> Iterator[list[str]]:
    """Let writing statements fail: the ``at``-th from now, or every one that contains ``on``.

    Yields the list of statements that were seen.
    """
    seen: list[str] = []
    failed = 0

    def look(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        nonlocal failed
        if statement.split(maxsplit=1)[0] not in ("INSERT", "UPDATE", "DELETE"):
            return
        seen.append(statement)
        hit = len(seen) == at if at else on in statement
        if hit and (times is None or failed < times):
            failed += 1
            raise error()

    engine = engine_of(store)
    sa.event.listen(engine, "before_cursor_execute", look)
    try:
        yield seen
    finally:
        sa.event.remove(engine, "before_cursor_execute", look)
