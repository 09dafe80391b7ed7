"""Removes test leads, so that a test leaves no trace in counts or lists."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.event import EventKind
from sync import tables

BY_LEAD = (
    tables.identities,
    tables.links,
    tables.touches,
    tables.activities,
    tables.stage_history,
    tables.assignments,
    tables.scores,
    tables.conflicts,
    tables.reviews,
    tables.person_keys,
)


def remove_test_leads(connection: Connection, lead_ids: Sequence[str]) -> None:
    """Delete these leads with everything that names them, their events and counts included."""
    if not lead_ids:
        return
    _uncount(connection, lead_ids)
    details = sa.select(tables.audit.c.id).where(tables.audit.c.lead_id.in_(lead_ids))
    connection.execute(sa.delete(tables.audit_details).where(tables.audit_details.c.audit_id.in_(details)))
    connection.execute(
        sa.delete(tables.outbox_changes).where(tables.outbox_changes.c.entity_id.in_(lead_ids))
    )
    connection.execute(sa.delete(tables.inbox_events).where(tables.inbox_events.c.lead_id.in_(lead_ids)))
    for table in BY_LEAD:
        connection.execute(sa.delete(table).where(table.c.lead_id.in_(lead_ids)))
    connection.execute(sa.delete(tables.leads).where(tables.leads.c.id.in_(lead_ids)))


def _uncount(connection: Connection, lead_ids: Sequence[str]) -> None:
    """Take the leads' posts out of the roll-up of their day."""
    e, days = tables.inbox_events.c, tables.source_days
    posts = connection.execute(
        sa.select(e.space, e.source, e.received_at).where(
            e.lead_id.in_(lead_ids), e.kind == str(EventKind.INTAKE)
        )
    ).all()
    for space, source, received_at in posts:
        connection.execute(
            sa.update(days)
            .filter_by(space=space, source=source, day=received_at.date().isoformat())
            .values(received=days.c.received - 1)
        )
