"""What of a connection's limits may be called now, where processes share it: one row, one UPDATE a call.

The database's clock fills the buckets, so that no machine's own matters. A crash of the database
may forget the last calls (the commit is not waited for): the reserve is more than that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from model.errors import StoreBusy
from sync.database import Store, insert_for, is_away
from sync.tables import call_levels

LINES = ("burst", "search", "pace")
NO_NEED = -1e18  # of a limit that a call does not touch


class LevelsAway(Exception):
    """The row cannot be read or written now."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What a call takes of one limit: its bucket as this process knows it, and what must be in it."""

    most: float = 0.0  # calls that the bucket holds
    rate: float = 0.0  # that come free a second
    calls: float = 0.0
    need: float = NO_NEED  # calls that must be in it before


@dataclass(frozen=True, slots=True)
class Seen:
    """The row after a draw, or as it is where there was not enough."""

    granted: bool
    levels: Mapping[str, float]
    pause: float  # seconds that the server wants no call; below zero: none
    search_pause: float


class Levels(Protocol):
    """Where processes share what may be called."""

    def take(self, draws: Mapping[str, Draw], *, is_search: bool) -> Seen:
        """Take all draws at once, or none. Raises ``LevelsAway``."""

    def pause(self, seconds: float, *, is_search: bool) -> None:
        """Let nobody call for so long. Raises ``LevelsAway``."""

    def lower(self, burst: float) -> None:
        """Leave at most so many calls in the window's bucket. Raises ``LevelsAway``."""


class StoredLevels:
    """One connection's row on PostgreSQL; implements ``Levels``."""

    def __init__(self, store: Store, space: str, name: str) -> None:
        self._store, self._key = store, {"space": space, "connection": name}

    def take(self, draws: Mapping[str, Draw], *, is_search: bool) -> Seen:
        """Take all draws at once, or none."""
        values: dict[str, Any] = self._key | {"is_search": is_search}
        for line in LINES:
            draw = draws.get(line, Draw())
            values |= {f"{line}_most": draw.most, f"{line}_rate": draw.rate}
            values |= {f"{line}_calls": draw.calls, f"{line}_need": draw.need}
        return self._write(partial(_take, values=values))

    def pause(self, seconds: float, *, is_search: bool) -> None:
        """Let nobody call for so long."""
        column = "search_paused_until" if is_search else "paused_until"
        until = sa.func.greatest(call_levels.c[column], _NOW + seconds)
        self._write(partial(_set, key=self._key, values={column: until}))

    def lower(self, burst: float) -> None:
        """Leave at most so many calls in the window's bucket."""
        values = {"burst": sa.func.least(call_levels.c.burst, burst)}
        self._write(partial(_set, key=self._key, values=values))

    def _write(self, work: Any) -> Any:
        try:
            return self._store.write(work)
        except (StoreBusy, SQLAlchemyError) as error:
            if not isinstance(error, StoreBusy) and not is_away(error):
                raise
            raise LevelsAway(str(error)) from error


_NOW = sa.cast(sa.func.extract("epoch", sa.func.clock_timestamp()), sa.Float)
_FILLED = {
    line: f"LEAST(:{line}_most, l.{line} + GREATEST(0, t.now - l.at) * :{line}_rate)" for line in LINES
}
_PAUSES = "l.paused_until - t.now AS pause, l.search_paused_until - t.now AS search_pause"
# Whoever waited for the row looks at it anew, as another left it; only "now" is a moment old then.
_TAKE = sa.text(
    f"""
    WITH t AS MATERIALIZED (
        SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision) AS now,
               set_config('synchronous_commit', 'off', true)
    )
    UPDATE call_levels AS l
    SET {", ".join(f"{line} = {_FILLED[line]} - :{line}_calls" for line in LINES)},
        at = GREATEST(l.at, t.now)
    FROM t
    WHERE l.space = :space AND l.connection = :connection
      AND l.paused_until <= t.now AND (NOT :is_search OR l.search_paused_until <= t.now)
      AND {" AND ".join(f"{_FILLED[line]} >= :{line}_need" for line in LINES)}
    RETURNING l.burst, l.search, l.pace, {_PAUSES}
    """
)
_LOOK = sa.text(
    f"""
    SELECT {", ".join(f"{_FILLED[line]} AS {line}" for line in LINES)}, {_PAUSES}
    FROM call_levels AS l,
         (SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision) AS now) AS t
    WHERE l.space = :space AND l.connection = :connection
    """
)


def _take(connection: Connection, values: Mapping[str, Any]) -> Seen:
    row = connection.execute(_TAKE, values).first()
    if row is not None:
        return _seen(row, granted=True)
    row = connection.execute(_LOOK, values).first()
    if row is None:
        _begin(connection, {name: values[name] for name in ("space", "connection")})
        return _take(connection, values)
    return _seen(row, granted=False)


def _seen(row: Any, *, granted: bool) -> Seen:
    return Seen(granted, {line: getattr(row, line) for line in LINES}, row.pause, row.search_pause)


def _set(connection: Connection, key: Mapping[str, str], values: Mapping[str, Any]) -> None:
    _begin(connection, key)
    connection.execute(sa.update(call_levels).filter_by(**key).values(**values))


def _begin(connection: Connection, key: Mapping[str, str]) -> None:
    """Make the row of a connection that nobody has called yet; every bucket has been filling for ever."""
    first = {**key, **dict.fromkeys((*LINES, "at", "paused_until", "search_paused_until"), 0.0)}
    connection.execute(insert_for(connection, call_levels).values(first).on_conflict_do_nothing())
