"""Who may look."""

from __future__ import annotations

import sqlalchemy as sa

from sync.tables.columns import metadata, moment

users = sa.Table(  # who may sign in to the pages
    "users",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("password", sa.String(200), nullable=False),  # scrypt, as werkzeug writes it
    sa.Column("role", sa.String(16), nullable=False, server_default="admin"),  # "viewer", "operator", "admin"
    moment("created_at"),
    moment("changed_at"),
)

sessions = sa.Table(  # who is signed in; a browser holds the token, the table its hash
    "sessions",
    metadata,
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("user", sa.String(64), nullable=False),
    moment("created_at"),
    moment("seen_at"),
)
sa.Index("ix_sessions_user", sessions.c.user)

api_tokens = sa.Table(  # who may read by program
    "api_tokens",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Column("sight", sa.String(16), nullable=False, server_default="plain"),  # or "masked"
    moment("created_at"),
    sa.UniqueConstraint("hash"),
)
