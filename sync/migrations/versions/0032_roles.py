"""What people may do on the pages, how programs see personal data, and an index of masks that were lifted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision: who is there already may do and see what they could."""
    op.add_column("users", sa.Column("role", sa.String(16), nullable=False, server_default="admin"))
    op.add_column("api_tokens", sa.Column("sight", sa.String(16), nullable=False, server_default="plain"))
    unmasked = sa.text("action = 'unmasked'")
    op.create_index(
        "ix_audit_unmasked", "audit", ["space", "at"], sqlite_where=unmasked, postgresql_where=unmasked
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("ix_audit_unmasked", "audit")
    with op.batch_alter_table("api_tokens") as batch:
        batch.drop_column("sight")
    with op.batch_alter_table("users") as batch:
        batch.drop_column("role")
