"""Who belongs to a company is found by an index: a comparison asks it of a thousand companies at a time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""
    some = sa.text("account_id IS NOT NULL")
    op.create_index(
        "ix_leads_account_id", "leads", ["account_id", "id"], sqlite_where=some, postgresql_where=some
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("ix_leads_account_id", "leads")
