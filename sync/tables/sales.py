"""Deals, who takes part in them, and what became of them."""

from __future__ import annotations

import sqlalchemy as sa

from sync.tables.columns import Json, RowId, metadata, moment

deals = sa.Table(
    "deals",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("name", sa.String(255), nullable=False),  # these six repeat ``fields``, for lists and reports
    sa.Column("stage", sa.String(64), nullable=False),
    sa.Column("owner", sa.String(320)),
    sa.Column("outcome", sa.String(8), nullable=False),
    sa.Column("amount", sa.String(24)),  # an exact decimal
    sa.Column("currency", sa.String(3), nullable=False),  # the playbook's where nobody says
    sa.Column("fields", Json, nullable=False),
    sa.Column("provenance", Json, nullable=False),
    moment("closed_at", nullable=True),  # when it was won or lost, by the CRM's clock
    moment("created_at"),
    moment("updated_at"),
)
sa.Index("ix_deals_created_at", deals.c.space, deals.c.created_at, deals.c.id)
sa.Index("ix_deals_outcome", deals.c.space, deals.c.outcome, deals.c.created_at, deals.c.id)

deal_parties = sa.Table(  # who takes part in a deal: leads, and the account
    "deal_parties",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("deal_id", sa.String(40), nullable=False),
    sa.Column("lead_id", sa.String(40)),  # one of these two
    sa.Column("account_id", sa.String(40)),
    sa.Column("is_primary", sa.Boolean, nullable=False),
    sa.Column("place", sa.Integer, nullable=False),  # their order in the deal
    sa.UniqueConstraint("deal_id", "lead_id"),
)
sa.Index("ix_deal_parties_lead_id", deal_parties.c.lead_id)
sa.Index("ix_deal_parties_account_id", deal_parties.c.account_id)

# A ledger: each time that a deal was won, lost or reopened, and what it was worth then.
deal_outcomes = sa.Table(
    "deal_outcomes",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("deal_id", sa.String(40), nullable=False),
    sa.Column("event", RowId, nullable=False),
    sa.Column("outcome", sa.String(8), nullable=False),
    sa.Column("was", sa.String(8)),  # none: the deal was new
    sa.Column("amount", sa.String(24)),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("leads", Json, nullable=False),  # who took part then
    sa.Column("account_id", sa.String(40)),
    moment("since"),  # when it became so, by the clock of the CRM that said so
    moment("at"),
)
sa.Index("ix_deal_outcomes_deal_id", deal_outcomes.c.deal_id)
sa.Index("ix_deal_outcomes_space", deal_outcomes.c.space, deal_outcomes.c.id)
