"""Fixtures: an empty store of this version, once on SQLite (a file) and once on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog

from sync.database import Store, open_store

DIALECTS = ("sqlite", "postgresql")


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> None:
    """Log in plain lines: structlog's own tracebacks show every local and take seconds to draw."""
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()]
    )


@pytest.fixture(params=DIALECTS)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store; every test that asks for it runs on both databases."""
    if request.param == "sqlite":
        path = tmp_path / "store.db"
        shutil.copy(request.getfixturevalue("migrated_file"), path)
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("migrated_postgres_url")
    return url


@pytest.fixture
def opened(store_url: str) -> Iterator[Callable[[], Store]]:
    """Opens the test's store once more, as another process would; all are closed at the end."""
    stores: list[Store] = []

    def _open() -> Store:
        stores.append(open_store(store_url))
        return stores[-1]

    yield _open
    for one in stores:
        one.close()


@pytest.fixture
def store(opened: Callable[[], Store]) -> Store:
    """An empty store on each database."""
    return opened()


def rows(store: Store, table: sa.Table, *order: Any) -> list[dict[str, Any]]:
    """Return what a table holds, in the order of its key unless told otherwise."""
    with store.snapshot() as snapshot:
        found = snapshot.execute(sa.select(table).order_by(*(order or table.primary_key.columns)))
        return [dict(row._mapping) for row in found]


def count(store: Store, table: sa.Table) -> int:
    """Return how many rows a table holds."""
    with store.snapshot() as snapshot:
        return snapshot.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
