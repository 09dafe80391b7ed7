"""Alembic steps; ``sync.migrate`` runs them when the store is opened."""
