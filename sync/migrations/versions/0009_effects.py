"""One-shot effects: tasks and messages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync import tables

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

OPEN = sa.text("state IN ('waiting', 'leased')")
UNSENT = sa.text("state <> 'sent'")


def upgrade() -> None:
    """Bring the store to this revision."""
    op.create_table(
        "outbox_effects",
        sa.Column("id", tables.RowId, autoincrement=True, nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("lead_id", sa.String(length=40), nullable=False),
        sa.Column("event", tables.RowId, nullable=False),
        sa.Column("payload", tables.Json(), nullable=False),
        sa.Column("needs", tables.Json(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("patient_until", tables.Moment(timezone=True), nullable=False),
        sa.Column("raised_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("settled_at", tables.Moment(timezone=True), nullable=True),
        sa.Column("lease_token", sa.String(length=40), nullable=True),
        sa.Column("lease_until", tables.Moment(timezone=True), nullable=True),
        sa.Column("in_flight", tables.Json(), nullable=True),
        sa.Column("remote_id", sa.String(length=200), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'leased', 'sent', 'unknown', 'withheld', 'dead')",
            name=op.f("ck_outbox_effects_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_effects")),
        sa.UniqueConstraint("space", "key", name=op.f("uq_outbox_effects_space_key")),
    )
    for name, columns, where in (
        ("ix_outbox_effects_due", ["space", "target", "due_at"], OPEN),
        ("ix_outbox_effects_lead_id", ["lead_id"], None),
        ("ix_outbox_effects_state", ["space", "target", "state"], None),
        ("ix_outbox_effects_unsent", ["space", "state", "target"], UNSENT),
    ):
        op.create_index(name, "outbox_effects", columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("outbox_effects")
