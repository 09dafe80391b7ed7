"""Migrations: from nothing to what the code expects, once, however many start at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from sync import migrate
from sync.tables import metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new' / 'store.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


def test_what_the_steps_make_is_what_the_tables_say(empty_url):
    migrate.upgrade(empty_url)
    engine = sa.create_engine(empty_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        differences = compare_metadata(context, metadata)
        assert differences == []
        assert migrate.current(connection) == migrate.head()
        made = sa.inspect(connection)
        for table in metadata.sorted_tables:
            assert {one["name"] for one in made.get_indexes(table.name)} >= {
                str(index.name) for index in table.indexes
            }
    engine.dispose()


def test_an_upgrade_that_is_repeated_changes_nothing(empty_url):
    migrate.upgrade(empty_url)
    engine = sa.create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO person_keys (lead_id, key) VALUES ('a', 'k')"))
    migrate.upgrade(empty_url)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM person_keys")).scalar_one() == 1
    engine.dispose()


def test_a_store_of_a_newer_version_is_refused_and_left_alone(empty_url):
    migrate.upgrade(empty_url)
    engine = sa.create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(migrate.NewerStore, match=r"revision 9999, .* restore a backup from before"):
        migrate.upgrade(empty_url)
    with engine.connect() as connection:
        assert migrate.current(connection) == "9999"
    engine.dispose()


def test_processes_that_start_at_once_upgrade_once(empty_url):
    code = f"import sys; from sync import migrate; sys.stdin.read(1); migrate.upgrade({empty_url!r})"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(2)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write(b"x")
        process.stdin.flush()
    outputs = [process.communicate(timeout=60)[0].decode() for process in started]
    assert [process.returncode for process in started] == [0, 0], outputs
