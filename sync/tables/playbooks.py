"""Which playbook was in force when, and what its files said."""

from __future__ import annotations

import sqlalchemy as sa

from sync.tables.columns import Json, RowId, metadata, moment

playbook_versions = sa.Table(  # the register: a line for each time that one came into force
    "playbook_versions",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),  # from 1
    sa.Column("hash", sa.String(12), nullable=False),
    sa.Column("files", Json, nullable=False),  # name -> digest
    moment("at"),
    sa.Column("by", sa.String(128), nullable=False),
    sa.Column("how", sa.String(16), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),  # decided_seq of the event that made it current
    sa.Column("event", RowId, nullable=False),
    sa.Column("folder", sa.String(12), nullable=False),  # what the watched folder held when it last counted
    sa.Column("signed_off", Json, nullable=False, server_default=sa.text("'[]'")),  # names of people
    sa.CheckConstraint("how IN ('folder', 'apply', 'rollback')", name="how"),
)

playbook_files = sa.Table(  # each text once, whatever versions it is in
    "playbook_files",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),  # SHA-256 of the text's UTF-8
    sa.Column("text", sa.Text, nullable=False),
)
