"""How a lead came to its owner, where a pool's rotation stood, and indexes to count what somebody has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""
    op.add_column(
        "assignments", sa.Column("way", sa.String(length=16), nullable=False, server_default=sa.text("''"))
    )
    op.execute("UPDATE assignments SET way = 'turn' WHERE pool <> ''")
    op.add_column("seats", sa.Column("clock", sa.Double(), nullable=True))
    given = sa.text("way IN ('owner', 'sticky', 'turn')")
    for name, columns in (("owner", ["space", "owner", "at"]), ("given", ["space", "id"])):
        op.create_index(
            f"ix_assignments_{name}", "assignments", columns, sqlite_where=given, postgresql_where=given
        )
    op.create_index("ix_leads_owner_stage", "leads", ["space", "owner", "stage", "is_test"])


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("ix_leads_owner_stage", "leads")
    op.drop_index("ix_assignments_given", "assignments")
    op.drop_index("ix_assignments_owner", "assignments")
    with op.batch_alter_table("seats") as batch:
        batch.drop_column("clock")
    with op.batch_alter_table("assignments") as batch:
        batch.drop_column("way")
