"""What the CRMs were last seen to hold, and how far each walk has come."""

from __future__ import annotations

import sqlalchemy as sa

from sync.tables.columns import Json, metadata, moment

mirror = sa.Table(  # what backfill and polls last saw of every record
    "mirror",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("connection", sa.String(64), primary_key=True),
    sa.Column("object", sa.String(64), primary_key=True),
    sa.Column("remote_id", sa.String(64), primary_key=True),
    sa.Column("fields", Json, nullable=False),  # the vendor's names; a name that is not in it was not read
    moment("modified_at", nullable=True),  # by the vendor's clock
    moment("read_at"),
    sa.Column("is_archived", sa.Boolean, nullable=False),
    sa.Column("became", sa.String(64)),  # a converted Lead: the id of its Contact
    # A short hash of the values of which the decider was told, or need not be; NULL: of another version.
    sa.Column("told", sa.String(32)),
)

mirror_keys = sa.Table(  # what finds a mirrored record; several records may share a value
    "mirror_keys",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("connection", sa.String(64), primary_key=True),
    sa.Column(
        "kind", sa.String(16), primary_key=True
    ),  # "email", "lead", "domain"; of deals "person", "company"
    sa.Column("value", sa.String(400), primary_key=True),  # in match form
    sa.Column("object", sa.String(64), primary_key=True),
    sa.Column("remote_id", sa.String(64), primary_key=True),
    sqlite_with_rowid=False,  # it is all key: once on disk is enough
)
sa.Index(
    "ix_mirror_keys_record",
    mirror_keys.c.space,
    mirror_keys.c.connection,
    mirror_keys.c.object,
    mirror_keys.c.remote_id,
)

cursors = sa.Table(  # how far a walk through something long has come; moved with what the step stored
    "cursors",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("connection", sa.String(64), primary_key=True),
    sa.Column("job", sa.String(32), primary_key=True),  # "backfill", "match"
    sa.Column("object", sa.String(64), primary_key=True),  # "contacts", "Lead"; blank where a job has none
    sa.Column("after", sa.String(200)),  # the last one done; none: at the beginning
    sa.Column("fields", Json, nullable=False),  # the names that were asked for
    sa.Column("absent", Json, nullable=False),  # those of them that the other side does not have
    sa.Column("seen", sa.BigInteger, nullable=False),
    sa.Column("skipped", sa.BigInteger, nullable=False),  # could not be read
    sa.Column("total", sa.BigInteger),  # as the other side counts them; none: not told yet
    sa.Column("problem", sa.Text),  # why the last step failed; none: it did not
    moment("begun_at"),
    moment("moved_at"),
    moment("finished_at", nullable=True),
)
