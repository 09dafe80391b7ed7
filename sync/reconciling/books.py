"""The runs of a reconcile in the store: begun, moved on a step at a time, and removed when old."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from model.errors import Conflict
from model.times import to_text
from sync.database import insert_for
from sync.reconciling import finds
from sync.reconciling.runs import DONE, RUNNING, Asked, Found, Run
from sync.tables import differences, mends, reconciles

LISTED_RUNS = 7  # of a connection; what older ones found is removed, as it holds people's values
KEPT_RUNS = 100

_R = reconciles.c


def begin(
    connection: Connection, space: str, name: str, asked: Asked, by: str, now: datetime
) -> tuple[Run, bool]:
    """Begin a run, or return the one that is under way; say whether it was begun."""
    values = {
        "space": space,
        "connection": name,
        "object": asked.object,
        "asked": replace(asked, seed=asked.seed or to_text(now)).as_row(),
        "by": by,
        "state": RUNNING,
        "steps": 0,
        "place": {"phase": "count"},
        "chosen": [],
        "counts": {},
        "tallies": {},
        "looked": 0,
        "moving": 0,
        "found": 0,
        "faults": 0,
        "faulty": 0,
        "due_at": now,
        "begun_at": now,
        "moved_at": now,
    }
    insert = insert_for(connection, reconciles).values(values).on_conflict_do_nothing()
    is_new = bool(connection.execute(insert).rowcount)
    run = running(connection, space, name)
    if run is None:
        raise Conflict(f"the run of {name} has just ended")
    if is_new:
        _forget_old(connection, space, name)
    return run, is_new


def _forget_old(connection: Connection, space: str, name: str) -> None:
    """Remove what older runs of a connection found, and the oldest runs."""
    for table, number, kept in (
        (differences, differences.c.run, LISTED_RUNS),
        (reconciles, _R.id, KEPT_RUNS),
    ):
        newest = sa.select(_R.id).where(_R.space == space, _R.connection == name)
        oldest = newest.order_by(_R.id.desc()).offset(kept - 1).limit(1)
        connection.execute(
            sa.delete(table).where(
                table.c.space == space, table.c.connection == name, number < oldest.scalar_subquery()
            )
        )


def running(snapshot: Connection, space: str, name: str) -> Run | None:
    """Return the run of a connection that is under way."""
    row = snapshot.execute(RUNNING_ONE, {"of_space": space, "of_connection": name}).first()
    return _run(row) if row else None


def one(snapshot: Connection, space: str, number: int) -> Run | None:
    """Return a run by its number."""
    row = snapshot.execute(sa.select(reconciles).where(_R.space == space, _R.id == number)).first()
    return _run(row) if row else None


def recent(snapshot: Connection, space: str, name: str, limit: int = 1) -> list[Run]:
    """Return the last runs of a connection, the newest first."""
    statement = sa.select(reconciles).where(_R.space == space, _R.connection == name)
    return [_run(row) for row in snapshot.execute(statement.order_by(_R.id.desc()).limit(limit))]


def last(snapshot: Connection, space: str) -> dict[str, Run]:
    """Return the last finished run of each connection that looked at all of its objects."""
    newest = sa.select(sa.func.max(_R.id)).where(_R.space == space, _R.state == DONE, _R.object == "")
    found = sa.select(reconciles).where(_R.id.in_(newest.group_by(_R.connection)))
    return {row.connection: _run(row) for row in snapshot.execute(found.order_by(_R.connection))}


def is_done_since(snapshot: Connection, space: str, name: str, since: datetime) -> bool:
    """Say whether a run of the night was begun since then, however it ended, or any is under way."""
    rows = snapshot.execute(
        sa.select(_R.asked, _R.state).where(
            _R.space == space, _R.connection == name, sa.or_(_R.begun_at >= since, _R.state == RUNNING)
        )
    )
    return any(row.state == RUNNING or row.asked.get("nightly") for row in rows)


def move(connection: Connection, space: str, before: Run, now: Run, found: Found, at: datetime) -> None:
    """Store what a step found and where the run stands after it, if it still stands where the step began.

    Raises ``Conflict`` where another process has moved it.
    """
    tallies = dict(before.tallies)
    for each in found.differences:
        key = f"{each.kind} {each.object} {each.field}"
        tallies[key] = tallies.get(key, 0) + 1
    changed = connection.execute(
        sa.update(reconciles)
        .where(_R.space == space, _R.id == before.id, _R.steps == before.steps, _R.state == RUNNING)
        .values(
            state=now.state,
            steps=before.steps + 1,
            place=dict(now.place),
            chosen=[list(each) for each in now.chosen] if now.state == RUNNING else [],
            counts=dict(now.counts),
            tallies=tallies,
            looked=before.looked + found.looked,
            moving=before.moving + found.moving,
            found=before.found + len(found.differences),
            faults=before.faults + sum(each.is_fault for each in found.differences),
            faulty=before.faulty + found.faulty,
            problem=now.problem,
            failing_since=now.failing_since,
            due_at=now.due_at,
            moved_at=at,
            finished_at=at if now.state != RUNNING else None,
        )
    ).rowcount
    if changed != 1:
        raise Conflict(f"the run of {before.connection} was moved by another")
    finds.keep(connection, space, before, found.differences, at)


def forget(connection: Connection, space: str, name: str) -> None:
    """Remove the runs of a connection that is no more, what they found, and what was to be mended of it."""
    for table in (mends, differences, reconciles):
        connection.execute(sa.delete(table).where(table.c.space == space, table.c.connection == name))


def _run(row: Row[Any]) -> Run:
    values = {name: getattr(row, name) for name in Run.__slots__ if name != "asked"}
    return Run(**values, asked=Asked(**row.asked))


RUNNING_ONE = sa.select(reconciles).where(
    _R.space == sa.bindparam("of_space"),
    _R.connection == sa.bindparam("of_connection"),
    sa.text("state = 'running'"),
)
