"""The store: one writer with group commit on SQLite, plain sessions on PostgreSQL, snapshots on both."""

from __future__ import annotations

import contextlib
import fcntl
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

from model.errors import LeadRelayError, StoreBusy
from sync.checkpoints import ALONE, OWN, Checkpointer, is_safe

log = structlog.get_logger("leadrelay.store")

T = TypeVar("T")
Item = TypeVar("Item")
Work = Callable[[Connection], T]
Waiting = tuple[Work[Any], Future[Any]]  # a write and who waits for it

QUEUE_LIMIT = 2_000  # writes waiting for the one writer; past that senders get 503 and send again
GROUP_LIMIT = 256  # writes in one commit
WRITE_TIMEOUT = 10.0  # seconds a caller waits for its commit
WRITE_ATTEMPTS = 3  # on PostgreSQL, where it ends a transaction in favour of another
BROKEN_OFF = ("40P01", "40001")  # deadlock_detected, serialization_failure
READ_ONLY = "25006"  # read_only_sql_transaction: a standby, or a server that has just become one
APPLICATION = "leadrelay"  # what PostgreSQL calls our sessions, unless the URL has another name
BUSY_SECONDS = 30  # a connection waits for what another one does with the SQLite file
SQLITE_ERROR = 1  # what a statement says is wrong, not what the disk or another process does


class Signals:
    """Wakes loops after a commit: ``announce("inbox")`` sets the event that the decider waits on.

    Where other processes work on the store, ``relay`` is asked first, which may not block: it returns whether
    it has some process told, which may be this one.
    """

    def __init__(self) -> None:
        self._events: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self.relay: Callable[[str], bool] | None = None

    def event(self, name: str) -> threading.Event:
        """Return the event of that name, the same one for every caller."""
        with self._lock:
            if name not in self._events:
                self._events[name] = threading.Event()
            return self._events[name]

    def announce(self, name: str) -> None:
        """Say that there is work of this name."""
        if self.relay is None or not self.relay(name):
            self.event(name).set()


@dataclass(frozen=True, slots=True)
class Shared(Generic[Item, T]):
    """Work of a kind that the one writer does at once for all who wait with it.

    ``act`` gets everybody's items and returns a result for each, in order.
    """

    act: Callable[[Connection, Sequence[Item]], Sequence[T]]
    item: Item

    def __call__(self, connection: Connection) -> T:
        """Do it for one caller alone."""
        return self.act(connection, [self.item])[0]


class Store(Protocol):
    """Where everything is kept."""

    signals: Signals
    dialect: str
    path: str  # of the SQLite file; empty elsewhere

    def snapshot(self) -> contextlib.AbstractContextManager[Connection]:
        """Open a read-only view of one moment; nothing is locked for writers."""

    def write(self, work: Work[T]) -> T:
        """Run ``work`` in a transaction and return its result after the commit.

        ``work`` may run together with others in one commit, and again from the start where
        the database broke its transaction off; if it raises, only its own changes are undone
        and the exception reaches the caller. Raises ``StoreBusy`` when the store cannot
        commit: nothing was taken.
        """

    def close(self) -> None:
        """Finish what was begun and let go of the database."""


WHILE_IT_RESTARTS = (0.5, 1.0, 2.0, 4.0)  # seconds between the tries to keep what came of a call


def write_again(store: Store, work: Work[T], waits: Sequence[float]) -> T:
    """Write what came of a call, which cannot be asked for again; after each of these waits once more.

    A database that is started again is away for seconds, and what somebody stored at the same moment under
    the same key is there at the next try. ``work`` must do nothing where it was done: a commit's answer may
    be lost. Raises as ``Store.write`` in the end.
    """
    for wait in waits:
        try:
            return store.write(work)
        except (StoreBusy, IntegrityError) as error:
            log.warning("store.write_later", reason=type(error).__name__, seconds=wait)
            time.sleep(wait)
    return store.write(work)


def insert_for(connection: Connection, table: sa.Table) -> Any:
    """Return the INSERT of the connection's dialect, which knows ON CONFLICT."""
    return insert_on(connection.dialect.name, table)


def insert_on(dialect: str, table: sa.Table) -> Any:
    """Return a dialect's INSERT, for statements that are built once and kept."""
    if dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert(table)
    from sqlalchemy.dialects.postgresql import insert as postgres_insert

    return postgres_insert(table)


def open_store(url: str) -> Store:
    """Open the store at a SQLAlchemy URL; ``sqlite:///file`` or ``postgresql+psycopg://…``."""
    backend = make_url(url).get_backend_name()
    if backend == "sqlite":
        return SqliteStore(url)
    if backend == "postgresql":
        return PostgresStore(url)
    raise LeadRelayError(
        f"LEADRELAY_DATABASE_URL: {backend} is not a store; use sqlite or postgresql+psycopg"
    )


def sqlite_module() -> Any:
    """Return pysqlite3 where its wheel exists (a SQLite without the WAL-reset bug), else the standard one."""
    try:
        import pysqlite3

        return pysqlite3
    except ImportError:
        import sqlite3

        return sqlite3


def sqlite_engine(url: str, *, immediate: bool) -> Engine:
    """Build an engine whose transactions begin as we say, not as the driver guesses.

    Without BEGIN IMMEDIATE a transaction that reads and then writes fails at once with
    "database is locked", whatever the busy timeout.
    """
    engine = sa.create_engine(
        url, module=sqlite_module(), connect_args={"check_same_thread": False}, hide_parameters=True
    )
    begin = "BEGIN IMMEDIATE" if immediate else "BEGIN"
    # A reader drops its cache whenever the writer has committed: only the writer's is worth its memory.
    cache_kib = 8_000 if immediate else 2_000

    @sa.event.listens_for(engine, "connect")
    def _prepare(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = None
        dbapi_connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
        _to_wal(dbapi_connection)
        for pragma in (
            "synchronous=FULL",  # an acknowledgement is a promise
            "foreign_keys=ON",
            "temp_store=MEMORY",
            f"cache_size=-{cache_kib}",
            f"wal_autocheckpoint={OWN if _has_help() else ALONE}",
        ):
            dbapi_connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _has_help() -> bool:
    return is_safe(sqlite_module().sqlite_version_info)


def _to_wal(dbapi_connection: Any) -> None:
    """Have a file keep a write-ahead log, which it does for good once one connection has said so.

    Where several say so at the same moment, as with a copy that a reader and the writer open, SQLite refuses
    all but one at once: each holds what the other waits for, so no busy timeout helps.
    """
    retrying = Retrying(
        retry=retry_if_exception_type(sqlite_module().OperationalError),
        stop=stop_after_delay(BUSY_SECONDS),
        wait=wait_random(0.005, 0.05),
        reraise=True,
    )
    retrying(dbapi_connection.execute, "PRAGMA journal_mode=WAL")


class SqliteStore:
    """One file, one writer thread; readers never wait for it (WAL)."""

    dialect = "sqlite"

    def __init__(self, url: str) -> None:
        self.signals = Signals()
        self.path = make_url(url).database or ""
        if self.path:
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        self._writer_engine = sqlite_engine(url, immediate=True)
        self._reader_engine = sqlite_engine(url, immediate=False)
        self._checkpointer = Checkpointer(self._writer_engine.raw_connection) if _has_help() else None
        self._queue: queue.Queue[Waiting | None] = queue.Queue(QUEUE_LIMIT)
        self._closed = False
        self._closing = threading.Lock()  # nothing is queued behind the end
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Open a read transaction on a connection of its own."""
        with self._reader_engine.connect() as connection, connection.begin():
            yield connection

    def write(self, work: Work[T]) -> T:
        """Hand ``work`` to the writer thread and wait for the commit."""
        future: Future[T] = Future()
        with self._closing:
            if self._closed:
                raise StoreBusy("the store is closing")
            try:
                self._queue.put_nowait((work, future))
            except queue.Full:
                raise StoreBusy("the store has too many writes waiting") from None
        try:
            return future.result(timeout=WRITE_TIMEOUT)
        except TimeoutError:
            # Still waiting: take it back. Once it runs, its outcome must not be guessed: wait it out.
            if future.cancel():
                raise StoreBusy(f"the store did not commit within {WRITE_TIMEOUT:g} s") from None
            return future.result()

    def close(self) -> None:
        """Commit what waits, then stop the writer."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        self._queue.put(None)
        self._thread.join(timeout=30)
        if self._checkpointer is not None:
            self._checkpointer.close()
        self._writer_engine.dispose()
        self._reader_engine.dispose()

    def _run(self) -> None:
        """Commit what waits: shared work first, for senders wait for it; other work may take long."""
        waiting: list[Waiting] = []
        with self._writer_engine.connect() as connection:
            while self._collect(waiting):
                shared = [one for one in waiting if isinstance(one[0], Shared)]
                others = [one for one in waiting if not isinstance(one[0], Shared)]
                waiting = []
                if shared:
                    self._commit(connection, shared)
                    others, waiting = others[:1], others[1:]
                if others:
                    self._commit(connection, others)

    def _collect(self, waiting: list[Waiting]) -> bool:
        """Add what has been handed in; wait while there is nothing at all. ``False``: closed, all is done."""
        with contextlib.suppress(queue.Empty):
            while len(waiting) < GROUP_LIMIT:
                one = self._queue.get(block=not waiting)
                if one is None:
                    self._queue.put(None)  # close once nothing waits any more
                    return bool(waiting)
                waiting.append(one)
        return True

    def _commit(self, connection: Connection, group: list[Waiting]) -> None:
        """Run a group in one transaction, a savepoint each, and answer everyone after the commit."""
        answers: list[tuple[Future[Any], Any, BaseException | None]] = []
        group = [(work, future) for work, future in group if future.set_running_or_notify_cancel()]
        try:
            with connection.begin():
                for some in _together(group):
                    answers += self._run_some(connection, some)
        except BaseException as error:  # noqa: BLE001 - whatever it is, every waiting sender must hear of it
            log.error("store.commit_failed", error=_first_line(error), writes=len(group))
            with contextlib.suppress(DBAPIError):
                connection.rollback()
            connection.invalidate()
            for _work, future in group:
                future.set_exception(StoreBusy(f"the store could not commit: {_first_line(error)}"))
            return
        for future, result, failure in answers:
            if failure is not None:
                future.set_exception(failure)
            else:
                future.set_result(result)
        if self._checkpointer is not None:
            self._checkpointer.look(connection.connection.cursor())

    def _run_some(
        self, connection: Connection, some: Sequence[Waiting]
    ) -> list[tuple[Future[Any], Any, BaseException | None]]:
        """Run what goes together in one savepoint; if that fails, each alone: none fails for another."""
        shared = [work for work, _ in some if isinstance(work, Shared)]
        if len(shared) > 1:
            act, items = shared[0].act, [work.item for work in shared]
            results, failure = self._run_one(connection, lambda on: act(on, items))
            if failure is None and results is not None:
                return [(future, result, None) for (_, future), result in zip(some, results, strict=True)]
        return [(future, *self._run_one(connection, work)) for work, future in some]

    @staticmethod
    def _run_one(connection: Connection, work: Work[T]) -> tuple[T | None, BaseException | None]:
        connection.exec_driver_sql("SAVEPOINT work")
        try:
            result = work(connection)
        except BaseException as error:  # handed to the caller that brought the work
            if is_away(error):
                raise  # disk full, I/O: the whole group fails, nothing was taken
            connection.exec_driver_sql("ROLLBACK TO work")
            connection.exec_driver_sql("RELEASE work")
            return None, error
        connection.exec_driver_sql("RELEASE work")
        return result, None


class PostgresStore:
    """Each write is a session of its own; PostgreSQL groups commits itself."""

    dialect = "postgresql"

    def __init__(self, url: str) -> None:
        self.signals = Signals()
        self.path = ""
        self._engine = sa.create_engine(
            url,
            pool_size=20,
            max_overflow=20,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"fallback_application_name": APPLICATION},
        )
        self._reader = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Open a REPEATABLE READ, READ ONLY transaction."""
        with self._reader.connect() as connection, connection.begin():
            yield connection

    def write(self, work: Work[T]) -> T:
        """Run ``work`` in a READ COMMITTED transaction; one that PostgreSQL broke off is run again."""
        attempt = 1
        while True:
            try:
                with self._engine.begin() as connection:
                    return work(connection)
            except PoolTimeout as error:
                raise StoreBusy("all connections to PostgreSQL are in use") from error
            except DBAPIError as error:
                state = getattr(error.orig, "sqlstate", "")
                if state == READ_ONLY:
                    self._engine.dispose()  # the address may lead to another server by now
                elif not isinstance(error, OperationalError):
                    raise
                if state not in BROKEN_OFF or attempt == WRITE_ATTEMPTS:
                    raise StoreBusy(f"PostgreSQL cannot commit now: {_first_line(error)}") from error
                log.info("store.write_again", reason=_first_line(error))
                attempt += 1

    def close(self) -> None:
        """Close the pool."""
        self._engine.dispose()


def _together(group: Sequence[Waiting]) -> Iterable[Sequence[Waiting]]:
    """Put shared work where the first of its kind stands; all other work stays alone, in order."""
    parts: dict[object, list[Waiting]] = {}
    for work, future in group:
        parts.setdefault(work.act if isinstance(work, Shared) else future, []).append((work, future))
    return parts.values()


@contextlib.contextmanager
def exclusive(store: Store) -> Iterator[None]:
    """Hold the SQLite file's daemon lock: one daemon, or one writing command while no daemon runs.

    Raises ``LeadRelayError`` when another process holds it. PostgreSQL needs none: its
    leases fence what processes do.
    """
    with _locked(store.path):
        yield


def may_be_there(url: str) -> bool:
    """Say whether there may be a store at ``url``; of a database server nobody knows before it is asked."""
    target = make_url(url)
    return target.get_backend_name() != "sqlite" or Path(target.database or "").is_file()


@contextlib.contextmanager
def exclusive_at(url: str) -> Iterator[None]:
    """Hold the same lock before the store is opened, so that its tables can be made or changed first.

    An opened store has a connection at work: two that turn a new file to WAL lock each other out.
    """
    target = make_url(url)
    path = (target.database or "") if target.get_backend_name() == "sqlite" else ""
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    with _locked(path):
        yield


@contextlib.contextmanager
def _locked(path: str) -> Iterator[None]:
    if not path:
        yield
        return
    with open(f"{path}.lock", "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LeadRelayError(f"{path} is in use by a running leadrelay") from None
        yield


def is_away(error: BaseException) -> bool:
    """Say whether the database itself is in trouble (disk, memory, connection, another's lock): try later."""
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, OperationalError):
        return False
    return getattr(error.orig, "sqlite_errorcode", None) != SQLITE_ERROR


def _first_line(error: BaseException) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return str(cause).splitlines()[0] if str(cause) else type(cause).__name__
