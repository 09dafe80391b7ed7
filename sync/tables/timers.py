"""When a lead is looked at again, with no event from outside."""

from __future__ import annotations

import sqlalchemy as sa

from sync.tables.columns import metadata, moment, partial_index

timers = sa.Table(
    "timers",
    metadata,
    sa.Column("lead_id", sa.String(40), primary_key=True),
    sa.Column("kind", sa.String(32), primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("space", sa.String(64), nullable=False),
    moment("due_at"),
    moment("since"),
    sa.Column("why", sa.String(200), nullable=False),
    moment("handed_in_at", nullable=True),  # its event is in the inbox; until then it waits
)
partial_index("ix_timers_due", timers.c.space, timers.c.due_at, where=sa.text("handed_in_at IS NULL"))
partial_index(
    "ix_timers_place",
    timers.c.space,
    timers.c.key,
    timers.c.since,
    where=sa.text("kind = 'place' AND handed_in_at IS NULL"),
)
