"""First tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync import tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the store to this revision."""

    op.create_table(
        "activities",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("lead_id", sa.String(length=40), nullable=False),
        sa.Column("event", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", tables.Moment(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.String(length=400), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activities")),
    )
    with op.batch_alter_table("activities", schema=None) as batch_op:
        batch_op.create_index("ix_activities_lead_id", ["lead_id"], unique=False)

    op.create_table(
        "assignments",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("lead_id", sa.String(length=40), nullable=False),
        sa.Column("event", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", tables.Moment(timezone=True), nullable=False),
        sa.Column("owner", sa.String(length=320), nullable=False),
        sa.Column("previous", sa.String(length=320), nullable=True),
        sa.Column("pool", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignments")),
    )
    with op.batch_alter_table("assignments", schema=None) as batch_op:
        batch_op.create_index("ix_assignments_lead_id", ["lead_id"], unique=False)

    op.create_table(
        "audit",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("at", tables.Moment(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("lead_id", sa.String(length=40), nullable=True),
        sa.Column("event", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("commitment", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index("ix_audit_event", ["event"], unique=False)
        batch_op.create_index("ix_audit_lead_id", ["lead_id"], unique=False)

    op.create_table(
        "audit_details",
        sa.Column(
            "audit_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("details", tables.Json(), nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_audit_details")),
    )
    op.create_table(
        "body_hashes",
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("event_id", sa.String(length=200), nullable=False),
        sa.Column("expires_at", tables.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("space", "source", "hash", name=op.f("pk_body_hashes")),
    )
    with op.batch_alter_table("body_hashes", schema=None) as batch_op:
        batch_op.create_index("ix_body_hashes_expires_at", ["expires_at"], unique=False)

    op.create_table(
        "conflicts",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("lead_id", sa.String(length=40), nullable=False),
        sa.Column("event", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", tables.Moment(timezone=True), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("field", sa.String(length=128), nullable=False),
        sa.Column("kept", tables.Json(), nullable=True),
        sa.Column("lost", tables.Json(), nullable=True),
        sa.Column("rule", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conflicts")),
    )
    with op.batch_alter_table("conflicts", schema=None) as batch_op:
        batch_op.create_index("ix_conflicts_lead_id", ["lead_id"], unique=False)

    op.create_table(
        "identities",
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", sa.String(length=400), nullable=False),
        sa.Column("lead_id", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("space", "kind", "value", name=op.f("pk_identities")),
    )
    with op.batch_alter_table("identities", schema=None) as batch_op:
        batch_op.create_index("ix_identities_lead_id", ["lead_id"], unique=False)

    op.create_table(
        "inbox_events",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("event_id", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("payload", tables.Json(), nullable=False),
        sa.Column("record_connection", sa.String(length=64), nullable=True),
        sa.Column("record_object", sa.String(length=64), nullable=True),
        sa.Column("record_id", sa.String(length=64), nullable=True),
        sa.Column("occurred_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("received_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("decided_at", tables.Moment(timezone=True), nullable=True),
        sa.Column("decided_seq", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reasons", tables.Json(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("lead_id", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox_events")),
        sa.UniqueConstraint(
            "space", "source", "event_id", name=op.f("uq_inbox_events_space_source_event_id")
        ),
    )
    with op.batch_alter_table("inbox_events", schema=None) as batch_op:
        batch_op.create_index("ix_inbox_events_lead_id", ["lead_id"], unique=False)
        batch_op.create_index("ix_inbox_events_state", ["space", "state", "id"], unique=False)
        batch_op.create_index(
            "ix_inbox_events_waiting",
            ["space", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )

    op.create_table(
        "leads",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=True),
        sa.Column("stage", sa.String(length=64), nullable=True),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=320), nullable=True),
        sa.Column("fields", tables.Json(), nullable=False),
        sa.Column("provenance", tables.Json(), nullable=False),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.Column("created_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("updated_at", tables.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leads")),
    )
    with op.batch_alter_table("leads", schema=None) as batch_op:
        batch_op.create_index("ix_leads_email", ["space", "email"], unique=False)

    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(length=128), nullable=False),
        sa.Column("until", tables.Moment(timezone=True), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("stamped_at", tables.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "links",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("object", sa.String(length=64), nullable=False),
        sa.Column("remote_id", sa.String(length=64), nullable=False),
        sa.Column("lead_id", sa.String(length=40), nullable=False),
        sa.Column("shadow", tables.Json(), nullable=False),
        sa.Column("written", tables.Json(), nullable=False),
        sa.Column("aliases", tables.Json(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("read_at", tables.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_links")),
        sa.UniqueConstraint("lead_id", "connection", name=op.f("uq_links_lead_id_connection")),
        sa.UniqueConstraint(
            "space",
            "connection",
            "object",
            "remote_id",
            name=op.f("uq_links_space_connection_object_remote_id"),
        ),
    )
    op.create_table(
        "outbox_changes",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("object", sa.String(length=64), nullable=False),
        sa.Column("entity_kind", sa.String(length=16), nullable=False),
        sa.Column("entity_id", sa.String(length=40), nullable=False),
        sa.Column("wanted", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("dead", sa.BigInteger(), nullable=False),
        sa.Column("needs", tables.Json(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("raised_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("settled_at", tables.Moment(timezone=True), nullable=True),
        sa.Column("lease_token", sa.String(length=40), nullable=True),
        sa.Column("lease_until", tables.Moment(timezone=True), nullable=True),
        sa.Column("in_flight", tables.Json(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_changes")),
        sa.UniqueConstraint(
            "space",
            "connection",
            "object",
            "entity_kind",
            "entity_id",
            name=op.f("uq_outbox_changes_space_connection_object_entity_kind_entity_id"),
        ),
    )
    with op.batch_alter_table("outbox_changes", schema=None) as batch_op:
        batch_op.create_index(
            "ix_outbox_changes_dead",
            ["space", "id"],
            unique=False,
            sqlite_where=sa.text("dead > done"),
            postgresql_where=sa.text("dead > done"),
        )
        batch_op.create_index(
            "ix_outbox_changes_due",
            ["space", "connection", "due_at"],
            unique=False,
            sqlite_where=sa.text("wanted > done AND wanted > dead"),
            postgresql_where=sa.text("wanted > done AND wanted > dead"),
        )
        batch_op.create_index("ix_outbox_changes_entity", ["entity_id"], unique=False)

    op.create_table(
        "person_keys",
        sa.Column("lead_id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("lead_id", name=op.f("pk_person_keys")),
    )
    op.create_table(
        "reviews",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("event", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lead_id", sa.String(length=40), nullable=True),
        sa.Column("detail", tables.Json(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("doubt", sa.String(length=64), nullable=False),
        sa.Column("created_at", tables.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
    )
    with op.batch_alter_table("reviews", schema=None) as batch_op:
        batch_op.create_index("ix_reviews_state", ["space", "state", "id"], unique=False)
        batch_op.create_index(
            "uq_reviews_open_doubt",
            ["space", "doubt"],
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )

    op.create_table(
        "rosters",
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("read_at", tables.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("space", "connection", name=op.f("pk_rosters")),
    )
    op.create_table(
        "scores",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("lead_id", sa.String(length=40), nullable=False),
        sa.Column("event", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", tables.Moment(timezone=True), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("previous", sa.Integer(), nullable=False),
        sa.Column("playbook", sa.String(length=12), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scores")),
    )
    with op.batch_alter_table("scores", schema=None) as batch_op:
        batch_op.create_index("ix_scores_lead_id", ["lead_id"], unique=False)

    op.create_table(
        "seats",
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("pool", sa.String(length=64), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("virtual_time", sa.Double(), nullable=False),
        sa.Column("last_assigned_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("space", "pool", "email", name=op.f("pk_seats")),
    )
    op.create_table(
        "source_days",
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("duplicates", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("space", "source", "day", name=op.f("pk_source_days")),
    )
    op.create_table(
        "stage_history",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("lead_id", sa.String(length=40), nullable=False),
        sa.Column("event", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", tables.Moment(timezone=True), nullable=False),
        sa.Column("stage", sa.String(length=64), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage_history")),
    )
    with op.batch_alter_table("stage_history", schema=None) as batch_op:
        batch_op.create_index("ix_stage_history_lead_id", ["lead_id"], unique=False)

    op.create_table(
        "teammates",
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("ids", tables.Json(), nullable=False),
        sa.Column("active", tables.Json(), nullable=False),
        sa.Column("updated_at", tables.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("space", "email", name=op.f("pk_teammates")),
    )
    op.create_table(
        "touches",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("space", sa.String(length=64), nullable=False),
        sa.Column("lead_id", sa.String(length=40), nullable=False),
        sa.Column("event", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", tables.Moment(timezone=True), nullable=False),
        sa.Column("fields", tables.Json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_touches")),
    )
    with op.batch_alter_table("touches", schema=None) as batch_op:
        batch_op.create_index("ix_touches_lead_id", ["lead_id"], unique=False)


def downgrade() -> None:
    """Take the store back to the revision before."""

    with op.batch_alter_table("touches", schema=None) as batch_op:
        batch_op.drop_index("ix_touches_lead_id")

    op.drop_table("touches")
    op.drop_table("teammates")
    with op.batch_alter_table("stage_history", schema=None) as batch_op:
        batch_op.drop_index("ix_stage_history_lead_id")

    op.drop_table("stage_history")
    op.drop_table("source_days")
    op.drop_table("seats")
    with op.batch_alter_table("scores", schema=None) as batch_op:
        batch_op.drop_index("ix_scores_lead_id")

    op.drop_table("scores")
    op.drop_table("rosters")
    with op.batch_alter_table("reviews", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_reviews_open_doubt",
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.drop_index("ix_reviews_state")

    op.drop_table("reviews")
    op.drop_table("person_keys")
    with op.batch_alter_table("outbox_changes", schema=None) as batch_op:
        batch_op.drop_index("ix_outbox_changes_entity")
        batch_op.drop_index(
            "ix_outbox_changes_due",
            sqlite_where=sa.text("wanted > done AND wanted > dead"),
            postgresql_where=sa.text("wanted > done AND wanted > dead"),
        )
        batch_op.drop_index(
            "ix_outbox_changes_dead",
            sqlite_where=sa.text("dead > done"),
            postgresql_where=sa.text("dead > done"),
        )

    op.drop_table("outbox_changes")
    op.drop_table("links")
    op.drop_table("leases")
    with op.batch_alter_table("leads", schema=None) as batch_op:
        batch_op.drop_index("ix_leads_email")

    op.drop_table("leads")
    with op.batch_alter_table("inbox_events", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_inbox_events_waiting",
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )
        batch_op.drop_index("ix_inbox_events_state")
        batch_op.drop_index("ix_inbox_events_lead_id")

    op.drop_table("inbox_events")
    with op.batch_alter_table("identities", schema=None) as batch_op:
        batch_op.drop_index("ix_identities_lead_id")

    op.drop_table("identities")
    with op.batch_alter_table("conflicts", schema=None) as batch_op:
        batch_op.drop_index("ix_conflicts_lead_id")

    op.drop_table("conflicts")
    with op.batch_alter_table("body_hashes", schema=None) as batch_op:
        batch_op.drop_index("ix_body_hashes_expires_at")

    op.drop_table("body_hashes")
    op.drop_table("audit_details")
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_lead_id")
        batch_op.drop_index("ix_audit_event")

    op.drop_table("audit")
    with op.batch_alter_table("assignments", schema=None) as batch_op:
        batch_op.drop_index("ix_assignments_lead_id")

    op.drop_table("assignments")
    with op.batch_alter_table("activities", schema=None) as batch_op:
        batch_op.drop_index("ix_activities_lead_id")

    op.drop_table("activities")
