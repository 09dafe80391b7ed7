"""What people said of each purpose, and an index of what gates of consent keep back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync.tables.columns import Moment, RowId

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""
    op.create_table(
        "consents",
        sa.Column("id", RowId, primary_key=True, autoincrement=True),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("lead_id", sa.String(length=40), nullable=False),
        sa.Column("event", RowId, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("said_at", Moment(), nullable=False),
        sa.Column("text_version", sa.String(length=200), nullable=False),
        sa.Column("basis", sa.String(length=32), nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
    )
    op.create_index("ix_consents_lead_id", "consents", ["lead_id"])
    blocked = sa.text("state = 'withheld' AND cause = 'NO_CONSENT'")
    op.create_index(
        "ix_outbox_effects_blocked",
        "outbox_effects",
        ["space", "lead_id"],
        sqlite_where=blocked,
        postgresql_where=blocked,
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("ix_outbox_effects_blocked", "outbox_effects")
    op.drop_table("consents")
