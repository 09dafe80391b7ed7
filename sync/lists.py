"""Lists for the pages: a page of rows and where the next one begins, by an index at any size."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.times import from_text, to_text
from sync.leads import search_key
from sync.tables import leads

T = TypeVar("T")

PAGE = 50
MOST_FOUND = 200  # of a search; whoever finds more types more
LAST_CHARACTER = "\U0010ffff"
NOBODY = "-"  # the owner of leads that have none
SEARCHED = ("email", "full_name", "last_name", "company")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows; ``next`` is handed back to read on, ``None`` at the end."""

    rows: list[T]
    next: str | None = None
    has_more: bool = False  # a search found more than it shows


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which leads, in which order, from where on."""

    search: str = ""
    stage: str = ""
    owner: str = ""
    order: str = "created_at"  # or "score"; the highest first
    after: str = ""
    prefixes: Collection[str] = SEARCHED  # what is searched by its beginning; the e-mail else as a whole


@dataclass(frozen=True, slots=True)
class LeadRow:
    """One line of the list."""

    id: str
    email: str | None
    first_name: str
    last_name: str
    company: str
    stage: str | None
    score: int
    owner: str | None
    created_at: datetime

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()


def leads_page(snapshot: Connection, space: str, wanted: Wanted, size: int = PAGE) -> Page[LeadRow]:
    """Read one page of leads. Raises ``ValueError`` for a position that is none."""
    if search_key(wanted.search):
        return _found(snapshot, space, wanted)
    ids = snapshot.execute(leads_statement(space, wanted, size + 1)).scalars().all()
    shown = sorted(_lead_rows(snapshot, ids[:size]), key=_order_of(wanted), reverse=True)
    return Page(shown, _position(shown[-1], wanted.order) if len(ids) > size else None)


def leads_statement(space: str, wanted: Wanted, limit: int) -> sa.Select[Any]:
    """Build the query of the ids of one page, in the order of an index.

    By score one index serves every filter: it is walked from the top, as keeping one for each
    would cost every change of a score three times as much. ``coalesce`` keeps the
    planner from another way, which would sort all that the filter leaves.
    """
    c = leads.c
    by_score = wanted.order == "score"
    key = c.score if by_score else c.created_at
    statement = sa.select(c.id).where(c.space == space, c.is_test.is_(sa.false()))
    for column, value in ((c.stage, wanted.stage), (c.owner, wanted.owner)):
        text = "" if value == NOBODY and column is c.owner else value
        if value and by_score:
            statement = statement.where(sa.func.coalesce(column, "") == text)
        elif value:
            statement = statement.where(column == text if text else column.is_(None))
    if wanted.after:
        value, _, lead_id = wanted.after.partition(" ")
        at: Any = int(value) if by_score else from_text(value)
        place = sa.tuple_(sa.literal(at, key.type), sa.literal(lead_id))
        statement = statement.where(sa.tuple_(key, c.id) < place)
    return statement.order_by(key.desc(), c.id.desc()).limit(limit)


def search_statement(
    space: str, column: str, key: str, limit: int, stage: str = "", owner: str = ""
) -> sa.Select[Any]:
    """Build the query of what begins with ``key`` in one column, as far as the filters let it pass.

    ``coalesce`` for the reason that ``leads_statement`` gives.
    """
    c = leads.c[column]
    statement = sa.select(leads.c.id).where(
        leads.c.space == space, c >= key, c < key + LAST_CHARACTER, leads.c.is_test.is_(sa.false())
    )
    if stage:
        statement = statement.where(sa.func.coalesce(leads.c.stage, "") == stage)
    if owner:
        statement = statement.where(sa.func.coalesce(leads.c.owner, "") == ("" if owner == NOBODY else owner))
    return statement.order_by(c).limit(limit)


def _found(snapshot: Connection, space: str, wanted: Wanted) -> Page[LeadRow]:
    """Return whose e-mail, name, last name or company begins with what is searched.

    What may not be searched by its beginning is left out; a whole e-mail is found always.
    """
    key = search_key(wanted.search) or ""
    ids: set[str] = set()
    has_more = False
    for column in SEARCHED:
        if column not in wanted.prefixes:
            continue
        statement = search_statement(space, column, key, MOST_FOUND + 1, wanted.stage, wanted.owner)
        found = snapshot.execute(statement).scalars().all()
        has_more = has_more or len(found) > MOST_FOUND
        ids.update(found)
    if "email" not in wanted.prefixes:
        ids.update(snapshot.execute(_whole_address(space, key)).scalars())
    rows = sorted(_lead_rows(snapshot, ids), key=_order_of(wanted), reverse=True)
    return Page(rows[:MOST_FOUND], has_more=has_more or len(rows) > MOST_FOUND)


def _whole_address(space: str, address: str) -> sa.Select[Any]:
    c = leads.c
    return sa.select(c.id).where(c.space == space, c.email == address, c.is_test.is_(sa.false()))


def _lead_rows(snapshot: Connection, ids: Collection[str]) -> list[LeadRow]:
    """Read some leads, in no order; test leads are left out."""
    c = leads.c
    statement = sa.select(c.id, c.email, c.fields, c.stage, c.score, c.owner, c.created_at)
    rows = snapshot.execute(statement.where(c.id.in_(ids), c.is_test.is_(sa.false())))
    return [_lead_row(row) for row in rows]


def _order_of(wanted: Wanted) -> Callable[[LeadRow], Any]:
    return lambda row: (row.score if wanted.order == "score" else row.created_at, row.id)


def _lead_row(row: Any) -> LeadRow:
    first, last = (str(row.fields.get(name) or "") for name in ("first_name", "last_name"))
    company = str(row.fields.get("company") or "")
    return LeadRow(row.id, row.email, first, last, company, row.stage, row.score, row.owner, row.created_at)


def _position(row: LeadRow, order: str) -> str:
    return f"{row.score if order == 'score' else to_text(row.created_at)} {row.id}"


def emails(snapshot: Connection, lead_ids: Sequence[str]) -> dict[str, str]:
    """Return the e-mails of leads that have one."""
    c = leads.c
    rows = snapshot.execute(sa.select(c.id, c.email).where(c.id.in_(lead_ids), c.email.is_not(None)))
    return {row.id: row.email for row in rows}


def owners(snapshot: Connection, space: str) -> list[str]:
    """Return everyone who owns a lead, jumping from one to the next along an index."""
    return _distinct(snapshot, space, leads.c.owner)


def stages(snapshot: Connection, space: str) -> list[str]:
    """Return every stage that a lead is in."""
    return _distinct(snapshot, space, leads.c.stage)


def _distinct(snapshot: Connection, space: str, column: sa.Column[Any]) -> list[str]:
    found: list[str] = []
    while len(found) < MOST_FOUND:
        statement = sa.select(column).where(leads.c.space == space, column.is_not(None))
        if found:
            statement = statement.where(column > found[-1])
        value = snapshot.execute(statement.order_by(column).limit(1)).scalar_one_or_none()
        if value is None:
            break
        found.append(value)
    return found
