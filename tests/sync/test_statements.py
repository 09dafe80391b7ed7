"""Many rows through one statement: the same on both databases, whatever the way there."""

from __future__ import annotations

import sqlalchemy as sa

from sync import tables
from sync.database import insert_for
from sync.statements import execute_many, insert_new
from tests.builders import NOON, at
from tests.sync.stores import rows

KEY = ("space", "source", "hash")
COUNT = sa.update(tables.body_hashes).where(
    tables.body_hashes.c.hash == sa.bindparam("of"), tables.body_hashes.c.space == "main"
)
MOVE = COUNT.values(expires_at=sa.bindparam("until"), event_id="moved")


def a_hash(name: str, event: str = "e", space: str = "main") -> dict[str, object]:
    return {"space": space, "source": "web", "hash": name, "event_id": event, "expires_at": NOON}


def put(store, *given):
    def work(connection):
        into = insert_for(connection, tables.body_hashes).on_conflict_do_nothing(index_elements=KEY)
        return insert_new(connection, into, KEY, given)

    return store.write(work)


def test_rows_are_inserted_where_their_key_is_free(store):
    assert put(store) == []
    assert put(store, a_hash("b", "first"), a_hash("a"), a_hash("b", "second")) == [True, True, False]
    assert put(store, a_hash("a"), a_hash("c")) == [False, True]
    held = {row["hash"]: row["event_id"] for row in rows(store, tables.body_hashes)}
    assert held == {"a": "e", "b": "first", "c": "e"}


def test_an_update_says_how_many_rows_it_changed_and_converts_what_stands_in_it(store):
    put(store, a_hash("a"), a_hash("b"), a_hash("b", space="other"))
    changes = [{"of": name, "until": at(5)} for name in ("a", "b", "nobody")]
    assert store.write(lambda connection: execute_many(connection, MOVE, changes)) == 2
    assert store.write(lambda connection: execute_many(connection, MOVE, [])) == 0
    found = {(row["space"], row["hash"]): row for row in rows(store, tables.body_hashes)}
    assert found["main", "b"]["expires_at"] == at(5)
    assert found["main", "a"]["event_id"] == "moved"
    assert found["other", "b"]["event_id"] == "e"
