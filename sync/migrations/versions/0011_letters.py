"""What is set aside and given up can be found by its cause, and sent again by the list."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync import tables

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ASIDE = sa.text("state = 'quarantined' OR state = 'review' OR state = 'spam' OR state = 'dead'")
GIVEN_UP = sa.text("dead > done AND wanted <= dead")
REFUSED = sa.text("dead > done")
DEAD = sa.text("state = 'dead'")
RUNNING = sa.text("state = 'running'")
INDEXES = (
    (
        "ix_inbox_events_aside",
        "inbox_events",
        ["space", "state", "id", "source", "cause", "received_at"],
        ASIDE,
    ),
    (
        "ix_outbox_changes_letters",
        "outbox_changes",
        ["space", "id", "connection", "object", "cause", "settled_at", "wanted", "done", "dead"],
        GIVEN_UP,
    ),
    (
        "ix_outbox_effects_letters",
        "outbox_effects",
        ["space", "id", "target", "kind", "cause", "settled_at", "state"],
        DEAD,
    ),
)


def upgrade() -> None:
    """Bring the store to this revision. What was given up before has no cause's name."""
    for table in ("inbox_events", "outbox_changes", "outbox_effects"):
        op.add_column(
            table, sa.Column("cause", tables.searchable(200), nullable=False, server_default=sa.text("''"))
        )
    for table in ("outbox_changes", "outbox_effects"):
        op.add_column(table, sa.Column("letter", tables.Json()))
    for name, table, columns, where in INDEXES:
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
    op.drop_index("ix_outbox_changes_dead", "outbox_changes")
    op.create_table(
        "replays",
        sa.Column("id", tables.RowId, autoincrement=True, nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("shelf", sa.String(length=16), nullable=False),
        sa.Column("asked", tables.Json(), nullable=False),
        sa.Column("overrides", tables.Json(), nullable=False),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("handed_in", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("asked_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("moved_at", tables.Moment(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('running', 'done')", name=op.f("ck_replays_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replays")),
    )
    op.create_index(
        "uq_replays_running",
        "replays",
        ["space", "shelf", "asked", "overrides"],
        unique=True,
        sqlite_where=RUNNING,
        postgresql_where=RUNNING,
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("replays")
    op.create_index(
        "ix_outbox_changes_dead",
        "outbox_changes",
        ["space", "id"],
        sqlite_where=REFUSED,
        postgresql_where=REFUSED,
    )
    for name, table, _, _ in INDEXES:
        op.drop_index(name, table)
    for table in ("outbox_changes", "outbox_effects"):
        op.drop_column(table, "letter")
    for table in ("inbox_events", "outbox_changes", "outbox_effects"):
        op.drop_column(table, "cause")
