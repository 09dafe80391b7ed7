"""Many rows at once through a statement that is built once: at the driver's level on SQLite.

SQLAlchemy's Core takes as long over a row's parameters as SQLite does over the row, and both
hold the interpreter's lock or the one writer. PostgreSQL gets what Core makes of the rows:
there round trips count, and Core puts many rows into one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect

Insert = sa.Insert
Statement = sa.Insert | sa.Update | sa.Delete
Encode = Callable[[Mapping[str, Any]], tuple[Any, ...]]


def execute_many(connection: Connection, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> int:
    """Execute a statement without RETURNING for rows of one shape; return how many rows it changed.

    ``statement`` must be one that is kept, as a constant or in a cache: what is prepared
    for it here is kept with it.
    """
    if not rows:
        return 0
    if connection.dialect.name != "sqlite":
        return connection.execute(statement, rows).rowcount
    text, encode = _prepared(statement, tuple(rows[0]), connection.dialect)
    return connection.exec_driver_sql(text, [encode(row) for row in rows]).rowcount


def insert_new(
    connection: Connection, statement: Insert, key: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> list[bool]:
    """Insert rows where nothing holds their key; say of each whether it was inserted.

    ``statement`` has ON CONFLICT DO NOTHING on the columns of ``key``, and is kept, as above.
    Of rows with one key the first is inserted.
    """
    if not rows:
        return []
    if connection.dialect.name != "sqlite":
        returning = statement.returning(*(statement.table.c[name] for name in key))
        free = {tuple(row) for row in connection.execute(returning, rows)}
        first = {tuple(row[name] for name in key): n for n, row in reversed(list(enumerate(rows)))}
        inserted = {n for one, n in first.items() if one in free}
        return [n in inserted for n in range(len(rows))]
    text, encode = _prepared(statement, tuple(rows[0]), connection.dialect)
    return [connection.exec_driver_sql(text, encode(row)).rowcount == 1 for row in rows]


@lru_cache(maxsize=256)
def _prepared(statement: Statement, names: tuple[str, ...], dialect: Dialect) -> tuple[str, Encode]:
    """Compile a statement and return its text with what makes a tuple of a row's parameters."""
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(names))
    plan: list[tuple[str | None, Callable[[Any], Any]]] = []
    for name in compiled.positiontup:
        bind = compiled.binds[name]
        to_driver = bind.type.dialect_impl(dialect).bind_processor(dialect) or _as_it_is
        if name in names:
            plan.append((name, to_driver))
        else:  # a value that stands in the statement itself
            plan.append((None, _always(to_driver(bind.effective_value))))

    def encode(row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple([to_driver(row[name] if name is not None else None) for name, to_driver in plan])

    return compiled.string, encode


def _as_it_is(value: Any) -> Any:
    return value


def _always(value: Any) -> Callable[[Any], Any]:
    return lambda _nothing: value
