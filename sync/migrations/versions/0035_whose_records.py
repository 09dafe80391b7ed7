"""Whose record could be deleted, where its lead is gone: so that a person who is asked knows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""
    op.add_column("proposals", sa.Column("who", sa.String(320), nullable=False, server_default=sa.text("''")))


def downgrade() -> None:
    """Go back to the revision before."""
    with op.batch_alter_table("proposals") as batch:
        batch.drop_column("who")
