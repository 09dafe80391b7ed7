"""Who is at work, under which lease, and what stands in alarm."""

from __future__ import annotations

import sqlalchemy as sa

from sync.tables.columns import Json, metadata, moment

processes = sa.Table(  # who is at work on a space, said by each of them every few seconds
    "processes",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(128), primary_key=True),  # host:pid:random
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("works", Json, nullable=False),  # what it does: ["receive", "decide", "deliver", …]
    moment("began_at"),
    moment("beat_at"),
    sa.Column("facts", Json, nullable=False),  # what only it knows, for status, pages and alarms
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.String(128), primary_key=True),  # "decider:main"
    sa.Column("epoch", sa.BigInteger, nullable=False),  # the fence: only the newest epoch may save
    sa.Column("holder", sa.String(128), nullable=False),
    moment("until"),
    sa.Column("seq", sa.BigInteger, nullable=False),  # last decided_seq
    moment("stamped_at"),  # last decided_at
)

alerts = sa.Table(  # alarms that stand, and when people were told
    "alerts",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(64), primary_key=True),
    sa.Column("subject", sa.String(128), primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    moment("since"),
    moment("told_at", nullable=True),
)
