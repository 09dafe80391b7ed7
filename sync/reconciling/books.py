"""The runs of a reconcile and what they found, as the store keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from model.decision import EntityKind
from model.errors import Conflict
from model.event import JsonValue
from model.times import to_text
from sync.database import insert_for
from sync.lists import Page
from sync.reconciling.kinds import Difference, Mend
from sync.statements import execute_many
from sync.tables import differences, mends, reconciles

RUNNING, DONE, FAILED = "running", "done", "failed"
MOST_KEPT = 50_000  # differences of one run; what is found beyond is counted and not listed
LISTED_RUNS = (
    7  # of a connection; of older ones only the figures are kept, as differences hold people's values
)
KEPT_RUNS = 100
LONGEST_VALUE = 400  # characters of a value that are kept
PAGE = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """How much a run looks at."""

    sample: int | None = None  # links; ``None``: all of them, and all records of the CRM
    object: str = ""  # only this one
    nightly: bool = False
    seed: str = ""  # of the sample; blank: the moment it began

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Asked:
        """Read what a command handed in; ``KeyError`` or ``ValueError`` for anything else."""
        sample, object_type = row["sample"], row.get("object", "")
        is_number = isinstance(sample, int) and sample >= 1
        if not (sample is None or is_number) or not isinstance(object_type, str):
            raise ValueError("sample is a whole number above 0, or nothing for all, and object a text")
        return cls(sample, object_type)

    def as_row(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Run:
    """One run, and how far it has come."""

    id: int
    connection: str
    asked: Asked
    by: str
    state: str
    steps: int
    place: Mapping[str, Any]
    chosen: Sequence[Sequence[str]]
    counts: Mapping[str, Any]
    tallies: Mapping[str, int]  # "kind object field" -> differences
    looked: int
    moving: int
    found: int
    faults: int
    faulty: int
    problem: str | None
    failing_since: datetime | None
    due_at: datetime
    begun_at: datetime
    moved_at: datetime
    finished_at: datetime | None

    @property
    def unexplained(self) -> int:
        """How many records and people no reason accounts for."""
        return sum(abs(sheet["unexplained"]) for sheets in self.counts.values() for sheet in sheets)

    @property
    def shares(self) -> dict[str, float]:
        """Return which share of each is wrong: of links compared, of people without a record, of counts."""
        missing = uncounted = here = total = 0
        for sheet in self.counts.get("here", ()):
            missing, here = missing + sheet["missing"], here + sheet["total"]
        for sheets in self.counts.values():
            uncounted += sum(abs(sheet["unexplained"]) for sheet in sheets)
            total += sum(sheet["total"] for sheet in sheets)
        parts = {
            "links": (self.faulty, self.looked),
            "missing": (missing, here),
            "counts": (uncounted, total),
        }
        return {name: part / max(1, whole) for name, (part, whole) in parts.items()}

    @property
    def by_kind(self) -> dict[str, int]:
        """How many differences of each kind."""
        found: dict[str, int] = {}
        for key, count in self.tallies.items():
            kind = key.split(" ", 1)[0]
            found[kind] = found.get(kind, 0) + count
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON, without what only the next step needs."""
        moments = ("begun_at", "moved_at", "finished_at")
        plain = ("id", "connection", "by", "state", "counts", "looked", "moving", "found", "faults")
        groups = [
            {"kind": kind, "object": object_type, "field": name, "differences": count}
            for (kind, object_type, name), count in self.groups()
        ]
        return (
            {name: getattr(self, name) for name in (*plain, "faulty", "shares", "problem")}
            | {name: (at := getattr(self, name)) and to_text(at) for name in moments}
            | {"asked": self.asked.as_row(), "unexplained": self.unexplained}
            | {"kinds": self.by_kind, "groups": groups}
        )

    def groups(self) -> list[tuple[tuple[str, str, str], int]]:
        """Return (kind, object, field) with their counts, the most first."""
        parted = [(key.split(" ", 2), count) for key, count in self.tallies.items()]
        found = [((kind, object_type, name), count) for (kind, object_type, name), count in parted]
        return sorted(found, key=lambda one: (-one[1], one[0]))


@dataclass(frozen=True, slots=True)
class Found:
    """What a step adds to its run."""

    differences: Sequence[Difference] = ()
    looked: int = 0
    moving: int = 0

    @property
    def faulty(self) -> int:
        """How many of the links looked at have something wrong with them."""
        return (
            len({(one.object, one.record_id) for one in self.differences if one.is_fault})
            if self.looked
            else 0
        )


# Runs ------------------------------------------------------------------------------------


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
    for table, number, kept in ((differences, _D.run, LISTED_RUNS), (reconciles, _R.id, KEPT_RUNS)):
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
    room = max(0, MOST_KEPT - before.found)
    rows = [_row(space, before, each, at) for each in found.differences[:room]]
    execute_many(connection, INSERT, rows)


def forget(connection: Connection, space: str, name: str) -> None:
    """Remove the runs of a connection that is no more, what they found, and what was to be mended of it."""
    for table in (mends, differences, reconciles):
        connection.execute(sa.delete(table).where(table.c.space == space, table.c.connection == name))


# Differences -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filter:
    """Which differences of a run; blank is any."""

    kind: str = ""
    object: str = ""
    field: str = ""
    mendable: bool = False  # only those that can be mended from here, and were not yet
    ids: Sequence[int] = ()  # only these

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """Build what the filter asks of a row."""
        found = [_D[name] == value for name in ("kind", "object", "field") if (value := getattr(self, name))]
        if self.mendable:
            found += [_D.mend != "", _D.mended_at.is_(None)]
        if self.ids:
            found.append(_D.id.in_(list(self.ids)))
        return found

    def as_row(self) -> dict[str, JsonValue]:
        """Return it as it is kept: the same filter gives the same text."""
        named = {name: getattr(self, name) for name in ("kind", "object", "field") if getattr(self, name)}
        return named | ({"ids": sorted(self.ids)} if self.ids else {})


@dataclass(frozen=True, slots=True)
class Kept:
    """A difference as stored."""

    id: int
    difference: Difference
    found_at: datetime
    mended_by: str
    mended_at: datetime | None

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        moments = {
            "found_at": to_text(self.found_at),
            "mended_at": self.mended_at and to_text(self.mended_at),
        }
        named = {**asdict(self.difference), "entity_kind": str(self.difference.entity_kind)}
        return {
            "id": self.id,
            **named,
            "mend": str(self.difference.mend),
            "mended_by": self.mended_by,
            **moments,
        }


def page(
    snapshot: Connection, space: str, run: int, wanted: Filter, after: int = 0, size: int = PAGE
) -> Page[Kept]:
    """Read one page of a run's differences, in the order in which they were found."""
    found = rows(snapshot, space, run, wanted, after=after, limit=size + 1)
    return Page(found[:size], str(found[size - 1].id) if len(found) > size else None)


def rows(
    snapshot: Connection,
    space: str,
    run: int,
    wanted: Filter,
    *,
    after: int = 0,
    upto: int | None = None,
    limit: int = PAGE,
) -> list[Kept]:
    """Read differences of a run behind ``after``."""
    statement = sa.select(differences).where(_D.space == space, _D.run == run, _D.id > after)
    if upto is not None:
        statement = statement.where(_D.id <= upto)
    statement = statement.where(*wanted.conditions()).order_by(_D.id).limit(limit)
    return [_kept(row) for row in snapshot.execute(statement)]


def total(snapshot: Connection, space: str, run: int, wanted: Filter) -> tuple[int, int]:
    """Return how many differences of a run fit, and the newest of them."""
    statement = sa.select(sa.func.count(), sa.func.coalesce(sa.func.max(_D.id), 0))
    row = snapshot.execute(statement.where(_D.space == space, _D.run == run, *wanted.conditions())).one()
    return int(row[0]), int(row[1])


def note_mended(connection: Connection, ids: Sequence[int], by: str, now: datetime) -> None:
    """Note that the mending of these was handed in."""
    if ids:
        connection.execute(
            sa.update(differences).where(_D.id.in_(list(ids))).values(mended_by=by, mended_at=now)
        )


def clipped(value: JsonValue) -> JsonValue:
    """Return a value as it is kept: of a long text the beginning."""
    if isinstance(value, str) and len(value) > LONGEST_VALUE:
        return f"{value[: LONGEST_VALUE - 1]}…"
    return value


def _row(space: str, run: Run, each: Difference, at: datetime) -> dict[str, Any]:
    values = {name: clipped(getattr(each, name)) for name in ("ours", "shadow", "theirs")}
    names = ("kind", "object", "field", "remote", "entity_id", "record_id", "why", "is_fault", "place")
    return {
        "space": space,
        "run": run.id,
        "connection": run.connection,
        **{name: getattr(each, name) for name in names},
        **values,
        "entity_kind": str(each.entity_kind),
        "mend": str(each.mend),
        "found_at": at,
        "mended_by": "",
    }


def _kept(row: Row[Any]) -> Kept:
    names = ("kind", "object", "why", "entity_id", "record_id", "field", "remote", "ours", "shadow", "theirs")
    values = {name: getattr(row, name) for name in (*names, "is_fault", "place")}
    found = Difference(**values, entity_kind=EntityKind(row.entity_kind), mend=Mend(row.mend))
    return Kept(row.id, found, row.found_at, row.mended_by, row.mended_at)


def _run(row: Row[Any]) -> Run:
    values = {name: getattr(row, name) for name in Run.__slots__ if name != "asked"}
    return Run(**values, asked=Asked(**row.asked))


_R, _D = reconciles.c, differences.c
INSERT = sa.insert(differences)
RUNNING_ONE = sa.select(reconciles).where(
    _R.space == sa.bindparam("of_space"),
    _R.connection == sa.bindparam("of_connection"),
    sa.text("state = 'running'"),
)
