"""What the pages need: who may sign in or read, and leads found by name and company, by score and age."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync import tables
from sync.leads import search_keys
from sync.tables import Json, searchable

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

CHUNK = 1_000
SEARCHED = ("full_name", "last_name", "company")


def upgrade() -> None:
    """Bring the store to this revision."""
    op.create_table(
        "users",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("password", sa.String(length=200), nullable=False),
        sa.Column("created_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("changed_at", tables.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_users")),
    )
    op.create_table(
        "sessions",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=64), nullable=False),
        sa.Column("created_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("seen_at", tables.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_user", "sessions", ["user"])
    op.create_table(
        "api_tokens",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", tables.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_tokens_hash")),
    )
    for name in SEARCHED:  # not in a batch: that would copy the whole table
        op.add_column("leads", sa.Column(name, searchable(200), nullable=True))
    _fill(op.get_bind())
    for name in SEARCHED:
        op.create_index(f"ix_leads_{name}", "leads", ["space", name])
    for names in ((), ("stage",), ("owner",)):
        op.create_index(
            "_".join(("ix_leads", *names, "created_at")), "leads", ["space", *names, "created_at", "id"]
        )
    op.create_index("ix_leads_score", "leads", ["space", "score", "id", "stage", "owner", "is_test"])
    tests = sa.text("is_test")
    op.create_index("ix_leads_test", "leads", ["space", "stage"], sqlite_where=tests, postgresql_where=tests)
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("leads", "email", type_=searchable(320))  # SQLite compares byte by byte as it is


def _fill(connection: sa.Connection) -> None:
    """Write the search keys of the leads that are there, some at a time."""
    leads = sa.table(
        "leads", sa.column("id"), sa.column("fields", Json), *(sa.column(name) for name in SEARCHED)
    )
    update = (
        sa.update(leads)
        .where(leads.c.id == sa.bindparam("row"))
        .values({name: sa.bindparam(f"new_{name}") for name in SEARCHED})
    )
    last = ""
    while True:
        rows = connection.execute(
            sa.select(leads.c.id, leads.c.fields).where(leads.c.id > last).order_by(leads.c.id).limit(CHUNK)
        ).all()
        if not rows:
            return
        keys = [
            {"row": row.id} | {f"new_{name}": key for name, key in search_keys(row.fields).items()}
            for row in rows
        ]
        connection.execute(update, keys)
        last = rows[-1].id
