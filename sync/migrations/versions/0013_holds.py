"""Fields that wait for a person, and what is remembered of fields whose two sides disagree."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync import tables

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

OPEN = sa.text("state = 'open'")


def upgrade() -> None:
    """Bring the store to this revision."""
    for name in ("links", "account_links"):
        op.add_column(name, sa.Column("disputes", tables.Json(), server_default="{}", nullable=False))
    op.create_index("ix_conflicts_space", "conflicts", ["space", "id"])
    op.create_table(
        "holds",
        sa.Column("id", tables.RowId, autoincrement=True, nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("entity_kind", sa.String(length=16), nullable=False),
        sa.Column("entity_id", sa.String(length=40), nullable=False),
        sa.Column("field", sa.String(length=128), nullable=False),
        sa.Column("remote", sa.String(length=128), nullable=False),
        sa.Column("base", tables.Json(), nullable=True),
        sa.Column("ours", tables.Json(), nullable=True),
        sa.Column("theirs", tables.Json(), nullable=True),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("since", tables.Moment(timezone=True), nullable=False),
        sa.Column("choice", sa.String(length=16), nullable=False),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("outcome", sa.String(length=200), nullable=False),
        sa.Column("settled_at", tables.Moment(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('open', 'settled')", name=op.f("ck_holds_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    op.create_index(
        "uq_holds_open",
        "holds",
        ["space", "entity_id", "connection", "field"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_index("ix_holds_state", "holds", ["space", "state", "id"])
    op.create_index("ix_holds_entity_id", "holds", ["entity_id"])


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("holds")
    op.drop_index("ix_conflicts_space", "conflicts")
    for name in ("account_links", "links"):
        op.drop_column(name, "disputes")
