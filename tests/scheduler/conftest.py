"""Every test here that asks for ``store`` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from tests.sync.stores import opened, plain_logs, store, store_url

__all__ = ["opened", "plain_logs", "store", "store_url"]
