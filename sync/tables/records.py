"""Which record of a CRM is which lead, account or deal."""

from __future__ import annotations

import sqlalchemy as sa

from sync.tables.columns import Json, RowId, metadata, moment


def _links(name: str, owner: str) -> sa.Table:
    """Declare which remote record is which lead, account or deal: at most one on each connection."""
    return sa.Table(
        name,
        metadata,
        sa.Column("id", RowId, primary_key=True, autoincrement=True),
        sa.Column("space", sa.String(64), nullable=False),
        sa.Column("connection", sa.String(64), nullable=False),
        sa.Column("object", sa.String(64), nullable=False),
        sa.Column("remote_id", sa.String(64), nullable=False),
        sa.Column(owner, sa.String(40), nullable=False),
        sa.Column("shadow", Json, nullable=False),
        sa.Column("written", Json, nullable=False),
        sa.Column("aliases", Json, nullable=False),
        sa.Column("rev", sa.Integer, nullable=False),
        moment("read_at", nullable=True),
        sa.Column("disputes", Json, nullable=False, server_default="{}"),  # by vendor field
        moment("modified_at", nullable=True),  # the vendor's stamp of the newest version that is known
        moment("wrote_at", nullable=True),  # when an answer to a write of ours was last settled
        sa.Column(
            "recent", Json, nullable=False, server_default="{}"
        ),  # values that a write of ours replaced
        moment("gone_at", nullable=True),  # the record was deleted, and nothing took its place
        sa.UniqueConstraint("space", "connection", "object", "remote_id"),
        sa.UniqueConstraint(owner, "connection"),
    )


links = _links("links", "lead_id")

account_links = _links("account_links", "account_id")

deal_links = _links("deal_links", "deal_id")
