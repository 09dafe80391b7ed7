"""Deals: who takes part, their links, and the ledger of what was won and lost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync import tables

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""
    op.create_table(
        "deals",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("stage", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=320), nullable=True),
        sa.Column("outcome", sa.String(length=8), nullable=False),
        sa.Column("amount", sa.String(length=24), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("fields", tables.Json(), nullable=False),
        sa.Column("provenance", tables.Json(), nullable=False),
        sa.Column("closed_at", tables.Moment(timezone=True), nullable=True),
        sa.Column("created_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("updated_at", tables.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deals")),
    )
    op.create_index("ix_deals_created_at", "deals", ["space", "created_at", "id"])
    op.create_index("ix_deals_outcome", "deals", ["space", "outcome", "created_at", "id"])
    op.create_table(
        "deal_parties",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("deal_id", sa.String(length=40), nullable=False),
        sa.Column("lead_id", sa.String(length=40), nullable=True),
        sa.Column("account_id", sa.String(length=40), nullable=True),
        sa.Column("is_primary", sa.Boolean(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_parties")),
        sa.UniqueConstraint("deal_id", "lead_id", name=op.f("uq_deal_parties_deal_id_lead_id")),
    )
    op.create_index("ix_deal_parties_lead_id", "deal_parties", ["lead_id"])
    op.create_index("ix_deal_parties_account_id", "deal_parties", ["account_id"])
    op.create_table(
        "deal_outcomes",
        sa.Column("id", tables.RowId, autoincrement=True, nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("deal_id", sa.String(length=40), nullable=False),
        sa.Column("event", tables.RowId, nullable=False),
        sa.Column("outcome", sa.String(length=8), nullable=False),
        sa.Column("was", sa.String(length=8), nullable=True),
        sa.Column("amount", sa.String(length=24), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("leads", tables.Json(), nullable=False),
        sa.Column("account_id", sa.String(length=40), nullable=True),
        sa.Column("since", tables.Moment(timezone=True), nullable=False),
        sa.Column("at", tables.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_outcomes")),
    )
    op.create_index("ix_deal_outcomes_deal_id", "deal_outcomes", ["deal_id"])
    op.create_index("ix_deal_outcomes_space", "deal_outcomes", ["space", "id"])
    op.create_table(
        "deal_links",
        sa.Column("id", tables.RowId, autoincrement=True, nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("object", sa.String(length=64), nullable=False),
        sa.Column("remote_id", sa.String(length=64), nullable=False),
        sa.Column("deal_id", sa.String(length=40), nullable=False),
        sa.Column("shadow", tables.Json(), nullable=False),
        sa.Column("written", tables.Json(), nullable=False),
        sa.Column("aliases", tables.Json(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("read_at", tables.Moment(timezone=True), nullable=True),
        sa.Column("disputes", tables.Json(), server_default="{}", nullable=False),
        sa.Column("modified_at", tables.Moment(timezone=True), nullable=True),
        sa.Column("wrote_at", tables.Moment(timezone=True), nullable=True),
        sa.Column("recent", tables.Json(), server_default="{}", nullable=False),
        sa.Column("gone_at", tables.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_links")),
        sa.UniqueConstraint("deal_id", "connection", name=op.f("uq_deal_links_deal_id_connection")),
        sa.UniqueConstraint(
            "space",
            "connection",
            "object",
            "remote_id",
            name=op.f("uq_deal_links_space_connection_object_remote_id"),
        ),
    )


def downgrade() -> None:
    """Go back to the revision before."""
    for name in ("deal_links", "deal_outcomes", "deal_parties", "deals"):
        op.drop_table(name)
