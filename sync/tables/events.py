"""What comes in: the inbox, what tells a body seen before, each source's day."""

from __future__ import annotations

import sqlalchemy as sa

from sync.tables.columns import Json, RowId, metadata, moment, partial_index, searchable

inbox_events = sa.Table(
    "inbox_events",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("source", sa.String(64), nullable=False),
    sa.Column("event_id", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("payload", Json, nullable=False),
    sa.Column("record_connection", sa.String(64)),
    sa.Column("record_object", sa.String(64)),
    sa.Column("record_id", sa.String(64)),
    moment("occurred_at"),
    moment("received_at"),
    sa.Column("state", sa.String(16), nullable=False),
    moment("decided_at", nullable=True),
    sa.Column("decided_seq", sa.BigInteger),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("reasons", Json),  # why it is not a lead: [{"text", "at"}]
    sa.Column("error", sa.Text),
    sa.Column("lead_id", sa.String(40)),
    sa.Column(
        "cause", searchable(200), nullable=False, server_default=sa.text("''")
    ),  # ``model.cause``, while set aside
    sa.Column("batch", sa.String(40)),  # of a file of people: its rows, and what takes them back
    sa.UniqueConstraint("space", "source", "event_id"),
)
partial_index(
    "ix_inbox_events_waiting", inbox_events.c.space, inbox_events.c.id, where=sa.text("state = 'waiting'")
)
sa.Index("ix_inbox_events_lead_id", inbox_events.c.lead_id)
sa.Index("ix_inbox_events_state", inbox_events.c.space, inbox_events.c.state, inbox_events.c.id)

# With OR: that one state of them implies it, both databases can tell.
SET_ASIDE = sa.text("state = 'quarantined' OR state = 'review' OR state = 'spam' OR state = 'dead'")
partial_index(  # what waits for a person: by it lists are filtered and groups counted without reading a row
    "ix_inbox_events_aside",
    *(inbox_events.c[_name] for _name in ("space", "state", "id", "source", "cause", "received_at")),
    where=SET_ASIDE,
)
partial_index(
    "ix_inbox_events_batch",
    *(inbox_events.c[_name] for _name in ("space", "batch", "id")),
    where=sa.text("batch IS NOT NULL"),
)

body_hashes = sa.Table(
    "body_hashes",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("source", sa.String(64), primary_key=True),
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("event_id", sa.String(200), nullable=False),
    moment("expires_at"),
)
sa.Index("ix_body_hashes_expires_at", body_hashes.c.expires_at)

source_days = sa.Table(  # roll-up for status and reconciliation; kept by the transactions that cause it
    "source_days",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("source", sa.String(64), primary_key=True),
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("received", sa.BigInteger, nullable=False),
    sa.Column("duplicates", sa.BigInteger, nullable=False),
)
