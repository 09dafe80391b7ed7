"""Connecting in the browser: who is on the way, and which connection is to be connected anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync import tables

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""
    op.add_column("connections", sa.Column("reconnect", sa.Text(), nullable=True))
    op.create_table(
        "oauth_states",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("session", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("expires_at", tables.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_oauth_states")),
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("oauth_states")
    op.drop_column("connections", "reconnect")
