"""The audit: who or which rule did what. Details sit apart, so that erasure can remove them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.event import JsonValue
from sync.database import insert_on
from sync.statements import execute_many, insert_new, insert_numbered
from sync.tables import audit, audit_details, person_keys, to_json

DECIDER = "decider"
"""The actor of what events changed. Its lines are committed in the order of their ids: one saves at once."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing done; ``details`` may name a person, the rest may not."""

    at: datetime
    actor: str
    action: str
    details: Mapping[str, JsonValue]
    lead_id: str | None = None
    event: int | None = None


def record(connection: Connection, space: str, entries: Sequence[Entry]) -> None:
    """Append entries with a commitment to their details.

    The commitment is an HMAC of their stored text under a key of the person's own: without
    that key nobody can test a guess against it, so removing details and key erases the
    person while every audit row stays as it was. An entry without a lead is no known person's:
    its key is empty, so its commitment proves the details but does not hide them.
    """
    if not entries:
        return
    keys = _keys(connection, sorted({entry.lead_id for entry in entries if entry.lead_id}))
    details = [to_json(dict(entry.details)) for entry in entries]
    rows = [
        {
            "space": space,
            "at": entry.at,
            "actor": entry.actor,
            "action": entry.action,
            "lead_id": entry.lead_id,
            "event": entry.event,
            "commitment": _commit(keys.get(entry.lead_id or "", ""), detail),
        }
        for entry, detail in zip(entries, details, strict=True)
    ]
    ids = insert_numbered(connection, INSERT, rows)
    of_rows = [{"audit_id": row, "details": detail} for row, detail in zip(ids, details, strict=True)]
    execute_many(connection, INSERT_DETAILS, of_rows)


INSERT = sa.insert(audit)
INSERT_DETAILS = sa.insert(audit_details)


def _commit(key: str, details: str) -> str:
    return hmac.new(key.encode(), details.encode(), hashlib.sha256).hexdigest()


def _keys(connection: Connection, lead_ids: Sequence[str]) -> dict[str, str]:
    """Return the key of each person, making those that are missing."""
    if not lead_ids:
        return {}
    keys = {row.lead_id: row.key for row in connection.execute(KEYS, {"ids": lead_ids})}
    missing = [lead_id for lead_id in lead_ids if lead_id not in keys]
    if missing:
        made = {lead_id: secrets.token_hex(16) for lead_id in missing}
        rows = [{"lead_id": lead_id, "key": key} for lead_id, key in made.items()]
        if all(insert_new(connection, _making_keys(connection.dialect.name), ["lead_id"], rows)):
            return keys | made
        # Somebody was faster.
        keys = {row.lead_id: row.key for row in connection.execute(KEYS, {"ids": lead_ids})}
    return keys


KEYS = sa.select(person_keys).where(person_keys.c.lead_id.in_(sa.bindparam("ids", expanding=True)))


@cache
def _making_keys(dialect: str) -> sa.Insert:
    insert: sa.Insert = insert_on(dialect, person_keys).on_conflict_do_nothing(index_elements=["lead_id"])
    return insert
