"""A PostgreSQL server of the tests' own: private, on loopback, gone when they end."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL, make_url

BINARIES = "/usr/lib/postgresql"  # where Debian puts them, a folder for each version
SETTINGS = (
    "fsync=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
    "jit=off",  # a test's statements are small; compiling one takes longer than running it
    "max_connections=200",
    "logging_collector=off",
)
MOST_KEPT = (
    65_536  # bytes of a table that was emptied row by row; beyond that its file is cut, which takes longer
)


def binaries() -> Path | None:
    """Return the folder of the newest PostgreSQL on this machine, ``None`` when there is none."""
    found = [path.parent for path in Path(BINARIES).glob("*/bin/initdb")]
    if on_path := shutil.which("initdb"):
        return Path(on_path).resolve().parent
    return max(found, key=lambda folder: int(folder.parent.name), default=None)


def start(home: Path, settings: Sequence[str] = SETTINGS) -> str:
    """Start a new server whose files are in ``home`` and return its URL, without a database."""
    folder = binaries()
    assert folder is not None
    home.mkdir()
    user = unprivileged()
    if user:
        shutil.chown(home, user)
    data = home / "data"
    _run(
        user,
        folder / "initdb",
        "-D",
        data,
        "-A",
        "trust",
        "-U",
        "postgres",
        "-E",
        "UTF8",
        "--no-locale",
        "-N",
    )
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    given = [f"-c {setting}" for setting in settings]
    options = " ".join(["-h 127.0.0.1", f"-p {port}", f"-k {home}", *given])
    _run(user, folder / "pg_ctl", "-D", data, "-l", home / "log", "-w", "-o", options, "start")
    return f"postgresql+psycopg://postgres@127.0.0.1:{port}"


def stop(home: Path) -> None:
    """Stop the server and remove its files."""
    folder = binaries()
    if folder is not None and (home / "data" / "postmaster.pid").exists():
        _run(unprivileged(), folder / "pg_ctl", "-D", home / "data", "-m", "immediate", "-w", "stop")
    shutil.rmtree(home, ignore_errors=True)


def restart(home: Path) -> None:
    """End the server between any two instructions, and start it again on the same port."""
    folder = binaries()
    assert folder is not None
    _run(
        unprivileged(),
        *(folder / "pg_ctl", "-D", home / "data", "-l", home / "log", "-m", "immediate", "-w", "restart"),
    )


def unprivileged() -> str | None:
    """Return whom to run the server as where we are root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _run(user: str | None, *command: object) -> None:
    done = subprocess.run(
        [str(part) for part in command],
        user=user,
        cwd="/",
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}")


@contextlib.contextmanager
def database(given: URL, template: str = "template1") -> Iterator[str]:
    """Make a database on a server, as a copy of another one, and yield its URL; it is dropped at the end."""
    name = sql.Identifier(f"test_{uuid.uuid4().hex}")
    server = given.set(drivername="postgresql", database="postgres")
    with psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as connection:
        made = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(made.format(name, sql.Identifier(template)))
        yield given.set(database=name.as_string().strip('"')).render_as_string(hide_password=False)
        _drop(connection, name)


@contextlib.contextmanager
def emptier(url: str, tables: Sequence[str]) -> Iterator[Callable[[], None]]:
    """Yield what makes a database as new: no rows, numbers from 1, nobody else connected.

    Row by row, and only where there are any: to truncate all tables takes longer than most tests. To plan a
    look at all tables takes longer than the look, so that one connection is kept that has it prepared.
    """
    libpq = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    looks = [
        sql.SQL("(SELECT {}, pg_relation_size({}) FROM {} LIMIT 1)").format(
            sql.Literal(name), sql.Literal(name), sql.Identifier(name)
        )
        for name in tables
    ]
    look = sql.SQL(" UNION ALL ").join(looks)
    with psycopg.connect(libpq, autocommit=True) as connection:

        def empty() -> None:
            connection.execute(OTHERS_OUT)
            for name, size in connection.execute(look, prepare=True).fetchall():
                clear = "TRUNCATE {}" if size > MOST_KEPT else "DELETE FROM {}"
                connection.execute(sql.SQL(clear).format(sql.Identifier(name)))
            connection.execute(NUMBERS_ANEW)

        yield empty


OTHERS_OUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
NUMBERS_ANEW = "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'"


def _drop(connection: psycopg.Connection, name: sql.Identifier) -> None:
    """Drop a database; the checkpoint that it asks for may meet another database that is being dropped."""
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name)
    for _ in range(4):
        with contextlib.suppress(psycopg.errors.InternalError_):
            connection.execute(statement)
            return
    connection.execute(statement)
