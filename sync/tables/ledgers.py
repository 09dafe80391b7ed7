"""What happened to each lead: ledgers that rows are added to, and what the CRMs tell of them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from sync.tables.columns import Json, RowId, metadata, moment, partial_index


def _ledger(name: str, *columns: sa.Column[Any]) -> sa.Table:
    """Declare an append-only ledger of a lead: every row names the event that made it."""
    table = sa.Table(
        name,
        metadata,
        sa.Column("id", RowId, primary_key=True, autoincrement=True),
        sa.Column("space", sa.String(64), nullable=False),
        sa.Column("lead_id", sa.String(40), nullable=False),
        sa.Column("event", RowId, nullable=False),
        moment("at"),
        *columns,
    )
    sa.Index(f"ix_{name}_lead_id", table.c.lead_id)
    return table


touches = _ledger("touches", sa.Column("fields", Json, nullable=False))

activities = _ledger(
    "activities",
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("detail", sa.String(400), nullable=False),
)

stage_history = _ledger(
    "stage_history",
    sa.Column("stage", sa.String(64), nullable=False),
    sa.Column("previous", sa.String(64)),
    sa.Column("by", sa.String(64), nullable=False, server_default=sa.text("''")),  # ``EnterStage.by``
    sa.Column("pass_number", sa.Integer, nullable=False, server_default=sa.text("1")),
)
sa.Index("ix_stage_history_at", stage_history.c.space, stage_history.c.at)

assignments = _ledger(
    "assignments",
    sa.Column("owner", sa.String(320), nullable=False),
    sa.Column("previous", sa.String(320)),
    sa.Column("pool", sa.String(64), nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("way", sa.String(16), nullable=False, server_default=sa.text("''")),  # ``model.decision.Way``
)
GIVEN_BY_RULES = sa.text("way IN ('owner', 'sticky', 'turn')")
"""Which assignments count (``model.decision.GIVEN``): the indexes serve who asks in these very words."""
partial_index(  # how many somebody got since when
    "ix_assignments_owner",
    assignments.c.space,
    assignments.c.owner,
    assignments.c.at,
    where=GIVEN_BY_RULES,
)
partial_index(  # the last ones
    "ix_assignments_given", assignments.c.space, assignments.c.id, where=GIVEN_BY_RULES
)
GIVEN_BACK = sa.text("way = 'credit'")
partial_index("ix_assignments_credit", assignments.c.space, assignments.c.at, where=GIVEN_BACK)

scores = _ledger(
    "scores",
    sa.Column("score", sa.Integer, nullable=False),
    sa.Column("previous", sa.Integer, nullable=False),
    sa.Column("playbook", sa.String(12), nullable=False),
)

consents = _ledger(  # what the person, or somebody in their name, said of each purpose
    "consents",
    sa.Column("purpose", sa.String(32), nullable=False),  # "*": of everything, an opt-out
    sa.Column("act", sa.String(16), nullable=False),  # ``model.consent.ACTS``
    sa.Column("source", sa.String(64), nullable=False),
    moment("said_at"),
    sa.Column("text_version", sa.String(200), nullable=False),
    sa.Column("basis", sa.String(32), nullable=False),
    sa.Column("counts", sa.Boolean, nullable=False),  # it says how the purpose stands from then on
    sa.Column("by", sa.String(64), nullable=False),  # who noted it here
)

conflicts = _ledger(  # ``lead_id`` is an account's or a deal's id where those are concerned
    "conflicts",
    sa.Column("connection", sa.String(64), nullable=False),
    sa.Column("field", sa.String(128), nullable=False),
    sa.Column("kept", Json),
    sa.Column("lost", Json),
    sa.Column("rule", sa.String(200), nullable=False),
)
sa.Index("ix_conflicts_space", conflicts.c.space, conflicts.c.id)

engagements = sa.Table(  # what was done with a lead in the CRMs, each as its CRM has it now
    "engagements",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("lead_id", sa.String(40), nullable=False),
    sa.Column("connection", sa.String(64), nullable=False),
    sa.Column("object", sa.String(64), nullable=False),
    sa.Column("remote_id", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),  # ``model.engagement``
    sa.Column("standing", sa.String(16), nullable=False),
    moment("at"),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("outcome", sa.String(64), nullable=False),
    sa.Column("by", sa.String(320), nullable=False),
    sa.Column("is_response", sa.Boolean, nullable=False),
    sa.Column("is_ours", sa.Boolean, nullable=False),
    moment("modified_at", nullable=True),  # by the vendor's clock
    sa.Column("version", sa.String(32), nullable=False),  # a hash of what the CRM said of it
    sa.Column("event", RowId, nullable=False),  # that told of this version
    sa.UniqueConstraint("lead_id", "connection", "object", "remote_id"),
)
sa.Index("ix_engagements_record", engagements.c.connection, engagements.c.object, engagements.c.remote_id)
