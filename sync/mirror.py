"""The mirror: what backfill and polls last saw of every CRM record, found again by its keys.

It is a copy and may be stale. It saves look-ups and says who is known to a CRM; it never
permits a create, and what matters is read by id before it is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from mappings.values.identity import domain_key, match_key
from model.change import Record
from model.event import JsonValue, RecordRef
from model.lead import Identity
from model.listing import Listed
from sync import cursors, fetches
from sync.database import Store, insert_on
from sync.statements import execute_many
from sync.tables import mirror, mirror_keys

CHUNK = 5_000  # values in one IN list; SQLite takes 32,766
FORGET_CHUNK = 2_000  # rows in one transaction
LONGEST_VALUE = 400  # of a key; what is longer finds nobody
FORGOTTEN = "leadrelay:forgotten"  # the only key among a record's fields of which nothing may be kept
NOT_TOLD: Mapping[RecordRef, str] = {}


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A record as it was last seen. ``record.fields`` lacks the names that were never asked for."""

    record: Record
    read_at: datetime
    became: str | None = None
    told: str | None = None  # hash of the values of which the decider was told, or need not be

    @property
    def is_forgotten(self) -> bool:
        """Say whether nothing may be kept of it (``forget_records``)."""
        return FORGOTTEN in self.record.fields

    def was_forgotten_as(self, record: Record) -> bool:
        """Say whether nothing may be kept of this version of a record."""
        stamp = self.record.modified_at
        return self.is_forgotten and stamp is not None and stamp == record.modified_at


def key_of(identity: Identity) -> Identity | None:
    """Return a key in match form; ``None`` where nothing can be found by it."""
    if not is_text(identity.value):
        return None
    match identity.kind:
        case "email":
            value = match_key(identity.value)
        case "domain":
            value = domain_key(identity.value)
        case _:
            value = identity.value.strip()
    return Identity(identity.kind, value) if 0 < len(value) <= LONGEST_VALUE else None


def forget(store: Store, space: str, name: str) -> None:
    """Remove all that is mirrored of a connection that is no more.

    With it goes what was to be read there, and how far its walks were. A chunk a transaction, so that
    senders need not wait for it; broken off, it is repeated.
    """
    store.write(partial(begin_forgetting, space=space, name=name))
    place = {"of_space": space, "of_connection": name, "n": FORGET_CHUNK}

    def some(connection: Connection, statement: sa.Delete) -> int:
        _one_by_one(connection, space, [name])
        return connection.execute(statement, place).rowcount

    for statement in (FORGET_SOME_KEYS, FORGET_SOME):
        while store.write(partial(some, statement=statement)):
            pass


def begin_forgetting(connection: Connection, space: str, name: str) -> None:
    """Remove how far the walks of a connection are: what is left of its mirror is to go, too."""
    walks = (cursors.BACKFILL, cursors.MATCH, cursors.DEALS, cursors.POLL, cursors.ARCHIVED)
    cursors.forget(connection, space, name, (*walks, cursors.UNOWNED))
    fetches.forget(connection, space, name)


def is_half_forgotten(snapshot: Connection, space: str, name: str) -> bool:
    """Say whether forgetting a connection has begun and not come to its end: records without a walk."""
    c = mirror.c
    rows = sa.select(c.connection).where(c.space == space, c.connection == name).limit(1)
    return not cursors.load(snapshot, space, name) and snapshot.execute(rows).first() is not None


def is_text(value: str) -> bool:
    """Say whether every database takes the text: none with a NUL or half of a surrogate pair in it."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value


# Writing ---------------------------------------------------------------------------------


def write_page(
    connection: Connection,
    space: str,
    listed: Sequence[Listed],
    read_at: datetime,
    told: Mapping[RecordRef, str] = NOT_TOLD,
) -> int:
    """Store records as just read, with their keys in the place of earlier ones; return how many.

    A record that was read later than ``read_at`` stays: a slow page never undoes a poll. One that was
    forgotten comes back only as another version, of which the decider hears. Records that were merged into
    one of these match nobody any more. ``told``: hashes of those of which events tell, or need not; else
    what was told stays told of the same version.
    For use in the transaction that moves the cursor.
    """
    _one_by_one(connection, space, (one.record.ref.connection for one in listed))
    newest = {one.record.ref: one for one in listed}  # the same record twice on a page: the last
    later = {
        ref
        for ref, seen in read(connection, space, newest).items()
        if seen.read_at > read_at or seen.was_forgotten_as(newest[ref].record)
    }
    fresh = [one for ref, one in newest.items() if ref not in later]
    if not fresh:
        return 0
    for (name, object_type), ids in _by_object(one.record.ref for one in fresh).items():
        place = {"of_space": space, "of_connection": name, "of_object": object_type}
        for some in _chunks(ids):
            connection.execute(FORGET_KEYS, place | {"ids": some})
    dialect = connection.dialect.name
    rows = [_row(space, one, read_at) | {"told": told.get(one.record.ref)} for one in fresh]
    execute_many(connection, _upsert(dialect), rows)
    archive(connection, space, _replaced(fresh))
    execute_many(connection, _insert_key(dialect), [row for one in fresh for row in _key_rows(space, one)])
    return len(fresh)


def archive_unseen(connection: Connection, space: str, name: str, object_type: str, since: datetime) -> int:
    """Mark the records that a whole walk begun at ``since`` did not meet; return how many."""
    _one_by_one(connection, space, [name])
    place = {"of_space": space, "of_connection": name, "of_object": object_type, "since": since}
    return connection.execute(ARCHIVE_UNSEEN, place).rowcount


def archive(connection: Connection, space: str, refs: Iterable[RecordRef]) -> None:
    """Mark records that are known to be gone: they match nobody any more."""
    rows = [
        {"of_space": space, "of_connection": ref.connection, "of_object": ref.object, "of_id": ref.id}
        for ref in refs
    ]
    _one_by_one(connection, space, (row["of_connection"] for row in rows))
    execute_many(connection, ARCHIVE, rows)


def archive_seen(connection: Connection, space: str, refs: Iterable[RecordRef], seen_at: datetime) -> None:
    """Mark records that were in the recycle bin at a moment; one that was read later stays as it was read."""
    rows = [
        {"of_space": space, "of_connection": ref.connection, "of_object": ref.object, "of_id": ref.id}
        for ref in refs
    ]
    _one_by_one(connection, space, (row["of_connection"] for row in rows))
    execute_many(connection, ARCHIVE_SEEN, [row | {"seen_at": seen_at} for row in rows])


def forget_records(connection: Connection, space: str, refs: Sequence[RecordRef], now: datetime) -> None:
    """Drop what is known of these records, and keep that there is nothing to be known.

    What stays is a row without a word: what somebody read before ``now`` and stores after it does not come
    back. Whoever calls this later than it locks links has called ``alone`` before.
    """
    alone(connection, space, refs)
    for (name, object_type), ids in _by_object(refs).items():
        place = {"of_space": space, "of_connection": name, "of_object": object_type, "ids": ids}
        connection.execute(FORGET_KEYS, place)
    blank = {FORGOTTEN: True}
    rows = [_row(space, Listed(Record(ref, blank, archived=True)), now) for ref in dict.fromkeys(refs)]
    execute_many(connection, _blank(connection.dialect.name), rows)


def alone(connection: Connection, space: str, refs: Iterable[RecordRef]) -> None:
    """Let nobody else write what the mirror holds of these records' connections until the transaction ends.

    The order of locking is: outbox rows, this, links (``docs/architecture.md``).
    """
    _one_by_one(connection, space, (ref.connection for ref in refs))


def _one_by_one(connection: Connection, space: str, names: Iterable[str]) -> None:
    """Let one transaction at a time write what the mirror holds of a connection, until it ends.

    A poll, a backfill and a delivery meet the same records in different orders, with records among them
    that were merged into others: on PostgreSQL they would wait for each other in a circle.
    """
    if connection.dialect.name == "postgresql":
        for name in sorted(set(names)):
            connection.execute(ALONE, {"place": f"mirror/{space}/{name}"})


def _replaced(listed: Sequence[Listed]) -> Iterator[RecordRef]:
    for one in listed:
        ref = one.record.ref
        yield from (RecordRef(ref.connection, ref.object, each) for each in one.replaces)


def _row(space: str, one: Listed, read_at: datetime) -> dict[str, Any]:
    record = one.record
    return {
        "space": space,
        "connection": record.ref.connection,
        "object": record.ref.object,
        "remote_id": record.ref.id,
        "fields": dict(record.fields),
        "modified_at": record.modified_at,
        "read_at": read_at,
        "is_archived": record.archived,
        "became": one.became,
    }


def _key_rows(space: str, one: Listed) -> Iterator[dict[str, Any]]:
    ref = one.record.ref
    for key in dict.fromkeys(filter(None, map(key_of, one.keys))):
        yield {
            "space": space,
            "connection": ref.connection,
            "kind": key.kind,
            "value": key.value,
            "object": ref.object,
            "remote_id": ref.id,
        }


# Looking up ------------------------------------------------------------------------------


def find(
    snapshot: Connection, space: str, name: str, kind: str, values: Iterable[str]
) -> dict[str, list[Mirrored]]:
    """Return the records that each value (in match form) leads to on one connection, archived ones left out.

    Values that lead nowhere are left out. One query for up to 5,000 values.
    """
    found: dict[str, list[Mirrored]] = {}
    place = {"of_space": space, "of_connection": name, "of_kind": kind}
    for some in _chunks(sorted(set(values))):
        for row in snapshot.execute(BY_KEY, place | {"some": some}):
            found.setdefault(row.value, []).append(_mirrored(row))
    return found


def read(snapshot: Connection, space: str, refs: Iterable[RecordRef]) -> dict[RecordRef, Mirrored]:
    """Return records by their ids, archived ones too."""
    found: dict[RecordRef, Mirrored] = {}
    for (name, object_type), ids in _by_object(refs).items():
        place = {"of_space": space, "of_connection": name, "of_object": object_type}
        for some in _chunks(ids):
            for row in snapshot.execute(BY_ID, place | {"ids": some}):
                seen = _mirrored(row)
                found[seen.record.ref] = seen
    return found


def forgotten(snapshot: Connection, space: str, refs: Iterable[RecordRef]) -> dict[RecordRef, datetime]:
    """Return which of these records were forgotten, and when."""
    return {ref: one.read_at for ref, one in read(snapshot, space, refs).items() if one.is_forgotten}


def counts(snapshot: Connection, space: str) -> dict[tuple[str, str], int]:
    """Return how many records of each (connection, object) are there, archived ones left out."""
    rows = snapshot.execute(COUNTS, {"of_space": space})
    return {(row.connection, row.object): row.records for row in rows}


def _mirrored(row: Row[Any]) -> Mirrored:
    fields: Mapping[str, JsonValue] = row.fields
    ref = RecordRef(row.connection, row.object, row.remote_id)
    record = Record(ref, fields, row.modified_at, row.is_archived)
    return Mirrored(record, row.read_at, row.became, row.told)


def _by_object(refs: Iterable[RecordRef]) -> dict[tuple[str, str], list[str]]:
    ids: dict[tuple[str, str], list[str]] = {}
    for ref in refs:
        ids.setdefault((ref.connection, ref.object), []).append(ref.id)
    return {place: list(dict.fromkeys(group)) for place, group in ids.items()}


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))


# Built once: building costs more than executing.


def _in(table: sa.Table, *names: str) -> list[sa.ColumnElement[bool]]:
    return [table.c[name] == sa.bindparam(f"of_{name}") for name in names]


ALONE = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:place, 0))")
BY_KEY = (
    sa.select(mirror, mirror_keys.c.value)
    .join_from(
        mirror_keys,
        mirror,
        sa.and_(
            *(
                mirror.c[name] == mirror_keys.c[name]
                for name in ("space", "connection", "object", "remote_id")
            )
        ),
    )
    .where(
        *_in(mirror_keys, "space", "connection", "kind"),
        mirror_keys.c.value.in_(sa.bindparam("some", expanding=True)),
        mirror.c.is_archived.is_(False),
    )
    .order_by(mirror_keys.c.value, mirror.c.object, mirror.c.remote_id)
)
BY_ID = sa.select(mirror).where(
    *_in(mirror, "space", "connection", "object"),
    mirror.c.remote_id.in_(sa.bindparam("ids", expanding=True)),
)
COUNTS = (
    sa.select(mirror.c.connection, mirror.c.object, sa.func.count().label("records"))
    .where(*_in(mirror, "space"), mirror.c.is_archived.is_(False))
    .group_by(mirror.c.connection, mirror.c.object)
)
FORGET_KEYS = sa.delete(mirror_keys).where(
    *_in(mirror_keys, "space", "connection", "object"),
    mirror_keys.c.remote_id.in_(sa.bindparam("ids", expanding=True)),
)
ARCHIVE_UNSEEN = (
    sa.update(mirror)
    .where(
        *_in(mirror, "space", "connection", "object"),
        mirror.c.read_at < sa.bindparam("since"),
        mirror.c.is_archived.is_(False),
    )
    .values(is_archived=True)
)
ARCHIVE = (
    sa.update(mirror)
    .where(*_in(mirror, "space", "connection", "object"), mirror.c.remote_id == sa.bindparam("of_id"))
    .values(is_archived=True)
)
ARCHIVE_SEEN = ARCHIVE.where(mirror.c.read_at <= sa.bindparam("seen_at"), mirror.c.is_archived.is_(False))


def _forget_some(table: sa.Table) -> sa.Delete:
    key = list(table.primary_key.columns)
    some = (
        sa.select(*key).where(*_in(table, "space", "connection")).limit(sa.bindparam("n", type_=sa.Integer))
    )
    return sa.delete(table).where(sa.tuple_(*key).in_(some))


FORGET_SOME = _forget_some(mirror)
FORGET_SOME_KEYS = _forget_some(mirror_keys)


@cache
def _insert_key(dialect: str) -> Any:
    return insert_on(dialect, mirror_keys).on_conflict_do_nothing()


@cache
def _upsert(dialect: str) -> Any:
    insert = insert_on(dialect, mirror)
    key = [column.name for column in mirror.primary_key.columns]
    new = {one.name: insert.excluded[one.name] for one in mirror.columns if one.name not in key}
    # What was told stays told, unless it is another version now.
    is_same = mirror.c.modified_at == insert.excluded.modified_at
    new["told"] = sa.func.coalesce(insert.excluded.told, sa.case((is_same, mirror.c.told)))
    return insert.on_conflict_do_update(index_elements=key, set_=new)


@cache
def _blank(dialect: str) -> Any:
    """Empty a row, or leave an empty one: version and what was told of it stay, lest it be told again."""
    insert = insert_on(dialect, mirror)
    key = [column.name for column in mirror.primary_key.columns]
    emptied = {name: insert.excluded[name] for name in ("fields", "read_at", "is_archived", "became")}
    return insert.on_conflict_do_update(index_elements=key, set_=emptied)
