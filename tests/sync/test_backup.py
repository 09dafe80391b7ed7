"""Backup and restore: every row comes back, on either database, or the store is as it was."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest
import sqlalchemy as sa

from model.errors import LeadRelayError
from sync import migrate
from sync.database import exclusive, open_store
from sync.keeping import archive as archives
from sync.keeping import restored
from sync.keeping.archive import ArchiveError
from sync.keeping.backup import backup
from sync.keeping.restore import NotEmpty, check, restore
from sync.tables import connections, leads, leases, links, metadata, outbox_changes
from tests.sync.filling import LATER, fill, rows_of


@pytest.fixture
def urls(tmp_path, postgres_url) -> dict[str, str]:
    """Empty stores to restore into."""
    return {"sqlite": f"sqlite:///{tmp_path / 'other' / 'store.db'}", "postgresql": postgres_url}


@pytest.fixture
def filled(store):
    store.write(fill)
    return store


def rows_at(url: str) -> dict:
    store = open_store(url)
    try:
        with store.snapshot() as snapshot:
            return rows_of(snapshot)
    finally:
        store.close()


def restored_to(file: Path, url: str, **how):
    with archives.opened(file) as archive:
        check(archive)
        return restore(archive, url, LATER, **how)


def rewritten(file: Path, target: Path, change) -> Path:
    """Copy a backup entry by entry, through ``change(name, bytes)``; ``None`` leaves it out."""
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = change(name, old.read(name))
            if data is not None:
                new.writestr(name, data)
    return target


def test_every_table_is_in_a_backup(filled, tmp_path):
    manifest = backup(filled, tmp_path / "b.zip", LATER)
    assert {name: one.rows for name, one in manifest.tables.items()} == dict.fromkeys(metadata.tables, 3)


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_every_row_comes_back_on_the_other_database_and_back_again(filled, store_url, urls, tmp_path, target):
    filled.write(lambda connection: restored.put_to_rest(connection, LATER))
    before = rows_at(store_url)
    backup(filled, tmp_path / "first.zip", LATER)
    restored_to(tmp_path / "first.zip", urls[target])
    there = rows_at(urls[target])
    assert without_epochs(there) == without_epochs(before)
    other = open_store(urls[target])
    backup(other, tmp_path / "second.zip", LATER)
    other.close()
    back = f"sqlite:///{tmp_path / 'back.db'}"
    restored_to(tmp_path / "second.zip", back)
    assert without_epochs(rows_at(back)) == without_epochs(before)


def without_epochs(rows: dict) -> dict:
    """Leave the epochs out, which every restore raises."""
    epoch = leases.columns.keys().index("epoch")
    return rows | {"leases": [row[:epoch] + row[epoch + 1 :] for row in rows["leases"]]}


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_numbers_go_on_behind_the_highest(filled, urls, tmp_path, target):
    backup(filled, tmp_path / "b.zip", LATER)
    restored_to(tmp_path / "b.zip", urls[target])
    store = open_store(urls[target])
    for table in metadata.sorted_tables:
        key = table.autoincrement_column
        if key is None:
            continue
        values = {column.name: None for column in table.columns if column.nullable}

        def add(connection, table=table, key=key, values=values):
            newest = connection.execute(sa.select(sa.func.max(key))).scalar_one()
            row = dict(connection.execute(sa.select(table).where(key == newest)).one()._mapping)
            unique = {
                "event_id",
                "remote_id",
                "doubt",
                "lead_id",
                "account_id",
                "deal_id",
                "domain",
                "entity_id",
                "key",
                "shelf",
                "asked",
                "record",
                "other",
            } & row.keys()
            row |= values | dict.fromkeys(unique, "another")
            del row[key.name]
            made = connection.execute(sa.insert(table).values(row).returning(key)).scalar_one()
            assert made == newest + 1, table.name

        store.write(add)
    store.close()


def test_what_goes_on_meanwhile_is_not_in_it(filled, tmp_path):
    """The rows are of one moment, whichever table is read when."""

    def meddle(table: str, _rows: int) -> None:
        if table == list(metadata.sorted_tables)[2].name:
            filled.write(lambda connection: connection.execute(sa.delete(leads)))
            filled.write(lambda connection: connection.execute(sa.delete(outbox_changes)))

    manifest = backup(filled, tmp_path / "b.zip", LATER, meddle)
    assert manifest.tables["leads"].rows == manifest.tables["outbox_changes"].rows == 3


def test_a_restored_store_relies_on_nothing_that_was_under_way(filled, urls, tmp_path):
    backup(filled, tmp_path / "b.zip", LATER)
    restored_to(tmp_path / "b.zip", urls["sqlite"], observe=True)
    store = open_store(urls["sqlite"])
    with store.snapshot() as snapshot:
        o = outbox_changes.c
        leased = {tuple(row) for row in snapshot.execute(sa.select(o.lease_token, o.lease_until))}
        assert leased == {("restored", LATER), (None, None)}
        assert all(value is not None for value in snapshot.execute(sa.select(o.in_flight)).scalars())
        assert set(snapshot.execute(sa.select(links.c.read_at)).scalars()) == {None}
        assert set(snapshot.execute(sa.select(leases.c.until)).scalars()) == {LATER}
        assert set(snapshot.execute(sa.select(connections.c.mode)).scalars()) == {"observe"}
    store.close()


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_a_store_that_holds_something_is_left_alone(filled, urls, tmp_path, target):
    backup(filled, tmp_path / "b.zip", LATER)
    restored_to(tmp_path / "b.zip", urls[target])
    before = rows_at(urls[target])
    with pytest.raises(NotEmpty):
        restored_to(tmp_path / "b.zip", urls[target])
    assert rows_at(urls[target]) == before


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_an_empty_store_of_this_version_is_filled(filled, urls, tmp_path, target):
    backup(filled, tmp_path / "b.zip", LATER)
    migrate.upgrade(urls[target])
    assert restored_to(tmp_path / "b.zip", urls[target]) is None
    assert len(rows_at(urls[target])["leads"]) == 3


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_a_store_can_be_replaced(filled, urls, tmp_path, target):
    backup(filled, tmp_path / "b.zip", LATER)
    restored_to(tmp_path / "b.zip", urls[target])
    store = open_store(urls[target])
    store.write(lambda connection: connection.execute(sa.delete(leads).where(leads.c.score == 1)))
    store.close()
    kept = restored_to(tmp_path / "b.zip", urls[target], replace=True)
    assert len(rows_at(urls[target])["leads"]) == 3
    assert (kept is None) == (target == "postgresql")
    if kept is not None:
        assert len(rows_at(f"sqlite:///{kept}")["leads"]) == 2


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_a_restore_that_breaks_off_leaves_the_store_as_it_was(filled, urls, tmp_path, monkeypatch, target):
    backup(filled, tmp_path / "b.zip", LATER)
    restored_to(tmp_path / "b.zip", urls[target])
    before = rows_at(urls[target])

    def breaks(*_args, **_more):
        raise LeadRelayError("pulled the plug")

    monkeypatch.setattr(restored, "put_to_rest", breaks)
    with pytest.raises(LeadRelayError, match="pulled the plug"):
        restored_to(tmp_path / "b.zip", urls[target], replace=True)
    assert rows_at(urls[target]) == before
    if target == "sqlite":
        folder = Path(urls["sqlite"].removeprefix("sqlite:///")).parent
        assert {one.name for one in folder.iterdir()} <= {
            "store.db",
            "store.db.lock",
            "store.db-shm",
            "store.db-wal",
        }


def test_no_restore_under_a_running_daemon(filled, urls, tmp_path):
    backup(filled, tmp_path / "b.zip", LATER)
    for url in urls.values():
        migrate.upgrade(url)
        store = open_store(url)
        with exclusive(store), store.snapshot() as snapshot:
            snapshot.execute(sa.select(leads)).all()
            with pytest.raises(LeadRelayError, match=r"in use|at work"):
                restored_to(tmp_path / "b.zip", url, replace=True)
        store.close()


def test_a_damaged_backup_is_refused_before_anything_is_touched(filled, urls, tmp_path):
    backup(filled, tmp_path / "b.zip", LATER)

    def spoil(name: str, data: bytes) -> bytes:
        return data.replace(b"Zo", b"Zu") if name == "tables/leads.jsonl" else data

    def shorten(name: str, data: bytes) -> bytes:
        return data.split(b"\n", 1)[1] if name == "tables/leads.jsonl" else data

    def lose(name: str, data: bytes) -> bytes | None:
        return None if name == "tables/leads.jsonl" else data

    for number, (change, words) in enumerate(
        [(spoil, "checksum of table leads"), (shorten, "2 rows and not 3"), (lose, "damaged in table leads")]
    ):
        file = rewritten(tmp_path / "b.zip", tmp_path / f"{number}.zip", change)
        with pytest.raises(ArchiveError, match=words):
            restored_to(file, urls["sqlite"])
    half = tmp_path / "half.zip"
    half.write_bytes((tmp_path / "b.zip").read_bytes()[:-500])
    with pytest.raises(ArchiveError, match="no backup of leadrelay"):
        restored_to(half, urls["sqlite"])
    assert not Path(urls["sqlite"].removeprefix("sqlite:///")).exists()


def test_a_backup_of_a_newer_version_is_refused(filled, urls, tmp_path):
    backup(filled, tmp_path / "b.zip", LATER)

    def with_manifest(**changes):
        def change(name: str, data: bytes) -> bytes:
            return json.dumps(json.loads(data) | changes).encode() if name == "manifest.json" else data

        return change

    file = rewritten(tmp_path / "b.zip", tmp_path / "newer.zip", with_manifest(revision="9999"))
    with pytest.raises(ArchiveError, match="made by a newer leadrelay"):
        restored_to(file, urls["sqlite"])
    file = rewritten(tmp_path / "b.zip", tmp_path / "format.zip", with_manifest(format=2))
    with pytest.raises(ArchiveError, match="format 2"):
        restored_to(file, urls["sqlite"])


INJECTED = 'leads" (id) SELECT 1; --'


@pytest.mark.parametrize(
    ("table", "column"), [(INJECTED, "id"), ("pg_user", "id"), ("neighbours", "id"), ("sessions", INJECTED)]
)
@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_a_backup_that_names_what_is_not_ours_is_refused_before_anything_is_touched(
    filled, urls, tmp_path, target, table, column
):
    backup(filled, tmp_path / "b.zip", LATER)
    empty = {"columns": [column], "rows": 0, "sha256": hashlib.sha256().hexdigest()}

    def change(entry: str, data: bytes) -> bytes | None:
        if entry != "manifest.json":
            return data if entry != f"tables/{table}.jsonl" else None
        manifest = json.loads(data)
        return json.dumps(manifest | {"tables": manifest["tables"] | {table: empty}}).encode()

    file = rewritten(tmp_path / "b.zip", tmp_path / "strange.zip", change)
    with zipfile.ZipFile(file, "a") as more:
        more.writestr(f"tables/{table}.jsonl", b"")
    with pytest.raises(ArchiveError, match="which is no table or column of leadrelay"):
        restored_to(file, urls[target], replace=True)


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_a_backup_of_an_older_version_is_brought_up_to_date(urls, tmp_path, target):
    old = tmp_path / "old.db"
    engine = sa.create_engine(f"sqlite:///{old}")
    with engine.begin() as connection:
        migrate.upgrade_on(connection, "0001")
        connection.exec_driver_sql("INSERT INTO person_keys (lead_id, key) VALUES ('ld_1', 'k')")
    engine.dispose()
    store = open_store(f"sqlite:///{old}")
    manifest = backup(store, tmp_path / "b.zip", LATER)
    store.close()
    assert manifest.revision == "0001"
    assert "connections" not in manifest.tables
    restored_to(tmp_path / "b.zip", urls[target])
    rows = rows_at(urls[target])
    assert rows["person_keys"] == [("ld_1", "k")]
    assert rows["connections"] == []


def test_a_table_that_this_version_does_not_know_is_not_left_out_in_silence(store, tmp_path):
    store.write(lambda connection: connection.exec_driver_sql("ALTER TABLE leads ADD COLUMN extra TEXT"))
    try:
        with pytest.raises(LeadRelayError, match=r"leads\.extra"):
            backup(store, tmp_path / "b.zip", LATER)
        assert list(tmp_path.glob("b.zip*")) == []
    finally:
        store.write(lambda connection: connection.exec_driver_sql("ALTER TABLE leads DROP COLUMN extra"))


def test_a_file_is_readable_by_its_owner_only_and_nothing_is_left_of_one_that_failed(filled, tmp_path):
    backup(filled, tmp_path / "b.zip", LATER)
    assert (tmp_path / "b.zip").stat().st_mode & 0o777 == 0o600

    def full(_table: str, _rows: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        backup(filled, tmp_path / "c.zip", LATER, full)
    assert [one.name for one in tmp_path.glob("*.zip*")] == ["b.zip"]


def test_a_value_the_other_database_refuses_is_named_without_being_told(urls, tmp_path):
    migrate.upgrade(urls["sqlite"])  # which minds no column's length
    store = open_store(urls["sqlite"])
    store.write(fill)
    long = "x" * 400 + "@example.com"
    store.write(lambda connection: connection.execute(sa.update(leads).values(email=long)))
    backup(store, tmp_path / "b.zip", LATER)
    store.close()
    with pytest.raises(LeadRelayError, match="column email") as caught:
        restored_to(tmp_path / "b.zip", urls["postgresql"])
    assert "example.com" not in str(caught.value)
