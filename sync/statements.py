"""Many rows at once through a statement that is built once: at the driver's level on SQLite.

SQLAlchemy's Core takes as long over a row's parameters as SQLite does over the row, and both
hold the interpreter's lock or the one writer. PostgreSQL gets what Core makes of the rows:
there round trips count, and Core puts many rows into one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect

from model.times import to_text
from sync.tables import Encoded, Json, Moment, to_json

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


def insert_numbered(
    connection: Connection, statement: Insert, rows: Sequence[Mapping[str, Any]]
) -> list[int]:
    """Insert rows of a table that numbers them in ``id``; return their numbers in order.

    On SQLite, whose one writer nobody can come between, they are numbered here: ``RETURNING``
    takes Core several times as long. ``statement`` is kept, as above.
    """
    if not rows:
        return []
    number = statement.table.c["id"]
    if connection.dialect.name != "sqlite":
        returning = statement.returning(number, sort_by_parameter_order=True)
        return list(connection.execute(returning, rows).scalars())
    last = connection.exec_driver_sql(f"SELECT coalesce(max(id), 0) FROM {statement.table.name}").scalar_one()
    numbers = list(range(last + 1, last + 1 + len(rows)))
    execute_many(connection, statement, [{**row, "id": n} for n, row in zip(numbers, rows, strict=True)])
    return numbers


@lru_cache(maxsize=256)
def _prepared(statement: Statement, names: tuple[str, ...], dialect: Dialect) -> tuple[str, Encode]:
    """Compile a statement and return its text with what makes a tuple of a row's parameters."""
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(names))
    plan: list[tuple[str | None, Callable[[Any], Any]]] = []
    for name in compiled.positiontup:
        bind = compiled.binds[name]
        to_driver = _to_driver(bind.type, dialect)
        if name in names:
            plan.append((name, to_driver))
        else:  # a value that stands in the statement itself
            plan.append((None, _always(to_driver(bind.effective_value))))

    def encode(row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple([to_driver(row[name] if name is not None else None) for name, to_driver in plan])

    return compiled.string, encode


def _to_driver(kind: sa.types.TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any]:
    """Return what makes a driver's value of ours: for our own types without the layers of a TypeDecorator."""
    if isinstance(kind, Moment):
        return _moment_text
    if isinstance(kind, Json):
        return _json_text
    return kind.dialect_impl(dialect).bind_processor(dialect) or _as_it_is


def _moment_text(value: datetime | None) -> str | None:
    return None if value is None else to_text(value)


def _json_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, Encoded) else to_json(value)


def _as_it_is(value: Any) -> Any:
    return value


def _always(value: Any) -> Callable[[Any], Any]:
    return lambda _nothing: value
