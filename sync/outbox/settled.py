"""What became of rows: recorded under their lease, or at once where nothing is to be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.cause import NO_CAUSE, Cause
from model.event import JsonValue
from sync.outbox.leasing import IS_AS_READ, as_read
from sync.outbox.rows import DueRow
from sync.statements import execute_many
from sync.tables import outbox_changes


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a leased row.

    ``done`` or ``dead`` is the ``wanted`` that was read for it; neither: it is due again
    at ``due_at``, and ``doubtful`` says that its values may have arrived.
    """

    id: int
    done: int | None = None
    dead: int | None = None
    due_at: datetime | None = None
    error: str | None = None
    cause: Cause = NO_CAUSE  # of a dead one, or of one whose record is gone and may be elsewhere
    letter: Mapping[str, JsonValue] | None = None  # of a dead one: what a person wants to know (``letter``)
    doubtful: bool = False
    attempts: int | None = None  # set: as many as before, for this one was nobody's fault


def letter(attempts: int, sent: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return what is kept of a dead letter beside its error: how often it was tried, and what was sent."""
    return {"attempts": attempts, "sent": dict(sent)}


def settle(connection: Connection, settled: Sequence[Settled], now: datetime) -> None:
    """Record outcomes of rows the caller holds."""
    groups: dict[tuple[str, ...], list[tuple[dict[str, Any], dict[str, Any]]]] = {}
    for item in settled:
        values: dict[str, Any] = {"lease_token": None, "lease_until": None, "error": item.error}
        if not item.doubtful:
            values["in_flight"] = None
        if item.done is not None:
            values |= {"done": item.done, "attempts": 0, "settled_at": now, "cause": "", "letter": None}
        elif item.dead is not None:
            values |= {"dead": item.dead, "attempts": 0, "settled_at": now}
            values |= {"cause": str(item.cause), "letter": item.letter}
        elif item.due_at is not None:
            values |= {"due_at": item.due_at} | ({} if item.cause == NO_CAUSE else {"cause": str(item.cause)})
        if item.attempts is not None:
            values["attempts"] = item.attempts
        shape = tuple(values)
        groups.setdefault(shape, []).append(({"row": item.id}, values))
    for names, rows in groups.items():
        execute_many(
            connection,
            _settling(names),
            [key | {f"new_{name}": value for name, value in values.items()} for key, values in rows],
        )


@cache
def _settling(names: tuple[str, ...]) -> sa.Update:
    statement = sa.update(outbox_changes).where(outbox_changes.c.id == sa.bindparam("row"))
    return statement.values({name: sa.bindparam(f"new_{name}") for name in names})


@dataclass(frozen=True, slots=True)
class Unsent:
    """A due row that needs no call: nothing is missing, or ``why_not`` says why it can never be sent."""

    row: DueRow
    why_not: str | None = None
    cause: Cause = NO_CAUSE


def settle_unsent(connection: Connection, unsent: Sequence[Unsent], now: datetime) -> None:
    """Settle rows that need no call, where they are still as read: done, or given up with the reason."""
    settled: dict[str, Any] = {"attempts": 0, "in_flight": None, "settled_at": now}
    statement = sa.update(outbox_changes).where(IS_AS_READ)
    done = [as_read(item.row, now) for item in unsent if item.why_not is None]
    if done:
        values = settled | {"done": sa.bindparam("read_wanted"), "error": None, "cause": "", "letter": None}
        connection.execute(statement.values(values), done)
    dead = [
        as_read(item.row, now) | {"why": item.why_not, "named": str(item.cause)}
        for item in unsent
        if item.why_not is not None
    ]
    if dead:
        values = settled | {
            "dead": sa.bindparam("read_wanted"),
            "error": sa.bindparam("why"),
            "cause": sa.bindparam("named"),
            "letter": None,
        }
        connection.execute(statement.values(values), dead)
