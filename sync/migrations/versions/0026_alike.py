"""Keys by which leads are compared, pairs that may be one person, and how far the comparing has come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync import tables

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

STATES = ("open", "filtered", "agreed", "same", "different")


def upgrade() -> None:
    """Bring the store to this revision."""
    op.create_table(
        "match_keys",
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("lead_id", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("space", "key", "lead_id", name=op.f("pk_match_keys")),
    )
    op.create_index("ix_match_keys_lead_id", "match_keys", ["lead_id"])
    op.create_table(
        "match_pairs",
        sa.Column("id", tables.RowId, autoincrement=True, nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("one", sa.String(length=40), nullable=False),
        sa.Column("other", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("evidence", tables.Json(), nullable=False),
        sa.Column("model", sa.String(length=16), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("since", tables.Moment(timezone=True), nullable=False),
        sa.Column("settled_at", tables.Moment(timezone=True), nullable=True),
        sa.CheckConstraint(f"state IN {STATES}", name=op.f("ck_match_pairs_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match_pairs")),
        sa.UniqueConstraint("space", "one", "other", name=op.f("uq_match_pairs_space_one_other")),
    )
    op.create_index("ix_match_pairs_one", "match_pairs", ["one"])
    op.create_index("ix_match_pairs_other", "match_pairs", ["other"])
    op.create_index("ix_match_pairs_state", "match_pairs", ["space", "state", "id"])
    op.create_table(
        "match_walks",
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=16), nullable=False),
        sa.Column("lead_id", sa.String(length=40), nullable=False),
        sa.Column("is_through", sa.Boolean(), nullable=False),
        sa.Column("line", tables.RowId, nullable=False),
        sa.PrimaryKeyConstraint("space", name=op.f("pk_match_walks")),
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("match_walks")
    op.drop_table("match_pairs")
    op.drop_table("match_keys")
