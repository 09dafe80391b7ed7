"""A row of the outbox, what is said of it, and the order in which rows are locked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.decision import EntityKind
from model.priority import Priority
from sync.doubt import Doubt
from sync.tables import outbox_changes

ROWS = outbox_changes.c
IS_FREE = sa.or_(ROWS.lease_until.is_(None), ROWS.lease_until <= sa.bindparam("now"))


@dataclass(frozen=True, slots=True)
class DueRow:
    """A due row as read; ``in_flight`` holds values whose fate is unknown."""

    id: int
    object: str
    entity_id: str
    wanted: int
    attempts: int
    in_flight: Doubt | None
    raised_at: datetime
    done: int = 0
    priority: int = Priority.PEOPLE
    release: int | None = None  # the go-live that let it out of what had been gathered
    kind: EntityKind = EntityKind.LEAD
    cause: str = ""  # ``model.cause``: of a row that waits, at most GONE


LOCKED = (
    sa.select(ROWS.id)
    .where(ROWS.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(ROWS.object, ROWS.entity_id, ROWS.entity_kind)
    .with_for_update()
)


def lock(connection: Connection, ids: Sequence[int]) -> None:
    """Lock rows of one connection in the order of all transactions, so that none waits in a circle.

    That order is: outbox rows by object, entity and kind, then links by owner and connection.
    """
    connection.execute(LOCKED, {"ids": ids}).all()


def lock_where(connection: Connection, which: sa.ColumnElement[bool]) -> None:
    """Lock rows, be they of several connections, in the order of all transactions."""
    order = (ROWS.connection, ROWS.object, ROWS.entity_id, ROWS.entity_kind)
    connection.execute(sa.select(ROWS.id).where(which).order_by(*order).with_for_update()).all()
