"""Alarms that have been raised and told, so that a restart tells nothing twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.database import insert_for
from sync.tables import alerts

Key = tuple[str, str]
"""Kind and subject: ("connection", "hubspot")."""


@dataclass(frozen=True, slots=True)
class Raised:
    """An alarm that stands: since when, what it says, and when people were last told."""

    kind: str
    subject: str
    text: str
    since: datetime
    told_at: datetime | None = None

    @property
    def key(self) -> Key:
        """What it is about."""
        return self.kind, self.subject


def load(snapshot: Connection, space: str) -> dict[Key, Raised]:
    """Return the alarms that stand."""
    c = alerts.c
    rows = snapshot.execute(
        sa.select(c.kind, c.subject, c.text, c.since, c.told_at)
        .where(c.space == space)
        .order_by(c.since, c.kind, c.subject)
    )
    return {(row.kind, row.subject): Raised(*row) for row in rows}


def save(connection: Connection, space: str, raised: Iterable[Raised], over: Iterable[Key]) -> None:
    """Store alarms that stand and forget those that are over."""
    for one in raised:
        values = {"text": one.text, "since": one.since, "told_at": one.told_at}
        insert = insert_for(connection, alerts).values(
            space=space, kind=one.kind, subject=one.subject, **values
        )
        connection.execute(
            insert.on_conflict_do_update(index_elements=["space", "kind", "subject"], set_=values)
        )
    for kind, subject in over:
        connection.execute(sa.delete(alerts).filter_by(space=space, kind=kind, subject=subject))
