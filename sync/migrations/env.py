"""Alembic's entry: runs the steps on the connection that ``sync.migrate`` hands in."""

from __future__ import annotations

from alembic import context

from sync.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
