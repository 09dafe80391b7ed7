"""What a person is asked or may decide about: reviews, holds, proposals, deletions."""

from __future__ import annotations

import sqlalchemy as sa

from sync.tables.columns import Json, RowId, metadata, moment, partial_index

reviews = sa.Table(
    "reviews",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("event", RowId, nullable=False),
    sa.Column("lead_id", sa.String(40)),
    sa.Column("detail", Json, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("doubt", sa.String(64), nullable=False),  # hash of what is asked: once while open
    moment("created_at"),
)
partial_index(
    "uq_reviews_open_doubt", reviews.c.space, reviews.c.doubt, unique=True, where=sa.text("state = 'open'")
)
sa.Index("ix_reviews_state", reviews.c.space, reviews.c.state, reviews.c.id)
sa.Index("ix_reviews_lead_id", reviews.c.lead_id)

holds = sa.Table(  # fields on which two sides differ until a person decides
    "holds",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("connection", sa.String(64), nullable=False),
    sa.Column("entity_kind", sa.String(16), nullable=False),  # "lead", "account", "deal"
    sa.Column("entity_id", sa.String(40), nullable=False),
    sa.Column("field", sa.String(128), nullable=False),  # of the lead or account
    sa.Column("remote", sa.String(128), nullable=False),  # of the vendor; the three values are in its form
    sa.Column("base", Json),
    sa.Column("ours", Json),
    sa.Column("theirs", Json),
    sa.Column("why", sa.String(200), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    moment("since"),
    sa.Column("choice", sa.String(16), nullable=False),  # "theirs", "ours", "value"
    sa.Column("by", sa.String(128), nullable=False),
    sa.Column("outcome", sa.String(200), nullable=False),  # how it ended, in words
    moment("settled_at", nullable=True),
    sa.CheckConstraint("state IN ('open', 'settled')", name="state"),
)
partial_index(
    "uq_holds_open",
    holds.c.space,
    holds.c.entity_id,
    holds.c.connection,
    holds.c.field,
    unique=True,
    where=sa.text("state = 'open'"),
)
sa.Index("ix_holds_state", holds.c.space, holds.c.state, holds.c.id)
sa.Index("ix_holds_entity_id", holds.c.entity_id)

PROPOSAL_STATES = ("open", "accepted", "refused", "done", "over")

proposals = sa.Table(  # what could be done to records of one person in one CRM, once somebody says so
    "proposals",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),  # "merge": ``record`` goes into ``keep``
    sa.Column("connection", sa.String(64), nullable=False),
    sa.Column("lead_id", sa.String(40), nullable=False),
    sa.Column("event", RowId, nullable=False),  # that gave rise to it
    sa.Column("object", sa.String(64), nullable=False),
    sa.Column("record", sa.String(64), nullable=False),
    sa.Column("keep_object", sa.String(64), nullable=False),
    sa.Column("keep", sa.String(64), nullable=False),
    sa.Column("why", sa.String(200), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    moment("since"),
    sa.Column("by", sa.String(128), nullable=False),  # who answered; "playbook": the CRM's map did
    sa.Column("outcome", sa.String(200), nullable=False),
    sa.Column("effect", sa.String(64), nullable=False),  # the key of what does it, once accepted
    moment("settled_at", nullable=True),
    # by what people know somebody whose lead is gone, while it waits
    sa.Column("who", sa.String(320), nullable=False, server_default=sa.text("''")),
    sa.UniqueConstraint("space", "kind", "connection", "object", "record", "keep"),
    sa.CheckConstraint(f"state IN {PROPOSAL_STATES}", name="state"),
)
sa.Index("ix_proposals_state", proposals.c.space, proposals.c.state, proposals.c.id)
sa.Index("ix_proposals_lead_id", proposals.c.lead_id)
sa.Index("ix_proposals_record", proposals.c.space, proposals.c.connection, proposals.c.record)
sa.Index("ix_proposals_keep", proposals.c.space, proposals.c.connection, proposals.c.keep)

DELETION_STATES = ("told", "done", "held", "released", "dismissed", "restored")

deletions = sa.Table(  # people's records that were deleted in a CRM; the brake counts them
    "deletions",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("connection", sa.String(64), nullable=False),
    sa.Column("object", sa.String(64), nullable=False),
    sa.Column("record", sa.String(64), nullable=False),
    sa.Column("lead_id", sa.String(40), nullable=False),  # blank: nobody's, or of one who is forgotten
    moment("at"),
    sa.Column("state", sa.String(16), nullable=False),  # "told": a webhook named it, it was not seen yet
    sa.Column("is_erased", sa.Boolean, nullable=False),  # the CRM says: for good, for privacy
    sa.Column("by", sa.String(128), nullable=False),  # who let it take effect, or left it at that
    sa.UniqueConstraint("space", "connection", "object", "record"),
    sa.CheckConstraint(f"state IN {DELETION_STATES}", name="state"),
)
sa.Index("ix_deletions_at", deletions.c.space, deletions.c.connection, deletions.c.state, deletions.c.at)
partial_index(
    "ix_deletions_held",
    deletions.c.space,
    deletions.c.connection,
    deletions.c.id,
    where=sa.text("state = 'held'"),
)
sa.Index("ix_deletions_lead_id", deletions.c.lead_id)
