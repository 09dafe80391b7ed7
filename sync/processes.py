"""Who is at work on a space: each process says every few seconds that it lives, and how it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.event import JsonValue
from sync.database import insert_for
from sync.tables import processes

BEAT_EVERY = 2.0  # seconds
DEAD_AFTER = timedelta(seconds=10)  # that nothing was heard of a process
FORGOTTEN_AFTER = timedelta(hours=1)  # until then people are shown that it is missing


@dataclass(frozen=True, slots=True)
class Process:
    """One process as it was last heard of."""

    name: str  # "host:pid:random"
    role: str  # "serve", "web", "worker", "scheduler"
    works: tuple[str, ...]  # what it does: "receive", "decide", "deliver", …
    began_at: datetime
    beat_at: datetime
    facts: Mapping[str, JsonValue] = field(default_factory=dict)

    def lives(self, now: datetime) -> bool:
        """Say whether it was heard of lately. A machine whose clock is ahead lives, too."""
        return now - self.beat_at < DEAD_AFTER


def beat(connection: Connection, space: str, one: Process) -> None:
    """Say that a process lives."""
    key = {"space": space, "name": one.name}
    values = {"role": one.role, "works": list(one.works), "began_at": one.began_at}
    values |= {"beat_at": one.beat_at, "facts": one.facts}
    insert = insert_for(connection, processes).values(**key, **values)
    connection.execute(insert.on_conflict_do_update(index_elements=[*key], set_=values))


def leave(connection: Connection, space: str, name: str) -> None:
    """Take a process that ends in order off the list, so that nobody misses it."""
    connection.execute(sa.delete(processes).filter_by(space=space, name=name))


def forget(connection: Connection, space: str, now: datetime) -> None:
    """Drop processes that have not been heard of for long."""
    c = processes.c
    connection.execute(sa.delete(processes).where(c.space == space, c.beat_at < now - FORGOTTEN_AFTER))


def load(snapshot: Connection, space: str) -> Sequence[Process]:
    """Return all that are known, those that began first before others."""
    c = processes.c
    rows = snapshot.execute(sa.select(processes).where(c.space == space).order_by(c.began_at, c.name))
    return [
        Process(row.name, row.role, tuple(row.works), row.began_at, row.beat_at, row.facts) for row in rows
    ]
