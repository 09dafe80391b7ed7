"""Store -> backup file: every table at one moment, while the daemon goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.errors import LeadRelayError
from model.times import to_text
from sync import migrate
from sync.database import Store
from sync.keeping.archive import ArchiveWriter, Contents, Manifest
from sync.tables import Json, Moment, Packed, Unpacked, metadata

CHUNK = 2_000  # rows in memory
PLAIN = (sa.String, sa.Text, sa.Integer, sa.Boolean, sa.Float)  # types that JSON says as they are

Told = Callable[[str, int], None]
"""Is told the table at hand and how many rows are done."""


def backup(store: Store, path: Path, now: datetime, told: Told = lambda _table, _rows: None) -> Manifest:
    """Write every table as it is at this moment to ``path``; the file is whole or not there.

    One read transaction: PostgreSQL's REPEATABLE READ, READ ONLY, or SQLite's in WAL, for which
    no writer waits. A store of an older version is written as it is.
    """
    with store.snapshot() as snapshot, ArchiveWriter(path) as writer:
        revision = _known_revision(snapshot)
        contents: dict[str, Contents] = {}
        for table in _tables(snapshot):
            told(table.name, sum(one.rows for one in contents.values()))
            names = [column.name for column in table.columns]
            contents[table.name] = writer.table(table.name, names, _rows(snapshot, table))
        manifest = Manifest(revision, snapshot.dialect.name, to_text(now), contents)
        writer.finish(manifest)
    return manifest


def _known_revision(snapshot: Connection) -> str:
    revision = migrate.current(snapshot)
    if revision is None:
        raise LeadRelayError("the store has no tables yet: there is nothing to back up")
    if revision not in migrate.revisions():
        raise LeadRelayError(
            f"the store is at revision {revision}, which a newer version of leadrelay made: "
            "back it up with that version"
        )
    return revision


def _tables(snapshot: Connection) -> list[sa.Table]:
    """Return the tables that are there, with the columns that are there: a store may be older than we are.

    Raises ``LeadRelayError`` for what this version does not know, so that nothing is left out in silence.
    """
    there = sa.inspect(snapshot)
    missing = set(there.get_table_names()) - {"alembic_version", *metadata.tables}
    strange = [f"table {name}" for name in sorted(missing)] if snapshot.dialect.name == "sqlite" else []
    found = []
    for table in metadata.sorted_tables:
        if not there.has_table(table.name):
            continue
        names = [column["name"] for column in there.get_columns(table.name)]
        strange += [f"column {table.name}.{name}" for name in names if name not in table.c]
        columns = [sa.Column(name, table.c[name].type) for name in names if name in table.c]
        found.append(sa.Table(table.name, sa.MetaData(), *columns))
    if strange:
        raise LeadRelayError(
            f"the store holds what this version does not know ({', '.join(strange)}): "
            "back it up with the version that made it"
        )
    return found


def _rows(snapshot: Connection, table: sa.Table) -> Iterator[Sequence[Any]]:
    dialect = snapshot.dialect.name
    moments = [
        number
        for number, column in enumerate(table.columns)
        if isinstance(column.type, Moment) and dialect != "sqlite"
    ]
    statement = sa.select(*(_as_kept(column, dialect) for column in table.columns))
    result = snapshot.execute(statement, execution_options={"yield_per": CHUNK})
    for some in result.partitions():
        for row in some:
            values = list(row)
            for number in moments:
                values[number] = values[number] and to_text(values[number])
            yield values


def _as_kept(column: sa.Column[Any], dialect: str) -> sa.ColumnElement[Any]:
    """Return what to select so that a value comes in the form of the file (moments on PostgreSQL aside)."""
    if isinstance(column.type, Json) or (isinstance(column.type, Moment) and dialect == "sqlite"):
        return sa.type_coerce(column, sa.Text)
    if isinstance(column.type, Packed):
        return sa.type_coerce(column, Unpacked)
    if isinstance(column.type, (*PLAIN, Moment)):
        return column
    raise LeadRelayError(f"{column.table.name}.{column.name}: a backup has no form for {column.type!r}")
