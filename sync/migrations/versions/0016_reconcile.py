"""Comparisons of the CRMs' records with what is here, what they found, and what is to be mended of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync import tables

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

RUNNING = sa.text("state = 'running'")


def upgrade() -> None:
    """Bring the store to this revision."""
    op.create_table(
        "reconciles",
        sa.Column("id", tables.RowId, autoincrement=True, nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("object", sa.String(length=64), nullable=False),
        sa.Column("asked", tables.Json(), nullable=False),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("steps", sa.BigInteger(), nullable=False),
        sa.Column("place", tables.Json(), nullable=False),
        sa.Column("chosen", tables.Json(), nullable=False),
        sa.Column("counts", tables.Json(), nullable=False),
        sa.Column("tallies", tables.Json(), nullable=False),
        sa.Column("looked", sa.BigInteger(), nullable=False),
        sa.Column("moving", sa.BigInteger(), nullable=False),
        sa.Column("found", sa.BigInteger(), nullable=False),
        sa.Column("faults", sa.BigInteger(), nullable=False),
        sa.Column("faulty", sa.BigInteger(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("failing_since", tables.Moment(timezone=True), nullable=True),
        sa.Column("due_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("begun_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("moved_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("finished_at", tables.Moment(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('running', 'done', 'failed')", name=op.f("ck_reconciles_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciles")),
    )
    op.create_index("ix_reconciles_connection", "reconciles", ["space", "connection", "id"])
    op.create_index(
        "uq_reconciles_running",
        "reconciles",
        ["space", "connection"],
        unique=True,
        sqlite_where=RUNNING,
        postgresql_where=RUNNING,
    )
    op.create_table(
        "differences",
        sa.Column("id", tables.RowId, autoincrement=True, nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("object", sa.String(length=64), nullable=False),
        sa.Column("field", sa.String(length=128), nullable=False),
        sa.Column("remote", sa.String(length=128), nullable=False),
        sa.Column("entity_kind", sa.String(length=16), nullable=False),
        sa.Column("entity_id", sa.String(length=40), nullable=False),
        sa.Column("record_id", sa.String(length=64), nullable=False),
        sa.Column("ours", tables.Json(), nullable=True),
        sa.Column("shadow", tables.Json(), nullable=True),
        sa.Column("theirs", tables.Json(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("mend", sa.String(length=16), nullable=False),
        sa.Column("is_fault", sa.Boolean(), nullable=False),
        sa.Column("place", sa.String(length=64), nullable=False),
        sa.Column("found_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("mended_by", sa.String(length=128), server_default=sa.text("''"), nullable=False),
        sa.Column("mended_at", tables.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_differences")),
    )
    op.create_index("ix_differences_run", "differences", ["space", "run", "id", "kind", "object", "field"])
    op.create_index("ix_differences_entity_id", "differences", ["entity_id"])
    op.create_table(
        "mends",
        sa.Column("id", tables.RowId, autoincrement=True, nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("asked", tables.Json(), nullable=False),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("at_most", sa.BigInteger(), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("handed_in", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("asked_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("moved_at", tables.Moment(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('running', 'done')", name=op.f("ck_mends_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mends")),
    )
    op.create_index(
        "uq_mends_running",
        "mends",
        ["space", "run", "asked"],
        unique=True,
        sqlite_where=RUNNING,
        postgresql_where=RUNNING,
    )


def downgrade() -> None:
    """Go back to the revision before."""
    for name in ("mends", "differences", "reconciles"):
        op.drop_table(name)
