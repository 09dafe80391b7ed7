"""Leads, by what they are recognised, and the companies they belong to."""

from __future__ import annotations

import sqlalchemy as sa

from sync.tables.columns import Json, RowId, metadata, moment, partial_index, searchable

leads = sa.Table(
    "leads",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("unit", sa.String(64), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("email", searchable(320)),  # these four repeat ``fields`` for look-ups and lists
    sa.Column("stage", sa.String(64)),
    sa.Column("score", sa.Integer, nullable=False),
    sa.Column("owner", sa.String(320)),
    sa.Column("account_id", sa.String(40)),  # repeats ``fields``, too: which company it is
    sa.Column(
        "full_name", searchable(200)
    ),  # these three as ``search_key`` writes them: what a search begins with
    sa.Column("last_name", searchable(200)),
    sa.Column("company", searchable(200)),
    sa.Column("fields", Json, nullable=False),
    sa.Column("provenance", Json, nullable=False),
    sa.Column("is_test", sa.Boolean, nullable=False),
    moment("created_at"),
    moment("updated_at"),
)
sa.Index("ix_leads_email", leads.c.space, leads.c.email)
# What each costs is told in docs/performance.md; an UPDATE writes only those whose columns change.
for _name in ("full_name", "last_name", "company"):  # the pages' search, with the e-mail's
    sa.Index(f"ix_leads_{_name}", leads.c.space, leads.c[_name])
for _names in ((), ("stage",), ("owner",)):  # the pages' lists, newest first; the overview's counts by stage
    _columns = [leads.c[_name] for _name in ("space", *_names, "created_at", "id")]
    sa.Index("_".join(("ix_leads", *_names, "created_at")), *_columns)
sa.Index(  # by score with any filter: all that is asked is in it, so no row is read but those shown
    "ix_leads_score", *(leads.c[_name] for _name in ("space", "score", "id", "stage", "owner", "is_test"))
)
sa.Index(  # how many open leads somebody has
    "ix_leads_owner_stage", *(leads.c[_name] for _name in ("space", "owner", "stage", "is_test"))
)
partial_index(  # who belongs to a company
    "ix_leads_account_id",
    leads.c.account_id,
    leads.c.id,
    where=sa.text("account_id IS NOT NULL"),
)
partial_index(  # the few that no count counts
    "ix_leads_test",
    leads.c.space,
    leads.c.stage,
    where=sa.text("is_test"),
)

identities = sa.Table(
    "identities",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("value", sa.String(400), primary_key=True),
    sa.Column("lead_id", sa.String(40), nullable=False),
    sqlite_with_rowid=False,  # all of a row is its key, which SQLite would keep twice
)
sa.Index("ix_identities_lead_id", identities.c.lead_id)

merged_leads = sa.Table(  # leads that turned out to be another one's person
    "merged_leads",
    metadata,
    sa.Column("lead_id", sa.String(40), primary_key=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("into", sa.String(40), nullable=False),
    sa.Column("event", RowId, nullable=False),
    sa.Column("was", Json, nullable=False),  # its links, and when it was made
    moment("at"),
    sa.Column(
        "kept", Json
    ),  # of a person's word: what both were (``sync.remembered``), until its term is over
    moment("kept_until", nullable=True),
)
sa.Index("ix_merged_leads_into", merged_leads.c.into)

forgotten = sa.Table(  # whom a CRM erased for privacy: no record elsewhere makes them a lead again
    "forgotten",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("hash", sa.String(64), primary_key=True),  # of an address
    sa.Column("connection", sa.String(64), nullable=False),
    moment("at"),
)

accounts = sa.Table(  # companies; the id follows from space and domain
    "accounts",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("domain", sa.String(255), nullable=False),  # repeats ``fields``, for look-ups
    sa.Column("fields", Json, nullable=False),
    sa.Column("provenance", Json, nullable=False),
    moment("created_at"),
    moment("updated_at"),
    sa.Column("name_key", sa.String(64)),  # by what it is looked for; these three follow from ``fields``
    sa.Column("name_sounds", sa.String(64)),
    sa.Column("phone_key", sa.String(16)),
    sa.UniqueConstraint("space", "domain"),
)
for _name in ("name_key", "name_sounds", "phone_key"):
    sa.Index(f"ix_accounts_{_name}", accounts.c.space, accounts.c[_name])
