"""What runs found, in the store: listed by a filter, a page at a time, and marked once it is mended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from model.decision import EntityKind
from model.event import JsonValue
from model.times import to_text
from sync.lists import Page
from sync.reconciling.kinds import Difference, Mend
from sync.reconciling.runs import Run
from sync.statements import execute_many
from sync.tables import accounts, deals, differences, leads

MOST_KEPT = 50_000  # differences of one run; what is found beyond is counted and not listed
LONGEST_VALUE = 400  # characters of a value that are kept
PAGE = 100

_D = differences.c
INSERT = sa.insert(differences)


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


def names(snapshot: Connection, found: Sequence[Kept]) -> dict[str, str]:
    """Return what people call the leads, accounts and deals of these differences, by id, if anything."""
    ids = {each.difference.entity_id for each in found}
    called: dict[str, str] = {}
    for table, column in ((leads, leads.c.email), (accounts, accounts.c.domain), (deals, deals.c.name)):
        rows = snapshot.execute(sa.select(table.c.id, column).where(table.c.id.in_(sorted(ids))))
        called |= {one: name for one, name in rows if name}
    return called


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


def keep(
    connection: Connection, space: str, run: Run, differences_found: Sequence[Difference], at: datetime
) -> None:
    """Add what a step of a run found, as far as there is room."""
    room = max(0, MOST_KEPT - run.found)
    execute_many(connection, INSERT, [_row(space, run, each, at) for each in differences_found[:room]])


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
