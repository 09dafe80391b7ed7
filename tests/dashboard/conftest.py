"""The pages' tests run on SQLite; what they read of the store is tested on both databases in tests/sync."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.database import Store, open_store
from tests.dashboard.house import Desk, a_desk
from tests.sync.stores import plain_logs

__all__ = ["plain_logs"]


@pytest.fixture
def store(tmp_path: Path, migrated_file: Path) -> Iterator[Store]:
    """An empty store."""
    shutil.copy(migrated_file, tmp_path / "store.db")
    opened = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    yield opened
    opened.close()


@pytest.fixture
def desk(store: Store) -> Desk:
    """The pages of a sandbox run, over an empty store: whoever is at this machine is let in."""
    return a_desk(store, is_open=True)


@pytest.fixture
def closed(store: Store) -> Desk:
    """The pages as they are in earnest: Ada may sign in, nobody has."""
    return a_desk(store, is_open=False, people={"ada": "correct horse battery"})
