"""Joins of two leads by a person's word remember what both were, for a time, so that they can be undone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync import tables

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""
    op.add_column("merged_leads", sa.Column("kept", tables.Json()))
    op.add_column("merged_leads", sa.Column("kept_until", tables.Moment(timezone=True)))


def downgrade() -> None:
    """Go back to the revision before."""
    with op.batch_alter_table("merged_leads") as batch:
        batch.drop_column("kept_until")
        batch.drop_column("kept")
