"""Dead letters: changes that were given up, with the CRM's words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from model.decision import EntityKind
from sync.tables import outbox_changes
from sync.tables.outbox import GIVEN_UP


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A change that was given up, with the CRM's words."""

    id: int
    connection: str
    object: str
    lead_id: str  # the account's where ``kind`` is ACCOUNT
    error: str
    at: datetime | None = None
    kind: EntityKind = EntityKind.LEAD
    cause: str = ""  # ``model.cause``


def dead_letters(snapshot: Connection, space: str, limit: int = 100) -> list[DeadLetter]:
    """Read changes that were given up, oldest first."""
    c = outbox_changes.c
    statement = (
        sa.select(c.id, c.connection, c.object, c.entity_id, c.error, c.settled_at, c.entity_kind, c.cause)
        .where(c.space == space, GIVEN_UP)
        .order_by(c.id)
        .limit(limit)
    )
    return [_letter_of(row) for row in snapshot.execute(statement)]


def _letter_of(row: Row[*tuple[Any, ...]]) -> DeadLetter:
    """Read a row of id, connection, object, entity, error, time, kind of entity and cause."""
    letter = dict(row._mapping)
    kind = EntityKind(letter.pop("entity_kind"))
    return DeadLetter(lead_id=letter.pop("entity_id"), at=letter.pop("settled_at"), kind=kind, **letter)
