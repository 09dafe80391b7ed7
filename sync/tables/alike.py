"""Who may be one person: the keys by which leads are compared, and the pairs that came out."""

from __future__ import annotations

import sqlalchemy as sa

from sync.tables.columns import Json, RowId, metadata, moment

match_keys = sa.Table(  # who shares one may be one person
    "match_keys",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("key", sa.String(80), primary_key=True),
    sa.Column("lead_id", sa.String(40), primary_key=True),
)
sa.Index("ix_match_keys_lead_id", match_keys.c.lead_id)

PAIR_STATES = ("open", "filtered", "agreed", "same", "different")

match_pairs = sa.Table(  # of leads that are likely one person, and what a person said of it
    "match_pairs",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("one", sa.String(40), nullable=False),  # the lesser id of the two
    sa.Column("other", sa.String(40), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("probability", sa.Float, nullable=False),  # 0: nobody weighed it, a person named the two
    sa.Column("evidence", Json, nullable=False),  # name, level and weight of each comparison
    sa.Column("model", sa.String(16), nullable=False),  # version of the weights
    sa.Column("why", sa.String(200), nullable=False),  # of a filtered one
    sa.Column("by", sa.String(128), nullable=False),  # who answered
    moment("since"),
    moment("settled_at", nullable=True),
    sa.UniqueConstraint("space", "one", "other"),
    sa.CheckConstraint(f"state IN {PAIR_STATES}", name="state"),
)
sa.Index("ix_match_pairs_other", match_pairs.c.other)
sa.Index("ix_match_pairs_one", match_pairs.c.one)
sa.Index("ix_match_pairs_state", match_pairs.c.space, match_pairs.c.state, match_pairs.c.id)

match_walks = sa.Table(  # how far the comparing has come: through the leads once, then along the audit
    "match_walks",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("fingerprint", sa.String(16), nullable=False),  # of what is compared, and how
    sa.Column("lead_id", sa.String(40), nullable=False),  # the last lead of the first walk
    sa.Column("is_through", sa.Boolean, nullable=False),
    sa.Column("line", RowId, nullable=False),  # the last line of the audit
)
