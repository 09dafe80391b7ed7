"""Runs that compare both sides, what they found, and its mending."""

from __future__ import annotations

import sqlalchemy as sa

from sync.tables.columns import Json, RowId, metadata, moment, partial_index

reconciles = sa.Table(  # comparisons of a connection's records with what is here: one run a row
    "reconciles",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("connection", sa.String(64), nullable=False),
    sa.Column("object", sa.String(64), nullable=False),  # the only one it looks at; blank: all
    sa.Column("asked", Json, nullable=False),  # {"sample", "object", "seed", "nightly"}; no sample: all
    sa.Column("by", sa.String(128), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("steps", sa.BigInteger, nullable=False),  # so far; compared and set by each step
    sa.Column("place", Json, nullable=False),  # where the next step goes on
    sa.Column("chosen", Json, nullable=False),  # links of a sample: [[table, object, remote id], …]
    sa.Column("counts", Json, nullable=False),  # how many on each side, and why not the same
    sa.Column("tallies", Json, nullable=False),  # differences by kind, object and field
    sa.Column("looked", sa.BigInteger, nullable=False),  # links compared
    sa.Column("moving", sa.BigInteger, nullable=False),  # that changed while they were read
    sa.Column("found", sa.BigInteger, nullable=False),  # differences
    sa.Column("faults", sa.BigInteger, nullable=False),  # those of them that should not be
    sa.Column("faulty", sa.BigInteger, nullable=False),  # links compared that have one
    sa.Column("problem", sa.Text),  # why the last step failed; none: it did not
    moment("failing_since", nullable=True),
    moment("due_at"),
    moment("begun_at"),
    moment("moved_at"),
    moment("finished_at", nullable=True),
    sa.CheckConstraint("state IN ('running', 'done', 'failed')", name="state"),
)
sa.Index("ix_reconciles_connection", reconciles.c.space, reconciles.c.connection, reconciles.c.id)
partial_index(  # one at a time
    "uq_reconciles_running",
    reconciles.c.space,
    reconciles.c.connection,
    unique=True,
    where=sa.text("state = 'running'"),
)

differences = sa.Table(  # what a run found
    "differences",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("run", sa.BigInteger, nullable=False),
    sa.Column("connection", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),  # ``sync.reconciling.kinds``
    sa.Column("object", sa.String(64), nullable=False),
    sa.Column("field", sa.String(128), nullable=False),  # of the lead or account; blank: of the whole record
    sa.Column("remote", sa.String(128), nullable=False),
    sa.Column("entity_kind", sa.String(16), nullable=False),
    sa.Column("entity_id", sa.String(40), nullable=False),  # blank: nobody's record
    sa.Column("record_id", sa.String(64), nullable=False),
    sa.Column("ours", Json),  # three values in the vendor's form
    sa.Column("shadow", Json),
    sa.Column("theirs", Json),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("mend", sa.String(16), nullable=False),  # how, blank: not from here
    sa.Column("is_fault", sa.Boolean, nullable=False),
    sa.Column("place", sa.String(64), nullable=False),  # where it is put right: "letter 12", "hold 7"
    moment("found_at"),
    sa.Column("mended_by", sa.String(128), nullable=False, server_default=sa.text("''")),
    moment("mended_at", nullable=True),  # when its mending was handed in
)
sa.Index(
    "ix_differences_run",
    *(differences.c[_name] for _name in ("space", "run", "id", "kind", "object", "field")),
)
sa.Index("ix_differences_entity_id", differences.c.entity_id)

mends = sa.Table(  # differences that somebody wants mended, a chunk at a time
    "mends",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("run", sa.BigInteger, nullable=False),
    sa.Column("connection", sa.String(64), nullable=False),
    sa.Column("asked", Json, nullable=False),  # the filter
    sa.Column("by", sa.String(128), nullable=False),
    sa.Column("at_most", sa.BigInteger, nullable=False),  # the brake
    sa.Column("upto", sa.BigInteger, nullable=False),  # the newest difference when it was asked for
    sa.Column("after", sa.BigInteger, nullable=False),  # the last one handed in
    sa.Column("total", sa.BigInteger, nullable=False),
    sa.Column("handed_in", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    moment("asked_at"),
    moment("moved_at"),
    sa.CheckConstraint("state IN ('running', 'done')", name="state"),
)
partial_index(
    "uq_mends_running",
    mends.c.space,
    mends.c.run,
    mends.c.asked,
    unique=True,
    where=sa.text("state = 'running'"),
)
