"""Merges that people made in one CRM and that could be carried to another."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync import tables

revision = "0017"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""
    op.create_table(
        "merge_proposals",
        sa.Column("id", tables.RowId, autoincrement=True, nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("lead_id", sa.String(length=40), nullable=False),
        sa.Column("event", tables.RowId, nullable=False),
        sa.Column("keep_object", sa.String(length=64), nullable=False),
        sa.Column("keep", sa.String(length=64), nullable=False),
        sa.Column("lose_object", sa.String(length=64), nullable=False),
        sa.Column("lose", sa.String(length=64), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("since", tables.Moment(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("settled_at", tables.Moment(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'accepted', 'refused', 'merged')", name=op.f("ck_merge_proposals_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merge_proposals")),
        sa.UniqueConstraint(
            "space",
            "connection",
            "keep_object",
            "keep",
            "lose",
            name=op.f("uq_merge_proposals_space_connection_keep_object_keep_lose"),
        ),
    )
    op.create_index("ix_merge_proposals_state", "merge_proposals", ["space", "state", "id"])
    op.create_index("ix_merge_proposals_lead_id", "merge_proposals", ["lead_id"])


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("merge_proposals")
