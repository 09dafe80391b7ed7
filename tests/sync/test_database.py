"""The store: commits for many at once, undoes one alone, and says busy when nothing was taken."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.errors import LeadRelayError, StoreBusy
from sync import database
from sync.database import (
    SqliteStore,
    Store,
    exclusive,
    exclusive_at,
    open_store,
    sqlite_engine,
    sqlite_module,
)
from sync.tables import person_keys
from tests.sync.stores import count, rows

THREADS = 16


def insert(connection: Connection, name: str, key: str = "k") -> str:
    """Write a row of the simplest table."""
    connection.execute(sa.insert(person_keys), {"lead_id": name, "key": key})
    return name


def in_threads(calls: list[Callable[[], Any]]) -> list[Future[Any]]:
    """Start all calls at one moment and wait for them."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        barrier.wait(10)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [pool.submit(run, call) for call in calls]


class Held:
    """A write that keeps the SQLite writer busy until it is let go."""

    def __init__(self, store: Store) -> None:
        self.began, self.go = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._run, args=(store,))
        self.thread.start()
        assert self.began.wait(5)

    def _run(self, store: Store) -> None:
        with contextlib.suppress(StoreBusy):
            store.write(self._work)

    def _work(self, connection: Connection) -> None:
        self.began.set()
        assert self.go.wait(20)

    def let_go(self) -> None:
        self.go.set()
        self.thread.join(10)


@pytest.fixture
def sqlite(migrated_file: Path, tmp_path: Path) -> Any:
    path = tmp_path / "alone.db"
    path.write_bytes(migrated_file.read_bytes())
    store = open_store(f"sqlite:///{path}")
    yield store
    store.close()


def test_writes_of_many_threads_are_all_there_and_each_gets_its_own_result(store):
    calls = [
        partial(store.write, partial(insert, name=f"{n}-{m}")) for n in range(THREADS) for m in range(4)
    ][: THREADS * 4]
    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(lambda call: call(), calls))
    assert results == [f"{n}-{m}" for n in range(THREADS) for m in range(4)]
    assert count(store, person_keys) == THREADS * 4


def test_a_write_that_raises_undoes_only_its_own_rows(store):
    def fails(connection: Connection, name: str) -> None:
        insert(connection, name)
        raise ValueError(name)

    bad = [partial(store.write, partial(fails, name=f"bad{n}")) for n in range(6)]
    good = [partial(store.write, partial(insert, name=f"good{n}")) for n in range(6)]
    futures = in_threads([*bad, *good])
    assert [str(future.exception()) for future in futures[:6]] == [f"bad{n}" for n in range(6)]
    assert [future.result() for future in futures[6:]] == [f"good{n}" for n in range(6)]
    assert [row["lead_id"] for row in rows(store, person_keys)] == [f"good{n}" for n in range(6)]


def test_a_broken_unique_key_reaches_the_caller_and_leaves_the_store_usable(store):
    store.write(partial(insert, name="a"))
    with pytest.raises(sa.exc.IntegrityError):
        store.write(partial(insert, name="a"))
    assert store.write(partial(insert, name="b")) == "b"


def test_wrong_sql_fails_alone(store):
    def wrong(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO no_such_table VALUES (1)")

    futures = in_threads([partial(store.write, wrong), partial(store.write, partial(insert, name="a"))])
    assert isinstance(futures[0].exception(), sa.exc.SQLAlchemyError)
    assert futures[1].result() == "a"
    assert count(store, person_keys) == 1


def test_an_error_never_shows_the_values_of_a_statement(store):
    store.write(partial(insert, name="a", key="secret-value"))
    with pytest.raises(sa.exc.IntegrityError) as caught:
        store.write(partial(insert, name="a", key="secret-value"))
    assert "secret-value" not in str(caught.value)


def test_a_snapshot_keeps_seeing_the_moment_of_its_first_look(store):
    store.write(partial(insert, name="before"))
    with store.snapshot() as snapshot:
        first = snapshot.execute(sa.select(person_keys.c.lead_id)).scalars().all()
        store.write(partial(insert, name="after"))
        second = snapshot.execute(sa.select(person_keys.c.lead_id)).scalars().all()
    assert (first, second) == (["before"], ["before"])
    assert count(store, person_keys) == 2


def test_a_snapshot_cannot_write_on_postgresql_and_does_not_wait_for_a_writer_on_sqlite(store):
    if store.dialect == "postgresql":
        with pytest.raises(sa.exc.DBAPIError, match="read-only"), store.snapshot() as snapshot:
            insert(snapshot, "a")
        return
    held = Held(store)
    assert count(store, person_keys) == 0
    held.let_go()


def test_writers_wait_in_one_commit_on_sqlite(sqlite):
    commits = []
    sa.event.listen(sqlite._writer_engine, "commit", lambda _connection: commits.append(1))
    held = Held(sqlite)
    with ThreadPoolExecutor(THREADS) as pool:
        waiting = [pool.submit(sqlite.write, partial(insert, name=str(n))) for n in range(THREADS)]
        while sqlite._queue.qsize() < THREADS:
            pass
        held.let_go()
        assert [one.result() for one in waiting] == [str(n) for n in range(THREADS)]
    assert len(commits) == 2


def test_a_full_queue_is_busy_and_takes_nothing(sqlite):
    held = Held(sqlite)
    sqlite._queue.maxsize = 2
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(sqlite.write, partial(insert, name=str(n))) for n in range(2)]
        while sqlite._queue.qsize() < 2:
            pass
        with pytest.raises(StoreBusy, match="too many"):
            sqlite.write(partial(insert, name="late"))
        held.let_go()
        assert sorted(one.result() for one in waiting) == ["0", "1"]
    assert [row["lead_id"] for row in rows(sqlite, person_keys)] == ["0", "1"]


def test_a_write_that_waited_too_long_is_taken_back(sqlite, monkeypatch):
    monkeypatch.setattr(database, "WRITE_TIMEOUT", 0.05)
    held = Held(sqlite)
    with pytest.raises(StoreBusy, match="did not commit within"):
        sqlite.write(partial(insert, name="late"))
    held.let_go()
    monkeypatch.undo()
    sqlite.write(partial(insert, name="next"))
    assert [row["lead_id"] for row in rows(sqlite, person_keys)] == ["next"]


def test_a_full_disk_is_busy_takes_nothing_and_passes(sqlite):
    def limit(pages: int, connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    def pages(connection: Connection) -> int:
        return int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())

    def big(connection: Connection) -> None:
        for n in range(200):
            insert(connection, f"big{n}", "x" * 4000)

    sqlite.write(partial(limit, sqlite.write(pages) + 2))
    held = Held(sqlite)  # so that both stand in one group: the next connection has no limit
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(sqlite.write, big) for _ in range(2)]
        while sqlite._queue.qsize() < 2:
            pass
        held.let_go()
    assert [type(future.exception()) for future in futures] == [StoreBusy, StoreBusy]
    assert "full" in str(futures[0].exception())
    assert count(sqlite, person_keys) == 0
    assert sqlite.write(partial(insert, name="small")) == "small"  # a new connection has no limit
    assert count(sqlite, person_keys) == 1


def test_a_commit_that_fails_is_told_to_all_who_waited(sqlite, monkeypatch):
    def broken(_connection: Connection) -> None:
        raise sa.exc.OperationalError("COMMIT", {}, Exception("disk I/O error"))

    held = Held(sqlite)
    sa.event.listen(sqlite._writer_engine, "commit", broken)
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(sqlite.write, partial(insert, name=str(n))) for n in range(4)]
        while sqlite._queue.qsize() < 4:
            pass
        held.let_go()
        assert {type(one.exception()) for one in waiting} == {StoreBusy}
    sa.event.remove(sqlite._writer_engine, "commit", broken)
    assert count(sqlite, person_keys) == 0
    assert sqlite.write(partial(insert, name="again")) == "again"


def test_close_commits_what_waits_and_then_refuses(sqlite):
    held = Held(sqlite)
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(sqlite.write, partial(insert, name=str(n))) for n in range(8)]
        while sqlite._queue.qsize() < 8:
            pass
        closing = threading.Thread(target=sqlite.close)
        closing.start()
        held.let_go()
        assert sorted(one.result() for one in waiting) == [str(n) for n in range(8)]
        closing.join(10)
    assert not sqlite._thread.is_alive()
    with pytest.raises(StoreBusy, match="closing"):
        sqlite.write(partial(insert, name="late"))
    reopened = SqliteStore(f"sqlite:///{sqlite.path}")
    assert count(reopened, person_keys) == 8
    reopened.close()


def test_a_write_that_meets_close_is_either_kept_or_refused_at_once(migrated_file, tmp_path):
    for attempt in range(5):
        path = tmp_path / f"{attempt}.db"
        path.write_bytes(migrated_file.read_bytes())
        store = open_store(f"sqlite:///{path}")
        calls = [partial(store.write, partial(insert, name=str(n))) for n in range(7)]
        futures = in_threads([*calls, store.close])
        kept = [f.result() for f in futures[:7] if f.exception() is None]
        assert {type(f.exception()) for f in futures[:7]} <= {type(None), StoreBusy}
        again = open_store(f"sqlite:///{path}")
        assert sorted(kept) == [row["lead_id"] for row in rows(again, person_keys)]
        again.close()


def test_postgresql_that_is_away_is_busy(postgres_url):
    store = open_store(postgres_url.rsplit("/", 1)[0] + "/no_such_database")
    with pytest.raises(StoreBusy):
        store.write(partial(insert, name="a"))
    store.close()


def test_postgresql_that_has_become_a_standby_is_busy_and_another_server_is_looked_for(migrated_postgres_url):
    store: Any = open_store(migrated_postgres_url)
    with store._engine.begin() as connection:  # all sessions that are kept lead to it
        connection.exec_driver_sql("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
    with pytest.raises(StoreBusy, match="read-only transaction"):
        store.write(partial(insert, name="a"))
    assert store.write(partial(insert, name="b")) == "b"
    assert [row["lead_id"] for row in rows(store, person_keys)] == ["b"]
    store.close()


def test_a_file_without_a_write_ahead_log_can_be_opened_by_several_at_once(tmp_path):
    """As a copy that ``VACUUM INTO`` made has none: a store's writer and its readers come at one moment."""
    for number in range(20):
        file = tmp_path / f"copy{number}.db"
        with contextlib.closing(sqlite_module().connect(file)) as made:
            made.execute("CREATE TABLE kept (word)")

        def look(url: str = f"sqlite:///{file}") -> int:
            engine = sqlite_engine(url, immediate=False)
            with contextlib.closing(engine.raw_connection()) as connection:
                seen = connection.cursor().execute("SELECT count(*) FROM kept").fetchone()[0]
            engine.dispose()
            return seen

        assert [one.result() for one in in_threads([look] * 4)] == [0, 0, 0, 0]


def test_two_processes_cannot_both_have_the_file(sqlite):
    with (
        exclusive(sqlite),
        pytest.raises(LeadRelayError, match="in use by a running leadrelay"),
        exclusive(sqlite),
    ):
        pass
    with exclusive(sqlite):
        pass


def test_only_known_databases_are_opened():
    with pytest.raises(LeadRelayError, match="mysql is not a store"):
        open_store("mysql://somewhere/x")


def test_the_lock_of_a_store_can_be_held_before_the_store_is_there(tmp_path):
    url = f"sqlite:///{tmp_path / 'new' / 'store.db'}"
    with exclusive_at(url):
        assert not (tmp_path / "new" / "store.db").exists()
        with contextlib.closing(open_store(url)) as store, pytest.raises(LeadRelayError), exclusive(store):
            pass
