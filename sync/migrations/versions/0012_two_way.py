"""Two-way sync: what is known of a record's versions, records to be read, who was merged into whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync import tables

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""
    for name in ("links", "account_links"):
        op.add_column(name, sa.Column("modified_at", tables.Moment(timezone=True), nullable=True))
        op.add_column(name, sa.Column("wrote_at", tables.Moment(timezone=True), nullable=True))
        op.add_column(name, sa.Column("recent", tables.Json(), server_default="{}", nullable=False))
        op.add_column(name, sa.Column("gone_at", tables.Moment(timezone=True), nullable=True))
    op.add_column("mirror", sa.Column("told", sa.String(length=32), nullable=True))
    op.create_table(
        "outbox_fetches",
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("object", sa.String(length=64), nullable=False),
        sa.Column("remote_id", sa.String(length=64), nullable=False),
        sa.Column("wanted", sa.BigInteger(), nullable=False),
        sa.Column("history", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("raised_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("lease_token", sa.String(length=40), nullable=True),
        sa.Column("lease_until", tables.Moment(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("space", "connection", "object", "remote_id", name=op.f("pk_outbox_fetches")),
    )
    op.create_index("ix_outbox_fetches_due", "outbox_fetches", ["space", "connection", "due_at"])
    op.create_table(
        "merged_leads",
        sa.Column("lead_id", sa.String(length=40), nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("into", sa.String(length=40), nullable=False),
        sa.Column("event", tables.RowId, nullable=False),
        sa.Column("was", tables.Json(), nullable=False),
        sa.Column("at", tables.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("lead_id", name=op.f("pk_merged_leads")),
    )
    op.create_index("ix_merged_leads_into", "merged_leads", ["into"])


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("ix_merged_leads_into", "merged_leads")
    op.drop_table("merged_leads")
    op.drop_index("ix_outbox_fetches_due", "outbox_fetches")
    op.drop_table("outbox_fetches")
    op.drop_column("mirror", "told")
    for name in ("links", "account_links"):
        for column in ("gone_at", "recent", "wrote_at", "modified_at"):
            op.drop_column(name, column)
