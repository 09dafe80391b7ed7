"""The register of playbook versions, and the files of each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync.tables.columns import Json, Moment

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""
    op.create_table(
        "playbook_versions",
        sa.Column("space", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("hash", sa.String(12), nullable=False),
        sa.Column("files", Json, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("by", sa.String(128), nullable=False),
        sa.Column("how", sa.String(16), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("event", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("folder", sa.String(12), nullable=False),
        sa.CheckConstraint(
            "how IN ('folder', 'apply', 'rollback')",
            name=op.f("ck_playbook_versions_how"),
        ),
        sa.PrimaryKeyConstraint("space", "number", name=op.f("pk_playbook_versions")),
    )
    op.create_table(
        "playbook_files",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_playbook_files")),
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("playbook_files")
    op.drop_table("playbook_versions")
