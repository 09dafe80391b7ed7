"""Who moved a lead to a stage, on which pass, and an index to report a stretch of time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""
    op.add_column(
        "stage_history", sa.Column("by", sa.String(length=64), nullable=False, server_default=sa.text("''"))
    )
    op.add_column(
        "stage_history", sa.Column("pass_number", sa.Integer(), nullable=False, server_default=sa.text("1"))
    )
    op.create_index("ix_stage_history_at", "stage_history", ["space", "at"])


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("ix_stage_history_at", "stage_history")
    with op.batch_alter_table("stage_history") as batch:
        batch.drop_column("pass_number")
        batch.drop_column("by")
