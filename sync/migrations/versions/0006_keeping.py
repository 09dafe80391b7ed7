"""Alarms that have been raised and told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync import tables

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""
    op.create_table(
        "alerts",
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("since", tables.Moment(timezone=True), nullable=False),
        sa.Column("told_at", tables.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("space", "kind", "subject", name=op.f("pk_alerts")),
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("alerts")
