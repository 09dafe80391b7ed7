"""What was done with leads in the CRMs: calls, mails, meetings, notes, tasks, campaigns."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync import tables

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""
    op.create_table(
        "engagements",
        sa.Column("id", tables.RowId, autoincrement=True, nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("lead_id", sa.String(length=40), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("object", sa.String(length=64), nullable=False),
        sa.Column("remote_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("standing", sa.String(length=16), nullable=False),
        sa.Column("at", tables.Moment(timezone=True), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("outcome", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=320), nullable=False),
        sa.Column("is_response", sa.Boolean(), nullable=False),
        sa.Column("is_ours", sa.Boolean(), nullable=False),
        sa.Column("modified_at", tables.Moment(timezone=True), nullable=True),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("event", tables.RowId, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_engagements")),
        sa.UniqueConstraint(
            "lead_id",
            "connection",
            "object",
            "remote_id",
            name=op.f("uq_engagements_lead_id_connection_object_remote_id"),
        ),
    )
    op.create_index("ix_engagements_record", "engagements", ["connection", "object", "remote_id"])


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("ix_engagements_record", "engagements")
    op.drop_table("engagements")
