"""Several processes on one store: who lives, and what of each connection's limits is left."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync import tables

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""
    op.create_table(
        "call_levels",
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("burst", sa.Float(), nullable=False),
        sa.Column("search", sa.Float(), nullable=False),
        sa.Column("pace", sa.Float(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("paused_until", sa.Float(), nullable=False),
        sa.Column("search_paused_until", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("space", "connection", name=op.f("pk_call_levels")),
    )
    op.create_table(
        "processes",
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("works", tables.Json(), nullable=False),
        sa.Column("began_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("beat_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("facts", tables.Json(), nullable=False),
        sa.PrimaryKeyConstraint("space", "name", name=op.f("pk_processes")),
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("processes")
    op.drop_table("call_levels")
