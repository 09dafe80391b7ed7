"""Connected accounts in the store, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from sync import connections
from sync.connections import StoredConnection
from sync.database import Store
from sync.tables import audit, audit_details
from sync.tables import connections as table
from tests.sync.stores import count, rows

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
HUBSPOT = StoredConnection(
    "hubspot", "hubspot", "https://api.hubapi.com", "token", "sealed-1", account="62515", by="ada"
)


def save(store: Store, one: StoredConnection, at: datetime = NOW) -> None:
    store.write(partial(connections.save, space="main", one=one, now=at))


def load(store: Store, space: str = "main") -> dict[str, StoredConnection]:
    with store.snapshot() as snapshot:
        return connections.load(snapshot, space)


def test_an_account_comes_back_as_it_was_connected_and_is_observed(store):
    save(store, HUBSPOT)
    assert load(store) == {"hubspot": replace(HUBSPOT, mode="observe", created_at=NOW, updated_at=NOW)}
    assert load(store, "another") == {}


def test_connecting_again_keeps_the_mode_of_the_same_account_only(store):
    save(store, HUBSPOT)
    store.write(lambda on: on.execute(sa.update(table).values(mode="write")))
    later = NOW + timedelta(days=1)
    save(store, replace(HUBSPOT, sealed="sealed-2"), later)
    found = load(store)["hubspot"]
    assert (found.sealed, found.mode, found.created_at, found.updated_at) == ("sealed-2", "write", NOW, later)
    save(store, replace(HUBSPOT, account="777"), later)
    assert load(store)["hubspot"].mode == "observe"


def test_a_mode_that_is_none_is_refused_by_the_database(store):
    save(store, HUBSPOT)
    with pytest.raises(IntegrityError):
        store.write(lambda on: on.execute(sa.update(table).values(mode="both")))


def test_disconnecting_leaves_no_credentials(store):
    save(store, HUBSPOT)
    remove = partial(connections.remove, space="main", by="ada", now=NOW)
    assert store.write(lambda on: remove(on, name="salesforce")) is False
    assert store.write(lambda on: remove(on, name="hubspot")) is True
    assert count(store, table) == 0


def test_a_seal_is_changed_only_where_it_is_still_the_one_that_was_read(store):
    save(store, HUBSPOT)
    save(store, replace(HUBSPOT, name="other"))
    changes = {"hubspot": ("sealed-1", "sealed-2"), "other": ("sealed-0", "sealed-2")}
    assert store.write(lambda on: connections.reseal(on, "main", changes, "ada", NOW)) == 1
    found = load(store)
    assert (found["hubspot"].sealed, found["other"].sealed) == ("sealed-2", "sealed-1")
    assert found["hubspot"].updated_at == NOW


def test_who_connected_and_disconnected_is_in_the_audit_without_credentials(store):
    save(store, HUBSPOT)
    store.write(lambda on: connections.reseal(on, "main", {"hubspot": ("sealed-1", "s2")}, "bo", NOW))
    store.write(lambda on: connections.remove(on, "main", "hubspot", "bo", NOW))
    told = [(row["actor"], row["action"]) for row in rows(store, audit)]
    assert told == [("ada", "connect"), ("bo", "rotate secrets"), ("bo", "disconnect")]
    assert "sealed" not in str([row["details"] for row in rows(store, audit_details)])


def test_what_a_command_hands_in_is_read_as_it_was_written():
    assert connections.from_json(connections.to_json(HUBSPOT)) == HUBSPOT
    with pytest.raises(KeyError):
        connections.from_json({"name": "hubspot"})
    with pytest.raises(ValueError):
        connections.from_json(connections.to_json(HUBSPOT) | {"account": 62515})


def test_the_credentials_are_not_in_a_representation():
    assert "sealed-1" not in repr(HUBSPOT)
