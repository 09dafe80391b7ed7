"""What somebody asked for and a job carries out, step by step: replays, go-lives."""

from __future__ import annotations

import sqlalchemy as sa

from sync.tables.columns import Json, RowId, metadata, moment, partial_index

replays = sa.Table(  # lists of dead letters that somebody wants sent again, a chunk at a time
    "replays",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("shelf", sa.String(16), nullable=False),  # "change", "effect", or a state of events
    sa.Column("asked", Json, nullable=False),  # the filter
    sa.Column("overrides", Json, nullable=False),  # what is corrected of each event
    sa.Column("by", sa.String(128), nullable=False),
    sa.Column("upto", sa.BigInteger, nullable=False),  # the newest letter when it was asked for
    sa.Column("after", sa.BigInteger, nullable=False),  # the last one handed in
    sa.Column("total", sa.BigInteger, nullable=False),  # letters to hand in
    sa.Column("handed_in", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    moment("asked_at"),
    moment("moved_at"),
    sa.CheckConstraint("state IN ('running', 'done')", name="state"),
)
partial_index(  # the same list is not sent twice at once, however often somebody clicks
    "uq_replays_running",
    replays.c.space,
    replays.c.shelf,
    replays.c.asked,
    replays.c.overrides,
    unique=True,
    where=sa.text("state = 'running'"),
)

releases = sa.Table(  # the paced release of what an observed connection had gathered, with its brake
    "releases",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("connection", sa.String(64), primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),  # of the go-live; each begins with counts of nought
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("expected", sa.BigInteger, nullable=False),  # records to write, as the plan said
    sa.Column("at_most", sa.BigInteger, nullable=False),  # the brake
    sa.Column("released", sa.BigInteger, nullable=False),
    sa.Column("written", sa.BigInteger, nullable=False),
    sa.Column("cursor", sa.String(40)),  # the lead up to which rows were made; NULL: all were looked at
    sa.Column("reason", sa.Text, nullable=False),  # why it is held
    sa.Column("by", sa.String(128), nullable=False),
    moment("began_at"),
    moment("changed_at"),
    sa.CheckConstraint("state IN ('preparing', 'releasing', 'held', 'done', 'stopped')", name="state"),
)
