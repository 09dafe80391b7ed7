"""Rows for every table there is, by the types of its columns, with values that are hard to keep."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.tables import Encoded, Json, Moment, Packed, Unpacked, metadata

ROWS = 3

MOMENTS = (
    datetime(2026, 11, 22, 5, 0, 0, 1, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2038, 1, 19, 3, 14, 7, 999_999, tzinfo=UTC),
)
TEXTS = ("Ünï-çødé 漢字 😀", "quote \" ' \\ back, tab\t line\nend \\N \\.", "{}")
JSON = (
    Encoded('{"nul":"\\u0000","half":"\\ud800","big":18446744073709551616,"f":1e400}'),
    Encoded('[1,  2,"spaces are kept: the audit commits to this text"]'),
    Encoded('{"name":"Zoë 😀"}'),
)
LONG = Encoded(
    '{"reasons":["Größe 😀", "%s"]}' % ("spaces are  kept " * 100)
)  # is packed where a store packs
CHOICE = re.compile(r"^(\w+) IN \((.*)\)$")  # as our check constraints say which words a column takes


def fill(connection: Connection) -> None:
    """Put ``ROWS`` rows into every table of the store, and a gap into the numbers."""
    for table in metadata.sorted_tables:
        connection.execute(sa.insert(table), [_row(table, number) for number in range(ROWS)])


def _row(table: sa.Table, number: int) -> dict[str, Any]:
    return {column.name: _value(table, column, number) for column in table.columns}


def _value(table: sa.Table, column: sa.Column[Any], number: int) -> Any:
    if choices := _choices(table, column.name):
        return choices[number % len(choices)]
    for key in column.foreign_keys:
        return _value(key.column.table, key.column, number)
    if column.nullable and number == 2:
        return None
    kind = column.type
    if isinstance(kind, Moment):
        return MOMENTS[number]
    if isinstance(kind, Json):
        return JSON[number]
    if isinstance(kind, Packed):
        return (*JSON[:2], LONG)[number]
    if isinstance(kind, sa.Boolean):
        return number == 0
    if isinstance(kind, sa.SmallInteger):
        return 30_000 + number
    if isinstance(kind, sa.BigInteger) and not column.primary_key:
        return 2**62 + number
    if isinstance(kind, sa.Integer):
        return (1, 7, 4_000_000)[number]
    if isinstance(kind, sa.Float):
        return (0.1, 1 / 3, 1e300)[number]
    if isinstance(kind, sa.String):
        return f"{number} {TEXTS[number]}"[: kind.length]
    raise TypeError(f"{table.name}.{column.name}: no value for {kind!r}")


def _choices(table: sa.Table, name: str) -> list[str]:
    for constraint in table.constraints:
        if isinstance(constraint, sa.CheckConstraint):
            found = CHOICE.match(str(constraint.sqltext))
            if found and found[1] == name:
                return re.findall(r"'([^']*)'", found[2])
    return []


def rows_of(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table as it is kept, JSON as its text, in an order of our own."""
    return {table.name: sorted(_kept(connection, table), key=repr) for table in metadata.sorted_tables}


def _kept(connection: Connection, table: sa.Table) -> Iterator[tuple[Any, ...]]:
    for row in connection.execute(sa.select(*map(_as_text, table.columns))):
        yield tuple(row)


def _as_text(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    if isinstance(column.type, Packed):
        return sa.type_coerce(column, Unpacked)
    return sa.type_coerce(column, sa.Text) if isinstance(column.type, Json) else column


LATER = MOMENTS[2] + timedelta(days=1)
