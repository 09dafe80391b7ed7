"""The write-ahead log goes into the file beside the writer, and nothing is lost on the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from sync import checkpoints
from sync.checkpoints import ALONE, OWN, WORTH_MOVING, is_safe
from sync.database import SqliteStore, sqlite_engine, sqlite_module

ROWS = 1_000  # in a commit, of somewhat less than a page each
NEEDS_IT = pytest.mark.skipif(
    not is_safe(sqlite_module().sqlite_version_info),
    reason="install pysqlite3-binary: this SQLite may not move pages while another connection writes",
)


@pytest.fixture
def url(tmp_path) -> str:
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def store(url) -> Iterator[SqliteStore]:
    opened = SqliteStore(url)
    opened.write(
        lambda connection: connection.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, text)")
    )
    yield opened
    opened.close()


def fill(store: SqliteStore, commits: int) -> None:
    rows = [{"text": "x" * 3_500}] * ROWS
    for _ in range(commits):
        store.write(
            lambda connection: connection.execute(sa.text("INSERT INTO t (text) VALUES (:text)"), rows)
        )


def log_of(url: str) -> tuple[int, int]:
    """Return how many pages are in the log, and how many of them are in the file, too."""
    engine = sqlite_engine(url, immediate=False)
    with engine.connect() as connection:
        _busy, logged, moved = connection.exec_driver_sql("PRAGMA wal_checkpoint(NOOP)").one()
    engine.dispose()
    return logged, moved


def comes_true(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return False


def movers() -> int:
    return sum(thread.name == "store-checkpointer" for thread in threading.enumerate())


@NEEDS_IT
def test_a_long_log_goes_into_the_file_before_the_writer_would_move_it(store, url):
    before = movers()
    fill(store, WORTH_MOVING // ROWS + 1)
    assert comes_true(lambda: log_of(url)[1] >= WORTH_MOVING)
    assert log_of(url)[0] < OWN
    assert movers() == before + 1


@NEEDS_IT
def test_a_short_log_stays_where_it_is_and_costs_no_thread(store, url):
    before = movers()
    fill(store, 1)
    assert log_of(url)[1] == 0
    assert movers() == before


@NEEDS_IT
def test_a_store_that_is_closed_while_pages_move_has_all_that_was_committed(store, url):
    before = movers()
    fill(store, WORTH_MOVING // ROWS + 1)
    store.close()
    assert movers() <= before
    again = SqliteStore(url)
    with again.snapshot() as snapshot:
        count = snapshot.execute(sa.text("SELECT count(*) FROM t")).scalar_one()
        assert snapshot.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    again.close()
    assert count == (WORTH_MOVING // ROWS + 1) * ROWS


@NEEDS_IT
def test_who_reads_for_long_keeps_the_log_and_not_the_writer(store, url):
    fill(store, 1)
    with store.snapshot() as snapshot:
        seen = sa.text("SELECT count(*) FROM t")
        assert snapshot.execute(seen).scalar_one() == ROWS
        fill(store, 2 * WORTH_MOVING // ROWS)
        assert snapshot.execute(seen).scalar_one() == ROWS
    fill(store, 1)
    assert comes_true(lambda: log_of(url)[1] >= WORTH_MOVING)


@pytest.mark.parametrize(("version", "pages"), [((3, 51, 2), ALONE), ((3, 51, 3), OWN), ((3, 53, 4), OWN)])
def test_a_sqlite_that_cannot_do_both_at_once_leaves_it_to_the_writer(url, monkeypatch, version, pages):
    monkeypatch.setattr(sqlite_module(), "sqlite_version_info", version)
    before = movers()
    opened = SqliteStore(url)
    opened.write(
        lambda connection: connection.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, text)")
    )
    writes_alone = opened.write(
        lambda connection: connection.exec_driver_sql("PRAGMA wal_autocheckpoint").scalar_one()
    )
    if version < (3, 51, 3):
        fill(opened, WORTH_MOVING // ROWS + 1)
        assert movers() == before
    opened.close()
    assert writes_alone == pages


@NEEDS_IT
def test_pages_that_cannot_be_moved_now_stop_nobody(store, url, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "MOVE", "PRAGMA no_such_database.wal_checkpoint")
        fill(store, WORTH_MOVING // ROWS + 1)
        assert comes_true(lambda: "store.checkpoint_failed" in capsys.readouterr().out)
    fill(store, 1)
    assert comes_true(lambda: log_of(url)[1] >= WORTH_MOVING)
