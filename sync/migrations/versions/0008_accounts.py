"""Companies: accounts, their records in the CRMs, and which account a lead belongs to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync import tables

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

DUE = sa.text("wanted > done AND wanted > dead")


def upgrade() -> None:
    """Bring the store to this revision."""
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("fields", tables.Json(), nullable=False),
        sa.Column("provenance", tables.Json(), nullable=False),
        sa.Column("created_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("updated_at", tables.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("space", "domain", name=op.f("uq_accounts_space_domain")),
    )
    op.create_table(
        "account_links",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("object", sa.String(length=64), nullable=False),
        sa.Column("remote_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column("shadow", tables.Json(), nullable=False),
        sa.Column("written", tables.Json(), nullable=False),
        sa.Column("aliases", tables.Json(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("read_at", tables.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_links")),
        sa.UniqueConstraint("account_id", "connection", name=op.f("uq_account_links_account_id_connection")),
        sa.UniqueConstraint(
            "space",
            "connection",
            "object",
            "remote_id",
            name=op.f("uq_account_links_space_connection_object_remote_id"),
        ),
    )
    op.add_column("leads", sa.Column("account_id", sa.String(length=40), nullable=True))
    op.drop_index("ix_outbox_changes_due", table_name="outbox_changes")
    op.create_index(
        "ix_outbox_changes_due",
        "outbox_changes",
        ["space", "connection", "entity_kind", "priority", "due_at"],
        sqlite_where=DUE,
        postgresql_where=DUE,
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("ix_outbox_changes_due", table_name="outbox_changes")
    op.create_index(
        "ix_outbox_changes_due",
        "outbox_changes",
        ["space", "connection", "priority", "due_at"],
        sqlite_where=DUE,
        postgresql_where=DUE,
    )
    op.drop_column("leads", "account_id")
    op.drop_table("account_links")
    op.drop_table("accounts")
