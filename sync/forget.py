"""Removes test leads and test posts, and people whom a CRM erased: no trace is left in counts or lists."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.decision import ForgetLead, TakeBack
from model.event import Event, EventKind, EventState, RecordRef
from model.lead import Identity
from model.times import to_text
from sync import deletions, joins, mirror, tables
from sync.alike import pairs
from sync.asking import answers
from sync.database import insert_for
from sync.keeping.retention import REMOVED

BY_LEAD = (
    tables.identities,
    tables.links,
    tables.touches,
    tables.activities,
    tables.engagements,
    tables.stage_history,
    tables.assignments,
    tables.scores,
    tables.conflicts,
    tables.consents,
    tables.reviews,
    tables.proposals,
    tables.outbox_effects,
    tables.timers,
    tables.asks,
    tables.person_keys,
    tables.merged_leads,
    tables.deal_parties,
    tables.match_keys,
)


def named(event: Event) -> tuple[int, ...]:
    """Return the row of the post that is to be forgotten; none for other events."""
    row = event.payload.get("event") if event.kind is EventKind.FORGET else None
    return (row,) if isinstance(row, int) else ()


def remove_test_leads(connection: Connection, lead_ids: Sequence[str]) -> None:
    """Delete these leads with everything that names them, their events and counts included.

    What is kept of leads that were taken into them goes, too.
    """
    if not lead_ids:
        return
    absorbed = [one for lead_id in lead_ids for one in joins.absorbed_by(connection, lead_id)]
    lead_ids = [*lead_ids, *absorbed]
    _uncount(connection, tables.inbox_events.c.lead_id.in_(lead_ids))
    _remove_details(connection, tables.audit.c.lead_id.in_(lead_ids))
    connection.execute(sa.delete(tables.merged_leads).where(tables.merged_leads.c.lead_id.in_(absorbed)))
    connection.execute(
        sa.delete(tables.outbox_changes).where(tables.outbox_changes.c.entity_id.in_(lead_ids))
    )
    for table in (tables.holds, tables.differences):
        connection.execute(sa.delete(table).where(table.c.entity_id.in_(lead_ids)))
    connection.execute(sa.delete(tables.inbox_events).where(tables.inbox_events.c.lead_id.in_(lead_ids)))
    pairs.forget(connection, lead_ids)
    answers.forget(connection, lead_ids)
    for table in BY_LEAD:
        connection.execute(sa.delete(table).where(table.c.lead_id.in_(lead_ids)))
    connection.execute(sa.delete(tables.leads).where(tables.leads.c.id.in_(lead_ids)))


def people(connection: Connection, space: str, erased: Sequence[ForgetLead], now: datetime) -> None:
    """Delete leads whom a CRM erased, as test leads are, and what the mirror holds of them.

    What stays are hashes of their addresses: a record of theirs elsewhere makes nobody a lead again.
    """
    if not erased:
        return
    ids = [one.lead_id for one in erased]
    absorbed = [each for lead_id in ids for each in joins.absorbed_by(connection, lead_id)]
    deletions.forget(connection, [*ids, *absorbed])
    remove_test_leads(connection, ids)
    records(connection, space, [ref for one in erased for ref in one.records], now)
    rows = [
        {"space": space, "hash": hash_of(key), "connection": one.connection, "at": now}
        for one in erased
        for key in one.keys
    ]
    if rows:
        connection.execute(insert_for(connection, tables.forgotten).on_conflict_do_nothing(), rows)


def records(connection: Connection, space: str, refs: Sequence[RecordRef], now: datetime) -> None:
    """Drop what the mirror holds of these records, and what events say of them that are no lead's.

    Those were decided while the record was nobody's, or of somebody who is forgotten. They stay without
    their words, as retention leaves them. An erasure is rare, so that no index finds them.
    """
    mirror.forget_records(connection, space, refs, now)
    by_place: dict[tuple[str, str], list[str]] = {}
    for ref in set(refs):
        by_place.setdefault((ref.connection, ref.object), []).append(ref.id)
    e = tables.inbox_events.c
    for (name, object_type), ids in sorted(by_place.items()):
        here = (e.space == space, e.record_connection == name, e.record_object == object_type)
        nobodys = (e.lead_id.is_(None), e.state != str(EventState.WAITING), e.record_id.in_(sorted(ids)))
        values = {"payload": {REMOVED: to_text(now)}, "reasons": None, "error": None}
        connection.execute(sa.update(tables.inbox_events).where(*here, *nobodys).values(values))


def forgotten(snapshot: Connection, space: str, keys: Iterable[Identity]) -> frozenset[str]:
    """Return the hashes of those of these addresses whose person was forgotten."""
    hashes = sorted({hash_of(key) for key in keys if key.kind == "email"})
    if not hashes:
        return frozenset()
    c = tables.forgotten.c
    asked = sa.select(c.hash).where(c.space == space, c.hash.in_(hashes))
    return frozenset(snapshot.execute(asked).scalars())


def hash_of(key: Identity) -> str:
    """Return what is remembered of an address in the place of it."""
    return hashlib.sha256(f"{key.kind}\x1f{key.value}".encode("utf-8", "surrogatepass")).hexdigest()


def remove_test_events(connection: Connection, ids: Sequence[int]) -> None:
    """Delete these posts, with what was asked about them, their details in the audit and their counts."""
    if not ids:
        return
    _uncount(connection, tables.inbox_events.c.id.in_(ids))
    _remove_details(connection, tables.audit.c.event.in_(ids))
    connection.execute(sa.delete(tables.reviews).where(tables.reviews.c.event.in_(ids)))
    connection.execute(sa.delete(tables.asks).where(tables.asks.c.event.in_(ids)))
    connection.execute(sa.delete(tables.inbox_events).where(tables.inbox_events.c.id.in_(ids)))


def take_back(connection: Connection, lead_id: str | None, effects: Iterable[TakeBack]) -> None:
    """Remove rows of a file that is taken back, and what they left with a lead that stays."""
    for effect in effects:
        if lead_id:
            for table in (tables.touches, tables.activities):
                theirs = sa.and_(table.c.lead_id == lead_id, table.c.event.in_(effect.events))
                connection.execute(sa.delete(table).where(theirs))
            i = tables.identities.c
            for key in effect.keys:
                is_it = sa.and_(i.lead_id == lead_id, i.kind == key.kind, i.value == key.value)
                connection.execute(sa.delete(tables.identities).where(is_it))
        remove_test_events(connection, effect.events)


def _remove_details(connection: Connection, which: sa.ColumnElement[bool]) -> None:
    """Remove what these lines of the audit say; the lines themselves stay."""
    entries = sa.select(tables.audit.c.id).where(which)
    connection.execute(sa.delete(tables.audit_details).where(tables.audit_details.c.audit_id.in_(entries)))


def _uncount(connection: Connection, which: sa.ColumnElement[bool]) -> None:
    """Take these posts out of the roll-up of their day."""
    e, days = tables.inbox_events.c, tables.source_days
    posts = connection.execute(
        sa.select(e.space, e.source, e.received_at).where(which, e.kind == str(EventKind.INTAKE))
    ).all()
    for space, source, received_at in posts:
        connection.execute(
            sa.update(days)
            .filter_by(space=space, source=source, day=received_at.date().isoformat())
            .values(received=days.c.received - 1)
        )
