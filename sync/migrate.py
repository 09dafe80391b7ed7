"""Brings a store's tables to what this version needs; runs before anything else touches it.

Every command looks at the revision of its store, and nearly always it is the newest. Alembic, which takes
long to load and to read all steps, is loaded only where there is a step to take.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from model.errors import LeadRelayError
from sync.database import sqlite_engine

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"


class NewerStore(LeadRelayError):
    """A newer version has been at work on the store: this one cannot know what stands in it."""


def config(connection: sa.Connection | None = None) -> Config:
    """Return Alembic's configuration for this tree; no ini file is needed."""
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(MIGRATIONS))
    settings.set_main_option("path_separator", "os")
    settings.attributes["connection"] = connection
    return settings


def head() -> str:
    """Return the newest revision this version knows."""
    return max(revisions())


@cache
def revisions() -> frozenset[str]:
    """Return every revision this version knows: each is a file whose name begins with its number."""
    return frozenset(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def current(connection: sa.Connection) -> str | None:
    """Return the revision the store is at; ``None`` for an empty one."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    at: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return at


def upgrade(url: str) -> None:
    """Bring the store at ``url`` to the newest revision, in one transaction.

    Two processes that start at once are kept apart: SQLite by its write lock, PostgreSQL
    by an advisory lock held to the end of the transaction. Raises ``NewerStore``.
    """
    if refuse_newer(url) == head():
        return
    engine = _engine(url, immediate=True)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(718281828)"))
            if current(connection) != head():
                upgrade_on(connection, "head")
    finally:
        engine.dispose()


def refuse_newer(url: str) -> str | None:
    """Return the revision of the store, one that this version knows; raises ``NewerStore``."""
    at = _revision(url)
    if at is not None and at not in revisions():
        raise NewerStore(
            f"the store is at revision {at}, which a newer version of leadrelay made: install that version, "
            "or restore a backup from before the upgrade"
        )
    return at


def upgrade_on(connection: sa.Connection, revision: str) -> None:
    """Bring the store to a revision inside the caller's transaction."""
    from alembic import command

    command.upgrade(config(connection), revision)


def _revision(url: str) -> str | None:
    engine = _engine(
        url, immediate=False
    )  # a look takes no write lock: commands look while the daemon writes
    try:
        with engine.connect() as connection:
            return current(connection)
    finally:
        engine.dispose()


def _engine(url: str, *, immediate: bool) -> sa.Engine:
    target = make_url(url)
    if target.get_backend_name() != "sqlite":
        return sa.create_engine(url)
    if target.database:
        Path(target.database).parent.mkdir(parents=True, exist_ok=True)
    return sqlite_engine(url, immediate=immediate)
