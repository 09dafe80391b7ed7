"""Who owns leads, and whose turn is next."""

from __future__ import annotations

import sqlalchemy as sa

from sync.tables.columns import Json, metadata, moment

teammates = sa.Table(
    "teammates",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("email", sa.String(320), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("ids", Json, nullable=False),
    sa.Column("active", Json, nullable=False),
    moment("updated_at"),
)

rosters = sa.Table(  # when the owners of a connection were last read
    "rosters",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("connection", sa.String(64), primary_key=True),
    moment("read_at"),
)

seats = sa.Table(  # the stride ledger of each pool
    "seats",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("pool", sa.String(64), primary_key=True),
    sa.Column("email", sa.String(320), primary_key=True),
    sa.Column("virtual_time", sa.Double, nullable=False),
    sa.Column("last_assigned_seq", sa.BigInteger, nullable=False),
    sa.Column("clock", sa.Double),  # where the pool's rotation stood then
    sa.Column("credit", sa.Integer, nullable=False, server_default=sa.text("0")),  # turns given back
)
