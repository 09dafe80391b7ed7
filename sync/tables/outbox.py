"""What is to be written, told or read in other systems."""

from __future__ import annotations

import sqlalchemy as sa

from sync.tables.columns import Json, RowId, metadata, moment, partial_index, searchable

# Conditions of the indexes; a query uses an index where it repeats its condition to the letter.
WAITS = sa.text("wanted > done AND wanted > dead")
GIVEN_UP = sa.text("dead > done AND wanted <= dead")

outbox_changes = sa.Table(
    "outbox_changes",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("connection", sa.String(64), nullable=False),
    sa.Column("object", sa.String(64), nullable=False),
    sa.Column("entity_kind", sa.String(16), nullable=False),
    sa.Column("entity_id", sa.String(40), nullable=False),
    # Level-triggered: due while wanted > done. ``dead`` is the ``wanted`` at which it was given up, so that
    # whatever raises ``wanted`` again (a post, a replay) also revives it.
    sa.Column("wanted", sa.BigInteger, nullable=False),
    sa.Column("done", sa.BigInteger, nullable=False),
    sa.Column("dead", sa.BigInteger, nullable=False),
    sa.Column("needs", Json, nullable=False),  # connections whose link must exist first
    sa.Column("priority", sa.SmallInteger, nullable=False, server_default="1"),  # ``model.priority``
    sa.Column("attempts", sa.Integer, nullable=False),
    moment("due_at"),
    moment("raised_at"),
    moment("settled_at", nullable=True),
    sa.Column("lease_token", sa.String(40)),
    moment("lease_until", nullable=True),
    sa.Column("in_flight", Json),  # exact values about to be sent, and earlier ones still in doubt
    sa.Column("error", sa.Text),
    sa.Column(
        "cause", searchable(200), nullable=False, server_default=sa.text("''")
    ),  # ``model.cause`` of a dead letter, or of a row that waits as its record was gone
    sa.Column("letter", Json),  # of a dead letter: {"attempts", "sent"}
    sa.Column("release", sa.Integer),  # number of the go-live that let it out; its brake counts the writes
    # The entity first: what one event raises stands together, on the page that "whose is this" looks at.
    sa.UniqueConstraint("entity_id", "connection", "object", "entity_kind", "space"),
)
partial_index(
    "ix_outbox_changes_due",
    outbox_changes.c.space,
    outbox_changes.c.connection,
    outbox_changes.c.entity_kind,
    outbox_changes.c.priority,
    outbox_changes.c.due_at,
    where=WAITS,
)
LETTER = ("space", "id", "connection", "object", "cause", "settled_at", "wanted", "done", "dead")
partial_index(  # as that of events set aside; the counters are in it lest SQLite look them up in the row
    "ix_outbox_changes_letters",
    *(outbox_changes.c[_name] for _name in LETTER),
    where=GIVEN_UP,
)

EFFECT_STATES = ("waiting", "leased", "sent", "unknown", "withheld", "dead")

outbox_effects = sa.Table(  # tasks, messages, deeds on records: each once, by our key
    "outbox_effects",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("space", sa.String(64), nullable=False),
    sa.Column("key", sa.String(64), nullable=False),  # of lead, kind, target and cause
    sa.Column("kind", sa.String(16), nullable=False),  # "task", "message", "merge", "delete"
    sa.Column("target", sa.String(64), nullable=False),  # a connection or a channel
    sa.Column("lead_id", sa.String(40), nullable=False),
    sa.Column("event", RowId, nullable=False),  # that caused it
    sa.Column("payload", Json, nullable=False),  # which rule, and why
    sa.Column("needs", Json, nullable=False),  # connections whose link should exist first
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    moment("due_at"),
    moment("patient_until"),  # it waits for what it needs until then
    moment("raised_at"),
    moment("settled_at", nullable=True),
    sa.Column("lease_token", sa.String(40)),
    moment("lease_until", nullable=True),
    sa.Column("in_flight", Json),  # what was about to be sent, and may have arrived
    sa.Column("remote_id", sa.String(200)),
    sa.Column("error", sa.Text),
    sa.Column("cause", searchable(200), nullable=False, server_default=sa.text("''")),
    sa.Column("letter", Json),
    sa.UniqueConstraint("space", "key"),
    sa.CheckConstraint(f"state IN {EFFECT_STATES}", name="state"),
)
partial_index(
    "ix_outbox_effects_due",
    outbox_effects.c.space,
    outbox_effects.c.target,
    outbox_effects.c.due_at,
    where=sa.text("state IN ('waiting', 'leased')"),
)
BLOCKED = sa.text("state = 'withheld' AND cause = 'NO_CONSENT'")
"""Which effects a gate of consent keeps back: the index serves who asks in these very words."""
partial_index("ix_outbox_effects_blocked", outbox_effects.c.space, outbox_effects.c.lead_id, where=BLOCKED)
sa.Index("ix_outbox_effects_lead_id", outbox_effects.c.lead_id)
sa.Index("ix_outbox_effects_state", outbox_effects.c.space, outbox_effects.c.target, outbox_effects.c.state)
partial_index(
    "ix_outbox_effects_unsent",
    outbox_effects.c.space,
    outbox_effects.c.state,
    outbox_effects.c.target,
    where=sa.text("state <> 'sent'"),
)
partial_index(
    "ix_outbox_effects_letters",
    *(outbox_effects.c[_name] for _name in ("space", "id", "target", "kind", "cause", "settled_at", "state")),
    where=sa.text("state = 'dead'"),
)

outbox_fetches = sa.Table(  # records to be read by id: a row while one is wanted
    "outbox_fetches",
    metadata,
    sa.Column("space", sa.String(64), primary_key=True),
    sa.Column("connection", sa.String(64), primary_key=True),
    sa.Column("object", sa.String(64), primary_key=True),
    sa.Column("remote_id", sa.String(64), primary_key=True),
    sa.Column("wanted", sa.BigInteger, nullable=False),  # raised by each wish; another one while it is read
    sa.Column("history", sa.Boolean, nullable=False),  # since when each field has held its value, too
    # Only to mend what a reconcile found: it goes behind what somebody just told of.
    sa.Column("is_mend", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("attempts", sa.Integer, nullable=False),
    moment("due_at"),
    moment("raised_at"),
    sa.Column("lease_token", sa.String(40)),
    moment("lease_until", nullable=True),
    sa.Column("error", sa.Text),
)
sa.Index(
    "ix_outbox_fetches_due",
    *(outbox_fetches.c[_name] for _name in ("space", "connection", "is_mend", "due_at")),
)
