"""What every test may ask for: a PostgreSQL database of its own; and no skips where none may be."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from hypothesis import HealthCheck, settings
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.default import DefaultDialect
from werkzeug.routing import Rule

from leadrelay import garbage, logs
from mappings import loader
from sync import migrate
from sync.tables import metadata
from tests import postgres, selection

SHARED = "LEADRELAY_TEST_SHARED"  # a folder of this run, the same for all of its worker processes
POSTGRES = "LEADRELAY_TEST_POSTGRES_URL"
NO_SKIPS = "LEADRELAY_NO_SKIPS"
WITHOUT_POSTGRES = f"install PostgreSQL or set {POSTGRES}"

# No test fails because a machine is slow.
settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder that the run's worker processes share (they inherit the variable).

    And let Python keep what it compiles, whatever the shell says: else each worker rewrites the asserts of
    all tests, and each daemon that a test starts compiles every library anew.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if not hasattr(config, "workerinput"):
        selection.decide(config)
        shared = tempfile.mkdtemp(prefix="leadrelay-tests-")
        Path(shared).chmod(0o755)  # PostgreSQL runs as somebody else when we are root
        os.environ[SHARED] = shared


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose what this run has: see ``tests.selection``.

    Without PostgreSQL all stories run on SQLite; who names a test with its store gets that one.
    """
    is_named = any("[" in argument for argument in config.args)
    if not is_named and (postgres.binaries() is not None or POSTGRES in os.environ):
        selection.in_turns(items)
    if selection.is_quick():
        selection.leave_out(config, items)


def pytest_collection_finish() -> None:
    """Have the collector of garbage leave alone what stays for the whole run: thousands of tests."""
    garbage.rest()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what a quick run has left out."""
    if selection.is_quick():
        terminalreporter.write_line(f"{selection.LEFT_OUT}: `make test WHOLE=1` runs them, too")


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


@pytest.fixture(scope="session", autouse=True)
def _playbooks_parsed_once() -> Iterator[None]:
    """Let all tests of a worker share what YAML says: each house reads the starter several times."""
    parse = loader.parse
    parsed: dict[tuple[bytes, str], loader.Document] = {}

    def once(raw: bytes, name: str) -> loader.Document:
        if (raw, name) not in parsed:
            parsed[raw, name] = parse(raw, name)
        return replace(parsed[raw, name])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loader, "parse", once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _routes_built_once() -> Iterator[None]:
    """Let all web applications of a worker share what builds their URLs.

    Werkzeug compiles two functions for each route of each application: a millisecond each, and a house with
    its door and pages has a hundred. They depend on nothing but the rule.
    """
    build = Rule._compile_builder
    built: dict[Any, Any] = {}

    def once(rule: Rule, append_unknown: bool = True) -> Any:
        converters = (
            {name: repr(vars(one)) for name, one in rule._converters.items()} if rule.defaults else {}
        )
        key = (
            append_unknown,
            tuple(rule._trace),
            frozenset(rule.arguments),
            repr((rule.defaults, converters)),
        )
        if key not in built:
            built[key] = build(rule, append_unknown)
        return built[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", once)
        yield


@pytest.fixture(autouse=True)
def _no_log_of_a_command(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep a command from setting up logging: that would outlive its streams and silence later tests."""
    monkeypatch.setattr(logs, "configure", lambda *_, **__: None)
    before = structlog.get_config()
    yield
    structlog.configure(**before)


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
def shared_database(postgres_server: URL) -> Iterator[tuple[str, Callable[[], None]]]:
    """A PostgreSQL database of this worker's own with the tables of this version, and what empties it."""
    with postgres.database(postgres_server) as url:
        migrate.upgrade(url)
        with postgres.emptier(url, [table.name for table in metadata.sorted_tables]) as empty:
            yield url, empty


@pytest.fixture
def migrated_postgres_url(shared_database: tuple[str, Callable[[], None]]) -> str:
    """The URL of an empty PostgreSQL store, as new."""
    url, empty = shared_database
    empty()
    return url


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
