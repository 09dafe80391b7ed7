"""What the CRMs hold, as backfill last saw it, and how far it has come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync import tables

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""
    op.create_table(
        "mirror",
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("object", sa.String(length=64), nullable=False),
        sa.Column("remote_id", sa.String(length=64), nullable=False),
        sa.Column("fields", tables.Json(), nullable=False),
        sa.Column("modified_at", tables.Moment(timezone=True), nullable=True),
        sa.Column("read_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("is_archived", sa.Boolean(), nullable=False),
        sa.Column("became", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("space", "connection", "object", "remote_id", name=op.f("pk_mirror")),
    )
    op.create_table(
        "mirror_keys",
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", sa.String(length=400), nullable=False),
        sa.Column("object", sa.String(length=64), nullable=False),
        sa.Column("remote_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint(
            "space", "connection", "kind", "value", "object", "remote_id", name=op.f("pk_mirror_keys")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_mirror_keys_record", "mirror_keys", ["space", "connection", "object", "remote_id"], unique=False
    )
    op.create_table(
        "cursors",
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("job", sa.String(length=32), nullable=False),
        sa.Column("object", sa.String(length=64), nullable=False),
        sa.Column("after", sa.String(length=200), nullable=True),
        sa.Column("fields", tables.Json(), nullable=False),
        sa.Column("absent", tables.Json(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("skipped", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("begun_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("moved_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("finished_at", tables.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("space", "connection", "job", "object", name=op.f("pk_cursors")),
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("cursors")
    op.drop_index("ix_mirror_keys_record", table_name="mirror_keys")
    op.drop_table("mirror_keys")
    op.drop_table("mirror")
