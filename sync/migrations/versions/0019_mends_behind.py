"""Records that are read to mend what a reconcile found go behind those of which somebody just told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""
    op.add_column(
        "outbox_fetches", sa.Column("is_mend", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.drop_index("ix_outbox_fetches_due", "outbox_fetches")
    op.create_index("ix_outbox_fetches_due", "outbox_fetches", ["space", "connection", "is_mend", "due_at"])


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("ix_outbox_fetches_due", "outbox_fetches")
    op.create_index("ix_outbox_fetches_due", "outbox_fetches", ["space", "connection", "due_at"])
    with op.batch_alter_table("outbox_fetches") as batch:
        batch.drop_column("is_mend")
