"""The paced release of what an observed connection had gathered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync import tables

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""
    op.create_table(
        "releases",
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("expected", sa.BigInteger(), nullable=False),
        sa.Column("at_most", sa.BigInteger(), nullable=False),
        sa.Column("released", sa.BigInteger(), nullable=False),
        sa.Column("written", sa.BigInteger(), nullable=False),
        sa.Column("cursor", sa.String(length=40), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("began_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("changed_at", tables.Moment(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('preparing', 'releasing', 'held', 'done', 'stopped')", name=op.f("ck_releases_state")
        ),
        sa.PrimaryKeyConstraint("space", "connection", name=op.f("pk_releases")),
    )
    with op.batch_alter_table("outbox_changes") as table:
        table.add_column(sa.Column("release", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Go back to the revision before."""
    with op.batch_alter_table("outbox_changes") as table:
        table.drop_column("release")
    op.drop_table("releases")
