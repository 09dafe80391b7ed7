"""Each connection's day of API calls, and which of the records to write go first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync import tables

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

DUE = sa.text("wanted > done AND wanted > dead")


def upgrade() -> None:
    """Bring the store to this revision."""
    op.create_table(
        "budgets",
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("calls", tables.Json(), nullable=False),
        sa.Column("told", tables.Json(), nullable=True),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("updated_at", tables.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("space", "connection", name=op.f("pk_budgets")),
    )
    op.add_column(
        "outbox_changes", sa.Column("priority", sa.SmallInteger(), nullable=False, server_default="1")
    )
    op.drop_index("ix_outbox_changes_due", table_name="outbox_changes")
    _index("space", "connection", "priority", "due_at")


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("ix_outbox_changes_due", table_name="outbox_changes")
    _index("space", "connection", "due_at")
    with op.batch_alter_table("outbox_changes") as batch:
        batch.drop_column("priority")
    op.drop_table("budgets")


def _index(*columns: str) -> None:
    op.create_index(
        "ix_outbox_changes_due", "outbox_changes", list(columns), sqlite_where=DUE, postgresql_where=DUE
    )
