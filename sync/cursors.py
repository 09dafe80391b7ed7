"""How far a walk through something long has come: one row a walk, moved with what each step stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.errors import Conflict
from sync.database import insert_for
from sync.tables import cursors

BACKFILL, MATCH, DEALS, POLL, ARCHIVED = "backfill", "match", "deals", "poll", "archived"
UNOWNED = "unowned"  # from where strangers were left out, as the CRM's owners cannot be read
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a walk stands."""

    connection: str
    job: str
    object: str
    begun_at: datetime
    moved_at: datetime
    after: str | None = None
    fields: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    seen: int = 0
    skipped: int = 0
    total: int | None = None
    problem: str | None = None
    finished_at: datetime | None = None  # of the last walk that came to its end

    @property
    def is_walking(self) -> bool:
        """Say whether the walk has not come to its end, be it the first one or one begun again."""
        return self.finished_at is None or self.finished_at < self.begun_at

    def again(self, now: datetime) -> Cursor:
        """Return the cursor back at the beginning; ``finished_at`` still tells of the last whole walk."""
        begun = max(now, self.finished_at + INSTANT) if self.finished_at else now
        return replace(
            self, begun_at=begun, moved_at=now, after=None, seen=0, skipped=0, total=None, problem=None
        )


def load(snapshot: Connection, space: str, connection: str | None = None) -> list[Cursor]:
    """Return the cursors of a connection, or of all."""
    if connection is None:
        rows = snapshot.execute(ALL, {"of_space": space})
    else:
        rows = snapshot.execute(OF_CONNECTION, {"of_space": space, "of_connection": connection})
    return [_cursor(row) for row in rows]


def find(snapshot: Connection, space: str, connection: str, job: str, object_type: str = "") -> Cursor | None:
    """Return one cursor, if that walk was ever begun."""
    row = snapshot.execute(
        ONE, {"of_space": space, "of_connection": connection, "of_job": job, "of_object": object_type}
    ).first()
    return _cursor(row) if row else None


def begin(connection: Connection, space: str, cursor: Cursor, *, anew: bool = False) -> None:
    """Store a cursor at its beginning where there is none; ``anew``: in the place of one, too."""
    values = _values(cursor)
    key = {"space": space, "connection": cursor.connection, "job": cursor.job, "object": cursor.object}
    insert = insert_for(connection, cursors).values(**key, **values)
    if anew:
        insert = insert.on_conflict_do_update(index_elements=list(key), set_=values)
    else:
        insert = insert.on_conflict_do_nothing(index_elements=list(key))
    connection.execute(insert)


def move(connection: Connection, space: str, before: Cursor, now: Cursor) -> None:
    """Store where the walk stands after a step, if it still stands where the step began.

    Raises ``Conflict`` where another process has moved it or begun it anew: the step is undone.
    """
    changed = connection.execute(
        MOVE,
        {
            "of_space": space,
            "of_connection": before.connection,
            "of_job": before.job,
            "of_object": before.object,
            "was_begun_at": before.begun_at,
            "was_moved_at": before.moved_at,
            "was_after": before.after or "",
            "was_seen": before.seen,
            **{f"new_{name}": value for name, value in _values(now).items()},
        },
    ).rowcount
    if changed != 1:
        raise Conflict(f"{before.job} of {before.connection} {before.object} was moved by another")


def forget(
    connection: Connection, space: str, name: str, jobs: Sequence[str], objects: Sequence[str] | None = None
) -> None:
    """Remove the cursors of these walks of a connection, or of some objects there: they begin anew."""
    gone = sa.delete(cursors).where(
        cursors.c.space == space, cursors.c.connection == name, cursors.c.job.in_(list(jobs))
    )
    if objects is not None:
        gone = gone.where(cursors.c.object.in_(list(objects)))
    connection.execute(gone)


_OWN = ("begun_at", "moved_at", "after", "seen", "skipped", "total", "problem", "finished_at")


def _values(cursor: Cursor) -> dict[str, Any]:
    values = {name: getattr(cursor, name) for name in _OWN}
    return values | {"fields": list(cursor.fields), "absent": list(cursor.absent)}


def _cursor(row: Any) -> Cursor:
    return Cursor(
        row.connection,
        row.job,
        row.object,
        fields=tuple(row.fields),
        absent=tuple(row.absent),
        **{name: getattr(row, name) for name in _OWN},
    )


KEY = [cursors.c[name] == sa.bindparam(f"of_{name}") for name in ("space", "connection", "job", "object")]
ONE = sa.select(cursors).where(*KEY)
ALL = sa.select(cursors).where(KEY[0]).order_by(cursors.c.connection, cursors.c.job, cursors.c.object)
OF_CONNECTION = ALL.where(KEY[1])


MOVE = (
    sa.update(cursors)
    .where(
        *KEY,
        cursors.c.begun_at == sa.bindparam("was_begun_at"),
        cursors.c.moved_at == sa.bindparam("was_moved_at"),
        sa.func.coalesce(cursors.c.after, "") == sa.bindparam("was_after"),
        cursors.c.seen == sa.bindparam("was_seen"),
    )
    .values({name: sa.bindparam(f"new_{name}") for name in (*_OWN, "fields", "absent")})
)
