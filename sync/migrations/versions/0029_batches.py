"""Files of people: which batch a row of the inbox belongs to, so that one can be listed and taken back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

FROM_PAYLOAD = {
    "sqlite": "json_extract(payload, '$.import.batch')",
    "postgresql": """substring(payload from '"import":\\{"batch":"([^"]{1,40})"')""",
}


def upgrade() -> None:
    """Bring the store to this revision; rows that came before say in their payload whose they are."""
    op.add_column("inbox_events", sa.Column("batch", sa.String(40)))
    batch = FROM_PAYLOAD[op.get_bind().dialect.name]
    op.execute(
        f"UPDATE inbox_events SET batch = {batch} "
        """WHERE kind = 'intake' AND payload LIKE '%"import":{"batch":"%'"""
    )
    here = sa.text("batch IS NOT NULL")
    op.create_index(
        "ix_inbox_events_batch",
        "inbox_events",
        ["space", "batch", "id"],
        sqlite_where=here,
        postgresql_where=here,
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("ix_inbox_events_batch", "inbox_events")
    with op.batch_alter_table("inbox_events") as batch:
        batch.drop_column("batch")
