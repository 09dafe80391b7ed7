"""What every test may ask for: a PostgreSQL database of its own; and no skips where none may be."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.default import DefaultDialect

from sync import migrate
from tests import postgres

SHARED = "LEADRELAY_TEST_SHARED"  # a folder of this run, the same for all of its worker processes
POSTGRES = "LEADRELAY_TEST_POSTGRES_URL"
NO_SKIPS = "LEADRELAY_NO_SKIPS"
WITHOUT_POSTGRES = f"install PostgreSQL or set {POSTGRES}"


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder that the run's worker processes share (they inherit the variable)."""
    if not hasattr(config, "workerinput"):
        shared = tempfile.mkdtemp(prefix="leadrelay-tests-")
        Path(shared).chmod(0o755)  # PostgreSQL runs as somebody else when we are root
        os.environ[SHARED] = shared


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what the run's workers shared."""
    if not hasattr(config, "workerinput"):
        shared = Path(os.environ.pop(SHARED))
        postgres.stop(shared / "postgres")
        shutil.rmtree(shared, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> URL:
    """A server that the whole run shares.

    The one that ``LEADRELAY_TEST_POSTGRES_URL`` names; else one started by the first
    worker that asks, where PostgreSQL is installed.
    """
    if given := os.environ.get(POSTGRES):
        return make_url(given)
    if postgres.binaries() is None:
        pytest.skip(WITHOUT_POSTGRES)
    shared = Path(os.environ[SHARED])
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        url = shared / "postgres-url"
        if not url.exists():
            url.write_text(postgres.start(shared / "postgres"))
        return make_url(url.read_text())


@pytest.fixture(scope="session", autouse=True)
def _statements_compiled_once() -> Iterator[None]:
    """Let all engines of a run share what they compile: each test opens its own, and would compile anew.

    SQLAlchemy keeps what it has compiled by engine, under the engine's dialect; here dialects of one
    driver are equal to each other.
    """
    create, compiled = sa.create_engine, {"sqlite": {}, "postgresql": {}}

    def shared(url: Any, **given: Any) -> sa.Engine:
        engine = create(url, **given)
        return engine.execution_options(compiled_cache=compiled[engine.dialect.name])

    def is_alike(self: DefaultDialect, other: object) -> bool:
        return isinstance(other, DefaultDialect) and (self.name, self.driver) == (other.name, other.driver)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sa, "create_engine", shared)
        patch.setattr(DefaultDialect, "__eq__", is_alike)
        patch.setattr(DefaultDialect, "__hash__", lambda self: hash((self.name, self.driver)))
        yield


@pytest.fixture
def postgres_url(postgres_server: URL) -> Iterator[str]:
    """The URL of an empty PostgreSQL database that is this test's own."""
    with postgres.database(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the tables of this version, to copy."""
    path = tmp_path_factory.mktemp("stores") / "empty.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_database(postgres_server: URL) -> Iterator[str]:
    """The name of a PostgreSQL database with the tables of this version, a template for others."""
    with postgres.database(postgres_server) as url:
        migrate.upgrade(url)
        yield str(make_url(url).database)


@pytest.fixture
def migrated_postgres_url(postgres_server: URL, migrated_database: str) -> Iterator[str]:
    """The URL of a PostgreSQL database of this test's own, with the tables of this version."""
    with postgres.database(postgres_server, migrated_database) as url:
        yield url


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count a skipped test as a failure where ``LEADRELAY_NO_SKIPS`` is set, as CI does."""
    report = yield
    if not hasattr(report, "wasxfail"):
        _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Do the same for a module that skips itself."""
    report = yield
    _refuse_skip(report)
    return report


def _refuse_skip(report: Any) -> None:
    if report.outcome == "skipped" and os.environ.get(NO_SKIPS):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason}\n{NO_SKIPS} is set: every test must run."
