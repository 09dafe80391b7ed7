"""Migrations: from nothing to what the code expects, once, however many start at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from mappings.matcher import company
from model.event import IMPORT
from sync import accounts, migrate, tables
from sync.database import sqlite_engine
from sync.tables import metadata
from tests.builders import NOON

REPOSITORY = Path(__file__).parents[2]


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


def test_the_steps_are_a_line_in_the_order_of_their_files_names():
    steps = ScriptDirectory.from_config(migrate.config())
    assert [step.revision for step in steps.walk_revisions()] == sorted(migrate.revisions(), reverse=True)
    assert steps.get_current_head() == migrate.head()


def test_a_look_at_the_revision_does_not_load_alembic(tmp_path):
    url = f"sqlite:///{tmp_path / 'store.db'}"
    migrate.upgrade(url)
    code = (
        f"import sys; from sync import migrate; migrate.upgrade({url!r}); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0


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
            cwd=REPOSITORY,
        )
        for _ in range(2)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write(b"x")
        process.stdin.flush()
    outputs = [process.communicate(timeout=60)[0].decode() for process in started]
    assert [process.returncode for process in started] == [0, 0], outputs


def _engine(url: str) -> sa.Engine:
    """Open a database for one transaction, also where its folder is still to be made."""
    target = sa.make_url(url)
    if target.get_backend_name() != "sqlite":
        return sa.create_engine(url)
    Path(str(target.database)).parent.mkdir(parents=True)
    return sqlite_engine(url, immediate=True)


NAMES = ("Acme GmbH", "Äcme, Inc.", "x" * 300, "a\0b", "株式会社 日本", "", None, 5, ["no name"])


def test_steps_fill_what_they_add_to_a_store_that_holds_data(empty_url):
    companies = [
        {"domain": f"d{n}.example", "name": NAMES[n % len(NAMES)], "phone": f"+49 30 {n:07}"}
        for n in range(1_002)  # more than are read at a time
    ]
    companies[0]["name"] = companies[0]["domain"]
    batch = {"batch": "b1", "file": "fair.csv"}
    posts = [
        ("intake", {"body": {}, IMPORT: batch}),
        ("intake", {"body": {"text": 'is "import":{"batch":"b9"} here'}}),
        ("changed", {"fields": {}}),
    ]
    engine = _engine(empty_url)
    made = {"space": "main", "created_at": NOON, "updated_at": NOON}
    with engine.begin() as connection:
        migrate.upgrade_on(connection, "0028")
        rows = [
            made | {"id": f"ac_{n}", "version": 1, "domain": one["domain"], "fields": one, "provenance": []}
            for n, one in enumerate(companies)
        ]
        connection.execute(sa.insert(tables.accounts), rows)
        rows = [
            {
                "id": n,
                "space": "main",
                "source": "website",
                "event_id": f"e{n}",
                "kind": kind,
                "payload": payload,
            }
            | {"state": "new", "occurred_at": NOON, "received_at": NOON, "attempts": 0, "cause": ""}
            for n, (kind, payload) in enumerate(posts, 1)
        ]
        connection.execute(sa.insert(tables.inbox_events), rows)
        user = {"name": "ada", "password": "x", "created_at": NOON, "changed_at": NOON}
        connection.execute(sa.insert(tables.users), [user])
    engine.dispose()
    migrate.upgrade(empty_url)
    engine = sa.create_engine(empty_url)
    with engine.connect() as connection:
        of_batch = sa.select(tables.inbox_events.c.batch).order_by(tables.inbox_events.c.id)
        assert connection.execute(of_batch).scalars().all() == ["b1", None, None]
        assert connection.execute(sa.select(tables.users.c.role)).scalars().all() == ["admin"]
        c = tables.accounts.c
        found = connection.execute(sa.select(c.fields, c.name_key, c.name_sounds, c.phone_key)).all()
        assert len(found) == len(companies)
        for row in found:
            keys = dict(company.keys_of_account(row.fields).each)
            assert [keys.get(one) for one in accounts.NO_KEYS] == [*row[1:]]
        assert {row.name_key for row in found} >= {"acme", "x" * 64, "株式会社日本"}
    engine.dispose()
