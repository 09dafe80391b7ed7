"""When a lead is looked at again, with no event from outside."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync import tables

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""
    op.create_table(
        "timers",
        sa.Column("lead_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("due_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("since", tables.Moment(timezone=True), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("handed_in_at", tables.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("lead_id", "kind", "key", name=op.f("pk_timers")),
    )
    waits = sa.text("handed_in_at IS NULL")
    op.create_index(
        "ix_timers_due", "timers", ["space", "due_at"], sqlite_where=waits, postgresql_where=waits
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("ix_timers_due", "timers")
    op.drop_table("timers")
