"""What providers are asked, what they said of late, and what was spent on them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync import tables

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""
    op.create_table(
        "asks",
        sa.Column("id", tables.RowId, autoincrement=True, nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("provider", sa.String(length=80), nullable=False),
        sa.Column("lead_id", sa.String(length=40), nullable=True),
        sa.Column("event", tables.RowId, nullable=False),
        sa.Column("asked", sa.String(length=40), nullable=False),
        sa.Column("told", tables.Json(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("raised_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("settled_at", tables.Moment(timezone=True), nullable=True),
        sa.Column("lease_token", sa.String(length=40), nullable=True),
        sa.Column("lease_until", tables.Moment(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asks")),
        sa.UniqueConstraint("space", "key", name=op.f("uq_asks_space_key")),
        sa.CheckConstraint(
            "state IN ('waiting', 'leased', 'answered', 'cached', 'unknown', 'failed', 'capped')",
            name=op.f("ck_asks_state"),
        ),
    )
    is_open = sa.text("state IN ('waiting', 'leased')")
    op.create_index(
        "ix_asks_due", "asks", ["space", "due_at"], sqlite_where=is_open, postgresql_where=is_open
    )
    op.create_index("ix_asks_lead_id", "asks", ["lead_id"])
    op.create_index("ix_asks_state", "asks", ["space", "provider", "state", "settled_at"])
    op.create_table(
        "answers",
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("provider", sa.String(length=80), nullable=False),
        sa.Column("asked", sa.String(length=40), nullable=False),
        sa.Column("mark", sa.String(length=16), nullable=False),
        sa.Column("said", tables.Json(), nullable=False),
        sa.Column("at", tables.Moment(timezone=True), nullable=False),
        sa.Column("until", tables.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("space", "provider", "asked", name=op.f("pk_answers")),
    )
    op.create_index("ix_answers_until", "answers", ["space", "until"])
    op.create_table(
        "spending",
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("provider", sa.String(length=80), nullable=False),
        sa.Column("period", sa.String(length=10), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.PrimaryKeyConstraint("space", "provider", "period", name=op.f("pk_spending")),
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("spending")
    op.drop_index("ix_answers_until", "answers")
    op.drop_table("answers")
    for name in ("ix_asks_state", "ix_asks_lead_id", "ix_asks_due"):
        op.drop_index(name, "asks")
    op.drop_table("asks")
