"""What providers are asked, what they said of late, and what was spent on them."""

from __future__ import annotations

import sqlalchemy as sa

from sync.tables.columns import Json, RowId, metadata, moment, partial_index

ASK_STATES = ("waiting", "leased", "answered", "cached", "unknown", "failed", "capped")

asks = sa.Table(
    "asks",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("key", sa.String(64), nullable=False),  # of lead, provider and question
    sa.Column("provider", sa.String(80), nullable=False),
    sa.Column("lead_id", sa.String(40)),
    sa.Column("event", RowId, nullable=False),  # that caused it
    sa.Column("asked", sa.String(40), nullable=False),  # ``model.enrichment.asked_of``
    sa.Column("told", Json, nullable=False),  # the values that the provider is told
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),  # calls
    moment("due_at"),
    moment("raised_at"),
    moment("settled_at", nullable=True),
    sa.Column("lease_token", sa.String(40)),
    moment("lease_until", nullable=True),
    sa.Column("error", sa.Text),  # why there is no answer (yet)
    sa.UniqueConstraint("space", "key"),
    sa.CheckConstraint(f"state IN {ASK_STATES}", name="state"),
)
ASK_OPEN = sa.text("state IN ('waiting', 'leased')")
partial_index("ix_asks_due", asks.c.space, asks.c.due_at, where=ASK_OPEN)
sa.Index("ix_asks_lead_id", asks.c.lead_id)
sa.Index("ix_asks_state", asks.c.space, asks.c.provider, asks.c.state, asks.c.settled_at)

answers = sa.Table(  # of providers, as long as they may serve others who ask the same
    "answers",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("provider", sa.String(80), primary_key=True),
    sa.Column("asked", sa.String(40), primary_key=True),
    sa.Column("mark", sa.String(16), nullable=False),  # of the question and of what is read of an answer
    sa.Column("said", Json, nullable=False),  # path -> value; nothing else of the answer is kept
    moment("at"),
    moment("until"),
)
sa.Index("ix_answers_until", answers.c.space, answers.c.until)

spending = sa.Table(  # calls to providers, counted before each is made
    "spending",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("provider", sa.String(80), primary_key=True),
    sa.Column("period", sa.String(10), primary_key=True),  # "2026-11-23", "2026-11"; UTC
    sa.Column("calls", sa.BigInteger, nullable=False),
    sa.Column("cost", sa.BigInteger, nullable=False),  # millionths of the currency
    sa.Column("currency", sa.String(3), nullable=False),
)
