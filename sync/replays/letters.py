"""What waits for a person: events set aside, and changes, tasks and messages that were given up.

Each lies on a shelf. A shelf is read a page at a time by an index that holds all that a filter asks for
and nothing but what waits, so that no row is read but those shown, however many were done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from model.cause import Cause
from model.decision import EntityKind
from model.event import EventKind, JsonValue
from model.times import to_text
from sync.keeping.retention import SAYS_SOMETHING
from sync.lists import LAST_CHARACTER, PAGE, Page
from sync.outbox import GIVEN_UP
from sync.tables import inbox_events, outbox_changes, outbox_effects

CHANGE, EFFECT = "change", "effect"
ASIDE = ("quarantined", "review", "spam", "dead")
MOST_GROUPS = 500  # of a shelf; the largest
LAST_NUMBER = 2**63 - 1
NAMELESS = "-"  # asks for what has no code: given up by a version that gave none


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where letters of one sort lie: a state of events, the outbox's changes, or its tasks and messages."""

    name: str  # "quarantined" …, "change", "effect"
    table: sa.Table
    place: sa.Column[Any]  # whose it is: a source, a connection, a channel
    object: sa.Column[Any] | None  # what was to be written; events have none
    at: sa.Column[Any]  # since when it lies here
    is_own: tuple[sa.ColumnElement[bool] | sa.TextClause, ...]  # what its index goes by, verbatim


_i, _o, _e = inbox_events.c, outbox_changes.c, outbox_effects.c
SHELVES: Mapping[str, Shelf] = {
    **{
        state: Shelf(state, inbox_events, _i.source, None, _i.received_at, (sa.text(f"state = '{state}'"),))
        for state in ASIDE
    },
    CHANGE: Shelf(CHANGE, outbox_changes, _o.connection, _o.object, _o.settled_at, (GIVEN_UP,)),
    EFFECT: Shelf(EFFECT, outbox_effects, _e.target, _e.kind, _e.settled_at, (sa.text("state = 'dead'"),)),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which letters of a shelf; blank is any."""

    place: str = ""
    object: str = ""
    cause: str = ""  # a code, alone or with its field: "INVALID_OPTION", "INVALID_OPTION industry"
    since: datetime | None = None  # set aside or given up then or later
    until: datetime | None = None  # before that

    def conditions(self, shelf: Shelf) -> list[sa.ColumnElement[bool]]:
        """Build what the filter asks of a row."""
        cause = shelf.table.c.cause
        found: list[sa.ColumnElement[bool]] = []
        if self.place:
            found.append(shelf.place == self.place)
        if self.object:
            found.append(sa.false() if shelf.object is None else shelf.object == self.object)
        if self.cause == NAMELESS:
            found.append(cause == "")
        elif self.cause:
            with_field = sa.and_(cause > f"{self.cause} ", cause < f"{self.cause} {LAST_CHARACTER}")
            found.append(sa.or_(cause == self.cause, with_field))
        if self.since is not None:
            found.append(shelf.at >= self.since)
        if self.until is not None:
            found.append(shelf.at < self.until)
        return found


ANY = Asked()


def _of(shelf: Shelf, space: str, asked: Asked) -> tuple[sa.ColumnElement[bool] | sa.TextClause, ...]:
    return (shelf.table.c.space == space, *shelf.is_own, *asked.conditions(shelf))


@dataclass(frozen=True, slots=True)
class Letter:
    """One of them, with all that a person wants to know before sending it again."""

    shelf: str
    id: int
    place: str
    object: str  # of an event its kind
    cause: Cause
    words: list[str]  # the other side's own, or ours of an event
    at: datetime | None
    lead_id: str | None = None  # the account's where ``kind`` is "account"
    kind: str = ""  # of a change whose record it is: "lead", "account", "association"
    edition: str = ""  # tells one death of a change, task or message from the next
    attempts: int | None = None  # unknown of what was given up without a call
    wanted_since: datetime | None = None
    sent: Mapping[str, JsonValue] = field(default_factory=dict)  # as it was refused
    payload: Any = None  # of an event: what was posted

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self) | {"cause": str(self.cause)}


def page(
    snapshot: Connection,
    space: str,
    shelf: Shelf,
    asked: Asked = ANY,
    before: int | None = None,
    size: int = PAGE,
) -> Page[Letter]:
    """Read one page of a shelf, newest first."""
    ids = list(snapshot.execute(page_statement(space, shelf, asked, before, size + 1)).scalars())
    found = load(snapshot, space, shelf, ids[:size])
    return Page(found, str(ids[size - 1]) if len(ids) > size else None)


def page_statement(space: str, shelf: Shelf, asked: Asked, before: int | None, limit: int) -> sa.Select[Any]:
    """Build the query of the ids of one page."""
    number = shelf.table.c.id
    statement = sa.select(number).where(*_of(shelf, space, asked))
    if before is not None:
        statement = statement.where(number < before)
    return statement.order_by(number.desc()).limit(limit)


def load(snapshot: Connection, space: str, shelf: Shelf, ids: Sequence[int]) -> list[Letter]:
    """Read letters by number, newest first; those that lie on the shelf no more are left out."""
    table = shelf.table
    statement = sa.select(table).where(table.c.id.in_(ids), *_of(shelf, space, ANY))
    read = {CHANGE: _change, EFFECT: _effect}.get(shelf.name, _event)
    return [read(shelf, row) for row in snapshot.execute(statement.order_by(table.c.id.desc()))]


def _event(shelf: Shelf, row: Row[Any]) -> Letter:
    return Letter(
        shelf.name,
        row.id,
        row.source,
        row.kind if row.kind != EventKind.INTAKE else "",
        Cause.parse(row.cause),
        whys(row.reasons, row.error),
        row.received_at,
        row.lead_id,
        payload=row.payload,
    )


def _change(shelf: Shelf, row: Row[Any]) -> Letter:
    kept = row.letter or {}
    return Letter(
        shelf.name,
        row.id,
        row.connection,
        row.object,
        Cause.parse(row.cause),
        [row.error] if row.error else [],
        row.settled_at,
        row.entity_id,
        row.entity_kind,
        str(row.dead),
        kept.get("attempts"),
        row.raised_at,
        kept.get("sent") or {},
    )


def _effect(shelf: Shelf, row: Row[Any]) -> Letter:
    kept = row.letter or {}
    return Letter(
        shelf.name,
        row.id,
        row.target,
        row.kind,
        Cause.parse(row.cause),
        [row.error] if row.error else [],
        row.settled_at,
        row.lead_id,
        EntityKind.LEAD,
        to_text(row.settled_at) if row.settled_at else "",
        kept.get("attempts"),
        row.raised_at,
        kept.get("sent") or {},
    )


def whys(reasons: Sequence[dict[str, Any]] | None, error: str | None) -> list[str]:
    """Return why an event was set aside, in words: of a traceback its last line."""
    if error and error.strip():
        return [error.strip().splitlines()[-1]]
    return [str(reason["text"]) for reason in reasons or []]


@dataclass(frozen=True, slots=True)
class Group:
    """Letters of one shelf, place, object and cause: most likely one thing is to be put right for all."""

    shelf: str
    place: str
    object: str
    cause: Cause
    count: int
    first: datetime | None
    last: datetime | None

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self) | {"cause": str(self.cause)}

    def fits(self, asked: Asked) -> bool:
        """Say whether a filter lets letters of this group through, whatever their age."""
        names = {"", str(self.cause) or NAMELESS, self.cause.code or NAMELESS}
        return asked.place in ("", self.place) and asked.object in ("", self.object) and asked.cause in names


def groups(snapshot: Connection, space: str, shelf: Shelf) -> list[Group]:
    """Count a shelf by place, object and cause, the largest first: one walk along its index."""
    rows = snapshot.execute(groups_statement(space, shelf)).all()
    return [
        Group(shelf.name, row.place, row.object, Cause.parse(row.cause), row.number, row.first, row.last)
        for row in rows
    ]


def groups_statement(space: str, shelf: Shelf) -> sa.Select[Any]:
    """Build the query of the groups of a shelf.

    By expressions: a planner that sees columns in the order of another index goes along that and reads
    every row.
    """
    place: sa.ColumnClause[str] = sa.literal_column(f"{shelf.place.name} || ''")
    thing: sa.ColumnClause[str] = sa.literal_column(
        "''" if shelf.object is None else f"{shelf.object.name} || ''"
    )
    number = sa.func.count()
    cause = shelf.table.c.cause
    statement = sa.select(
        place.label("place"),
        thing.label("object"),
        cause,
        number.label("number"),
        sa.func.min(shelf.at, type_=shelf.at.type).label("first"),
        sa.func.max(shelf.at, type_=shelf.at.type).label("last"),
    ).where(*_of(shelf, space, ANY))
    by = [place, cause] if shelf.object is None else [place, thing, cause]
    return statement.group_by(*by).order_by(number.desc(), *by).limit(MOST_GROUPS)


def numbers(
    snapshot: Connection, space: str, shelf: Shelf, asked: Asked, *, after: int, upto: int, limit: int
) -> list[int]:
    """Return the numbers of the next letters that can be sent again, oldest first."""
    return list(snapshot.execute(_next(space, shelf, asked, after, upto, limit)).scalars())


def first(snapshot: Connection, space: str, shelf: Shelf, asked: Asked, limit: int) -> tuple[int, int]:
    """Count the oldest letters that can be sent again, up to ``limit``, and return the last one's number."""
    some = _next(space, shelf, asked, 0, LAST_NUMBER, limit).subquery()
    last = sa.func.coalesce(sa.func.max(some.c.id), 0)
    count, upto = snapshot.execute(sa.select(sa.func.count(), last).select_from(some)).one()
    return int(count), int(upto)


def _next(space: str, shelf: Shelf, asked: Asked, after: int, upto: int, limit: int) -> sa.Select[Any]:
    number = shelf.table.c.id
    more = (SAYS_SOMETHING,) if shelf.table is inbox_events else ()
    statement = sa.select(number).where(*_of(shelf, space, asked), *more, number > after, number <= upto)
    return statement.order_by(number).limit(limit)
