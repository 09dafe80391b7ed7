"""What the store knows of some links at one moment: both sides, the queues, and who else has the record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.change import Record
from model.decision import EntityKind
from model.entity import Entity
from model.event import RecordRef
from model.lead import Link
from sync import accounts, deals, leads, links, mirror
from sync.links import LinkTable
from sync.reconciling.looks import Look, OutboxRow
from sync.tables import holds, inbox_events, outbox_changes, outbox_fetches

Rows = Mapping[tuple[str, str], OutboxRow]  # by object and lead or account

BOOKS: Mapping[str, tuple[LinkTable, EntityKind]] = {
    "links": (links.LEADS, EntityKind.LEAD),
    "account_links": (links.ACCOUNTS, EntityKind.ACCOUNT),
    "deal_links": (links.DEALS, EntityKind.DEAL),
}


@dataclass(frozen=True, slots=True)
class Sides:
    """Some links of one object with whose they are, as loaded."""

    owners: Mapping[RecordRef, str]
    entities: Mapping[str, Entity]

    def link(self, ref: RecordRef) -> Link | None:
        """Return the link to a record, where there still is one."""
        entity = self.entities.get(self.owners.get(ref, ""))
        link = entity.links.get(ref.connection) if entity else None
        return link if link is not None and (link.object, link.remote_id) == (ref.object, ref.id) else None

    def is_as(self, other: Sides, ref: RecordRef) -> bool:
        """Say whether neither the link nor its lead has changed between two moments."""
        mine, theirs = self.link(ref), other.link(ref)
        if mine is None or theirs is None or self.owners[ref] != other.owners[ref]:
            return False
        owner = self.owners[ref]
        return mine.rev == theirs.rev and self.entities[owner].version == other.entities[owner].version


def sides(snapshot: Connection, space: str, table: str, refs: Sequence[RecordRef]) -> Sides:
    """Load the links to these records, of one connection, with their leads, accounts or deals."""
    book, kind = BOOKS[table]
    held = book.of_records(snapshot, space, refs)
    owners = {ref: owner for ref, (owner, _) in held.items()}
    found: Mapping[str, Entity]
    if kind is EntityKind.ACCOUNT:
        found = accounts.load(snapshot, owners.values())
    elif kind is EntityKind.DEAL:
        found = deals.load(snapshot, owners.values())
    else:
        found = leads.load(snapshot, list(owners.values()), ledgers=False)
    return Sides(owners, found)


def looks(
    snapshot: Connection,
    space: str,
    table: str,
    sides: Sides,
    refs: Sequence[RecordRef],
    records: Sequence[Record],
) -> list[Look]:
    """Put together what is known of links whose records were just read. A handful of queries."""
    name, (_, kind) = refs[0].connection, BOOKS[table]
    ids = sorted({sides.owners[ref] for ref in refs})
    answers = _by_id(records)
    present = [*refs, *(one.ref for one in records)]
    mirrored = mirror.read(snapshot, space, present)
    rows = outbox_rows(snapshot, space, name, kind, ids)
    wanted = _wanted(snapshot, space, refs)
    waiting_records, waiting_leads = waiting(snapshot, space, name, [ref.id for ref in refs], ids)
    holders: dict[RecordRef, tuple[str, Link]] = {}
    for held_by, _ in BOOKS.values():
        holders |= held_by.of_records(snapshot, space, present)
    queue = _holds(snapshot, space, name, ids)
    found = []
    for ref in refs:
        owner = sides.owners[ref]
        link = sides.link(ref)
        assert link is not None  # the caller leaves out what has moved
        record = answers.get(ref)
        at = record.ref if record is not None else ref
        other = holders.get(at, (owner, None))[0]
        found.append(
            Look(
                sides.entities[owner],
                link,
                record,
                mirrored.get(at),
                rows.get((link.object, owner)),
                is_read_next=ref.id in wanted,
                is_decided_next=ref.id in waiting_records or owner in waiting_leads,
                holder=other if other != owner else None,
                holds=queue.get(owner, {}),
            )
        )
    return found


def _by_id(records: Iterable[Record]) -> dict[RecordRef, Record]:
    """Return the records by every id under which they answer: those that were merged into one, too."""
    found: dict[RecordRef, Record] = {}
    for record in records:
        ref = record.ref
        found |= {RecordRef(ref.connection, ref.object, each): record for each in record.merged_ids}
        found[ref] = record
    return found


def outbox_rows(
    snapshot: Connection, space: str, name: str, kind: EntityKind, ids: Sequence[str]
) -> dict[tuple[str, str], OutboxRow]:
    """Return the outbox rows of leads or accounts on a connection, by object and id."""
    values = {"of_space": space, "of_connection": name, "of_kind": str(kind), "ids": list(ids)}
    return {
        (row.object, row.entity_id): OutboxRow(*(getattr(row, each) for each in OutboxRow.__slots__))
        for row in snapshot.execute(ROWS, values)
    }


def waiting(
    snapshot: Connection, space: str, name: str, record_ids: Sequence[str], owners: Sequence[str]
) -> tuple[set[str], set[str]]:
    """Return of which of these records, and of which of these leads, an event waits to be decided."""
    values = {"of_space": space, "of_connection": name, "records": list(record_ids), "owners": list(owners)}
    found = snapshot.execute(WAITING, values).all()
    return {row.record_id for row in found if row.record_id}, {row.lead_id for row in found if row.lead_id}


def _wanted(snapshot: Connection, space: str, refs: Sequence[RecordRef]) -> set[str]:
    f = outbox_fetches.c
    statement = sa.select(f.remote_id).where(
        f.space == space,
        f.connection == refs[0].connection,
        f.object == refs[0].object,
        f.remote_id.in_([ref.id for ref in refs]),
    )
    return set(snapshot.execute(statement).scalars())


def _holds(snapshot: Connection, space: str, name: str, ids: Sequence[str]) -> dict[str, dict[str, int]]:
    h = holds.c
    statement = sa.select(h.entity_id, h.remote, h.id).where(
        h.space == space, h.connection == name, h.state == "open", h.entity_id.in_(list(ids))
    )
    found: dict[str, dict[str, int]] = {}
    for row in snapshot.execute(statement):
        found.setdefault(row.entity_id, {})[row.remote] = row.id
    return found


_O, _E = outbox_changes.c, inbox_events.c
ROWS: sa.Select[Any] = sa.select(_O.object, _O.entity_id, *(_O[name] for name in OutboxRow.__slots__)).where(
    _O.space == sa.bindparam("of_space"),
    _O.connection == sa.bindparam("of_connection"),
    _O.entity_kind == sa.bindparam("of_kind"),
    _O.entity_id.in_(sa.bindparam("ids", expanding=True)),
)
WAITING = sa.select(_E.record_id, _E.lead_id).where(
    _E.space == sa.bindparam("of_space"),
    sa.text("state = 'waiting'"),  # as the partial index has it
    sa.or_(
        sa.and_(
            _E.record_connection == sa.bindparam("of_connection"),
            _E.record_id.in_(sa.bindparam("records", expanding=True)),
        ),
        _E.lead_id.in_(sa.bindparam("owners", expanding=True)),
    ),
)
