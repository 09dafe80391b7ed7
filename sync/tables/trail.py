"""What was done to whom, kept so that details can be erased."""

from __future__ import annotations

import sqlalchemy as sa

from sync.tables.columns import Packed, RowId, metadata, moment

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    moment("at"),
    sa.Column("actor", sa.String(128), nullable=False),  # "decider", "deliverer", a person
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("lead_id", sa.String(40)),
    sa.Column("event", RowId),
    sa.Column("commitment", sa.String(64), nullable=False),  # HMAC of the details under the person's key
)
sa.Index("ix_audit_lead_id", audit.c.lead_id)
sa.Index("ix_audit_event", audit.c.event)
sa.Index(
    "ix_audit_unmasked",
    audit.c.space,
    audit.c.at,
    sqlite_where=sa.text("action = 'unmasked'"),
    postgresql_where=sa.text("action = 'unmasked'"),
)

audit_details = sa.Table(  # apart, so that erasure removes them and the audit rows stay whole
    "audit_details",
    metadata,
    sa.Column("audit_id", RowId, primary_key=True, autoincrement=False),
    sa.Column("details", Packed, nullable=False),
)

person_keys = sa.Table(
    "person_keys",
    metadata,
    sa.Column("lead_id", sa.String(40), primary_key=True),
    sa.Column("key", sa.String(64), nullable=False),
    sqlite_with_rowid=False,  # a short row, looked up by its key at every event
)
