"""What could be done to records of people once somebody says so; merges asked for by reviews become that."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from sync import tables

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ASKED = sa.text(
    "SELECT id, space, event, lead_id, detail, created_at FROM reviews "
    "WHERE kind = 'merge_records' AND state = 'open' ORDER BY id"
)


def upgrade() -> None:
    """Bring the store to this revision."""
    made = op.create_table(
        "proposals",
        sa.Column("id", tables.RowId, autoincrement=True, nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("lead_id", sa.String(length=40), nullable=False),
        sa.Column("event", tables.RowId, nullable=False),
        sa.Column("object", sa.String(length=64), nullable=False),
        sa.Column("record", sa.String(length=64), nullable=False),
        sa.Column("keep_object", sa.String(length=64), nullable=False),
        sa.Column("keep", sa.String(length=64), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("since", tables.Moment(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("outcome", sa.String(length=200), nullable=False),
        sa.Column("effect", sa.String(length=64), nullable=False),
        sa.Column("settled_at", tables.Moment(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'accepted', 'refused', 'done', 'over')", name=op.f("ck_proposals_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposals")),
        sa.UniqueConstraint(
            "space",
            "kind",
            "connection",
            "object",
            "record",
            "keep",
            name=op.f("uq_proposals_space_kind_connection_object_record_keep"),
        ),
    )
    op.create_index("ix_proposals_state", "proposals", ["space", "state", "id"])
    op.create_index("ix_proposals_lead_id", "proposals", ["lead_id"])
    op.create_index("ix_proposals_record", "proposals", ["space", "connection", "record"])
    op.create_index("ix_proposals_keep", "proposals", ["space", "connection", "keep"])
    op.create_index("ix_reviews_lead_id", "reviews", ["lead_id"])
    _deletions()
    _carry_over(made)


def _deletions() -> None:
    op.create_table(
        "deletions",
        sa.Column("id", tables.RowId, autoincrement=True, nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("object", sa.String(length=64), nullable=False),
        sa.Column("record", sa.String(length=64), nullable=False),
        sa.Column("lead_id", sa.String(length=40), nullable=False),
        sa.Column("at", tables.Moment(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("is_erased", sa.Boolean(), nullable=False),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.CheckConstraint(
            "state IN ('told', 'done', 'held', 'released', 'dismissed', 'restored')",
            name=op.f("ck_deletions_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deletions")),
        sa.UniqueConstraint(
            "space",
            "connection",
            "object",
            "record",
            name=op.f("uq_deletions_space_connection_object_record"),
        ),
    )
    held = sa.text("state = 'held'")
    op.create_index("ix_deletions_at", "deletions", ["space", "connection", "state", "at"])
    op.create_index(
        "ix_deletions_held",
        "deletions",
        ["space", "connection", "id"],
        sqlite_where=held,
        postgresql_where=held,
    )
    op.create_index("ix_deletions_lead_id", "deletions", ["lead_id"])
    op.create_table(
        "forgotten",
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("at", tables.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("space", "hash", name=op.f("pk_forgotten")),
    )


def _carry_over(proposals: sa.Table) -> None:
    """Make proposals of the reviews that asked to merge records, which nothing ever settled."""
    connection = op.get_bind()
    asked = connection.execute(ASKED.columns(created_at=tables.Moment(timezone=True))).all()
    seen: set[tuple[str, ...]] = set()
    for row in asked:
        detail = row.detail if isinstance(row.detail, dict) else json.loads(row.detail)
        new = _proposed(row, detail)
        which = (new["space"], new["connection"], new["object"], new["record"], new["keep"])
        if which not in seen:
            seen.add(which)
            connection.execute(sa.insert(proposals).values(new))
    connection.execute(
        sa.text("UPDATE reviews SET state = 'settled' WHERE kind = 'merge_records' AND state = 'open'")
    )


def _proposed(row: Any, detail: dict[str, str]) -> dict[str, Any]:
    return {
        "space": row.space,
        "kind": "merge",
        "connection": detail["connection"],
        "lead_id": row.lead_id or detail["lead"],
        "event": row.event,
        "object": detail["merge_object"],
        "record": detail["merge"],
        "keep_object": detail["object"],
        "keep": detail["keep"],
        "why": "merged in another CRM",
        "state": "open",
        "since": row.created_at,
        "by": "",
        "outcome": "",
        "effect": "",
        "settled_at": None,
    }


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("ix_reviews_lead_id", table_name="reviews")
    for name in ("forgotten", "deletions", "proposals"):
        op.drop_table(name)
