"""What the last look at the fields of each account found that does not fit the map."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync import tables

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""
    op.create_table(
        "schema_looks",
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("at", tables.Moment(timezone=True), nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("objects", tables.Json(), nullable=False),
        sa.PrimaryKeyConstraint("space", "connection", name=op.f("pk_schema_looks")),
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("schema_looks")
