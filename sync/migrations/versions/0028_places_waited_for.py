"""Leads that wait until somebody owns an open lead fewer are found by whom they wait for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""
    waits = sa.text("kind = 'place' AND handed_in_at IS NULL")
    op.create_index(
        "ix_timers_place",
        "timers",
        ["space", "key", "since"],
        sqlite_where=waits,
        postgresql_where=waits,
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("ix_timers_place", "timers")
