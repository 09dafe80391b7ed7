"""Connected accounts with sealed credentials."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync import tables

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""
    op.create_table(
        "connections",
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("base_url", sa.String(length=400), nullable=False),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("created_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("updated_at", tables.Moment(timezone=True), nullable=False),
        sa.CheckConstraint("mode IN ('observe', 'write')", name=op.f("ck_connections_mode")),
        sa.PrimaryKeyConstraint("space", "name", name=op.f("pk_connections")),
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("connections")
