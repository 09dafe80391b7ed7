"""Turns that are given back: what a member is still owed, and an index to count them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""
    op.add_column("seats", sa.Column("credit", sa.Integer(), nullable=False, server_default=sa.text("0")))
    given_back = sa.text("way = 'credit'")
    op.create_index(
        "ix_assignments_credit",
        "assignments",
        ["space", "at"],
        sqlite_where=given_back,
        postgresql_where=given_back,
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("ix_assignments_credit", "assignments")
    with op.batch_alter_table("seats") as batch:
        batch.drop_column("credit")
