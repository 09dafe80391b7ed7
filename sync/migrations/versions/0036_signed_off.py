"""Who signed off a version of the playbook."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""
    column = sa.Column("signed_off", sa.Text, nullable=False, server_default=sa.text("'[]'"))
    op.add_column("playbook_versions", column)


def downgrade() -> None:
    """Go back to the revision before."""
    with op.batch_alter_table("playbook_versions") as batch:
        batch.drop_column("signed_off")
