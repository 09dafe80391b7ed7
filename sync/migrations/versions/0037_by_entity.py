"""What is to be written of one lead or account stands together, and what recognises a lead is one tree."""

from __future__ import annotations

from collections.abc import Sequence

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

BEFORE = ("space", "connection", "object", "entity_kind", "entity_id")
NOW = ("entity_id", "connection", "object", "entity_kind", "space")
CLUSTERED = ("identities", "person_keys")


def upgrade() -> None:
    """Bring the store to this revision."""
    op.drop_index("ix_outbox_changes_entity", "outbox_changes")  # the constraint begins with it now
    _constrain(BEFORE, NOW)
    _cluster(with_rowid=False)


def downgrade() -> None:
    """Go back to the revision before."""
    _cluster(with_rowid=True)
    _constrain(NOW, BEFORE)
    op.create_index("ix_outbox_changes_entity", "outbox_changes", ["entity_id"])


def _constrain(before: Sequence[str], now: Sequence[str]) -> None:
    with op.batch_alter_table("outbox_changes") as batch:
        batch.drop_constraint(_name(before), type_="unique")
        batch.create_unique_constraint(_name(now), list(now))


def _name(columns: Sequence[str]) -> str:
    return "_".join(("uq_outbox_changes", *columns))


def _cluster(*, with_rowid: bool) -> None:
    """Keep these tables' rows by their key, where SQLite would keep the key a second time."""
    if op.get_bind().dialect.name != "sqlite":
        return
    for name in CLUSTERED:
        with op.batch_alter_table(name, recreate="always", table_kwargs={"sqlite_with_rowid": with_rowid}):
            pass
