"""Backup file -> store, on either database: all of it or nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import DBAPIError

from model.errors import LeadRelayError
from sync import migrate
from sync.database import APPLICATION, exclusive_at, sqlite_engine, sqlite_module
from sync.keeping import restored
from sync.keeping.archive import Archive, ArchiveError, Contents, sync_folder
from sync.tables import metadata

CHUNK = 5_000  # rows in memory
PLAIN = re.compile(r"[a-z][a-z0-9_]*")  # as every column of ours is called

Told = Callable[[str, int], None]
"""Is told the table at hand and how many rows are done."""


class NotEmpty(LeadRelayError):
    """The store holds something, and nobody said that it may be replaced."""


def check(archive: Archive) -> None:
    """See that a backup is whole and of a version that is known; raises ``ArchiveError``.

    The manifest's names get into SQL: they are those of our tables, or the file is none of ours.
    """
    revision = archive.manifest.revision
    if revision not in migrate.revisions():
        raise ArchiveError(
            f"the backup is of revision {revision}, and this version knows {migrate.head()}: "
            "it was made by a newer leadrelay; restore it with that version"
        )
    tables = archive.manifest.tables
    strange = [name for name in tables if name not in metadata.tables]
    columns = {column for one in tables.values() for column in one.columns}
    strange += [name for name in sorted(columns, key=repr) if not PLAIN.fullmatch(str(name))]
    if strange:
        raise ArchiveError(
            f"the backup names {', '.join(map(repr, strange))}, which is no table or column of leadrelay; "
            "nothing was restored"
        )
    archive.check()


def restore(
    archive: Archive,
    url: str,
    now: datetime,
    *,
    replace: bool = False,
    observe: bool = False,
    told: Told = lambda _table, _rows: None,
) -> Path | None:
    """Fill the store at ``url`` from a backup that ``check`` found sound.

    Tables are made at the backup's revision, filled, put to rest (``restored``) and brought to this
    version's in one transaction, so that an interruption leaves the store as it was. Returns where
    a replaced SQLite file is kept. Raises ``NotEmpty``, and ``LeadRelayError`` while a daemon uses the store.
    """

    def fill(connection: Connection) -> None:
        migrate.upgrade_on(connection, archive.manifest.revision)
        done = 0
        for name, contents in archive.manifest.tables.items():
            told(name, done)
            _insert(connection, archive, name, contents)
            done += contents.rows
        if connection.dialect.name == "postgresql":
            _continue_numbers(connection, list(archive.manifest.tables))
        migrate.upgrade_on(connection, "head")
        restored.put_to_rest(connection, now, observe=observe)

    target = make_url(url)
    if target.get_backend_name() == "sqlite":
        return _restore_file(target, fill, replace=replace, now=now)
    _restore_database(target, fill, list(archive.manifest.tables), replace=replace)
    return None


# A file: a new one is made beside the old, and takes its name when it is whole.


def _restore_file(
    target: URL, fill: Callable[[Connection], None], *, replace: bool, now: datetime
) -> Path | None:
    path = Path(target.database or "").absolute()
    draft = path.with_name(f"{path.name}.restoring")
    with exclusive_at(target.render_as_string(hide_password=False)):
        is_used = path.exists() and path.stat().st_size > 0 and _close_up(path)
        if is_used and not replace:
            raise NotEmpty(f"{path} is not empty")
        draft.unlink(missing_ok=True)
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL, 0o660))  # as the daemon makes it, less the umask
        try:
            engine = _quick_engine(draft)
            with engine.begin() as connection:
                fill(connection)
            engine.dispose()
            _see_onto_disk(draft)
            kept = path.with_name(f"{path.name}.before-restore-{now:%Y%m%dT%H%M%SZ}") if is_used else None
            if kept is not None:
                os.link(path, kept)  # a link, so that there is a store at ``path`` at every moment
            draft.replace(path)
            sync_folder(path.parent)
        finally:
            draft.unlink(missing_ok=True)
    return kept


def _close_up(path: Path) -> bool:
    """Bring what stands in the WAL into the file, so that none is left beside; say whether it holds rows."""
    database = sqlite_module().connect(path)
    try:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        ours = [name for name in names if name in metadata.tables]
        is_used = any(database.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone() for name in ours)
        database.close()  # the last one takes the WAL in and removes it
    except sqlite_module().DatabaseError as error:
        raise LeadRelayError(
            f"the store at {path} cannot be read ({error}): move it away with {path.name}-wal and "
            f"{path.name}-shm, and restore again"
        ) from error
    finally:
        database.close()
    if path.with_name(f"{path.name}-wal").exists():
        raise LeadRelayError(f"{path} is in use by another program: end it, and restore again")
    return is_used


def _quick_engine(draft: Path) -> sa.Engine:
    """Open a file that is thrown away if anything fails: it needs no journal until it is whole."""
    engine = sqlite_engine(f"sqlite:///{draft}", immediate=True)

    @sa.event.listens_for(engine, "connect")
    def _hurry(dbapi_connection: Any, _record: Any) -> None:
        for pragma in ("journal_mode=OFF", "synchronous=OFF"):
            dbapi_connection.execute(f"PRAGMA {pragma}").fetchall()

    return engine


def _see_onto_disk(path: Path) -> None:
    database = sqlite_module().connect(path)
    database.execute(
        "PRAGMA journal_mode=WAL"
    ).fetchall()  # here, where nobody else opens it at the same time
    database.close()
    with path.open("rb") as file:
        os.fsync(file.fileno())


# A database: one transaction, tables and all.


def _restore_database(
    target: URL, fill: Callable[[Connection], None], names: list[str], *, replace: bool
) -> None:
    engine = sa.create_engine(target, hide_parameters=True)
    try:
        with engine.begin() as connection:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(718281828)"))  # as an upgrade does
            _see_it_alone(connection)
            there = [name for name in (*metadata.tables, *names) if sa.inspect(connection).has_table(name)]
            if not replace and _holds_rows(connection, there):
                raise NotEmpty("the database is not empty")
            for name in (*dict.fromkeys(there), "alembic_version"):
                connection.exec_driver_sql(f'DROP TABLE IF EXISTS "{name}" CASCADE')
            fill(connection)
    except DBAPIError as error:
        raise LeadRelayError(f"nothing was restored: {_told_by(error.orig or error)}") from error
    except psycopg.Error as error:
        raise LeadRelayError(f"nothing was restored: {_told_by(error)}") from error
    finally:
        engine.dispose()


def _see_it_alone(connection: Connection) -> None:
    """Raise ``LeadRelayError`` while a daemon, or a command, has a session here."""
    others = connection.execute(
        sa.text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND application_name = :name"
        ),
        {"name": APPLICATION},
    ).scalar_one()
    if others:
        raise LeadRelayError(f"leadrelay is at work on this database ({others} sessions): stop every daemon")


def _holds_rows(connection: Connection, names: list[str]) -> bool:
    return any(connection.exec_driver_sql(f'SELECT 1 FROM "{name}" LIMIT 1').first() for name in names)


def _told_by(error: BaseException) -> str:
    """Return the database's words without the value that it minds."""
    first = str(error).splitlines()[0] if str(error) else type(error).__name__
    context = getattr(getattr(error, "diag", None), "context", None)
    return f"{first} ({context.split(': ')[0]})" if context else first


# Rows.


def _insert(connection: Connection, archive: Archive, name: str, contents: Contents) -> None:
    columns = ", ".join(f'"{column}"' for column in contents.columns)
    rows = archive.rows(name)
    if connection.dialect.name == "postgresql":
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(f'COPY "{name}" ({columns}) FROM STDIN') as copy:
            for row in rows:
                copy.write_row(row)
        return
    statement = f'INSERT INTO "{name}" ({columns}) VALUES ({", ".join("?" * len(contents.columns))})'
    for some in _chunks(rows):
        connection.exec_driver_sql(statement, some)


def _chunks(rows: Iterator[list[Any]]) -> Iterator[list[tuple[Any, ...]]]:
    while some := [tuple(row) for row in islice(rows, CHUNK)]:
        yield some


def _continue_numbers(connection: Connection, names: list[str]) -> None:
    """Have PostgreSQL's sequences go on behind the highest number of each table."""
    found = connection.execute(
        sa.text(
            "SELECT t.relname, a.attname, pg_get_serial_sequence(quote_ident(t.relname), a.attname) "
            "FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid "
            "WHERE t.relname = ANY(:names) AND t.relkind = 'r' AND pg_table_is_visible(t.oid) "
            "AND a.attnum > 0 AND NOT a.attisdropped "
            "AND pg_get_serial_sequence(quote_ident(t.relname), a.attname) IS NOT NULL"
        ),
        {"names": names},
    ).all()
    for table, column, sequence in found:
        connection.exec_driver_sql(
            f'SELECT setval(%s, coalesce(max("{column}"), 1), max("{column}") IS NOT NULL) FROM "{table}"',
            (sequence,),
        )
