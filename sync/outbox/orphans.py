"""Rows that wait for a record which could not be made: they are given up, with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.cause import IN_REVIEW, NEEDS_RECORD, Cause
from model.decision import EntityKind
from model.event import EventKind, EventState
from sync.orphaned import rows_of_kinds
from sync.outbox.linked import HAS_COMPANY, HAS_DEAL, HAS_PERSON, ITS_ACCOUNT
from sync.outbox.rows import ROWS, lock_where
from sync.tables import inbox_events, links, outbox_changes
from sync.tables.outbox import WAITS

Which = tuple[sa.ColumnElement[bool], Any]  # rows, and why they can never be sent
Orphans = tuple[sa.ColumnElement[bool], Any, Cause]
UNLINKED = "the person was found there and not linked; a review says whose record it is"
ANOTHER_DEALS = "the deal's record is another deal's; a review says which"
ANOTHERS = "the company's record is another account's; a review says which"


def give_up_orphans(connection: Connection, space: str, now: datetime) -> int:
    """Give up rows whose needed record could not be made, and say so; return how many.

    Not more than some thousands at a time, for the daemon looks again after seconds. All are locked at once
    before any is changed: locked kind by kind, a later kind's rows may come before those that are held
    already (``rows.lock_where``).
    """
    orphans = [*_orphans_of(space)]
    among = ROWS.id.in_(rows_of_kinds(connection, ROWS.id, (which for which, _, _ in orphans)))
    lock_where(connection, among)
    given_up = 0
    for which, why, cause in orphans:
        error = sa.literal("needs a record that could not be written: ") + why
        values = {
            "dead": ROWS.wanted,
            "error": error,
            "settled_at": now,
            "cause": str(cause),
            "letter": None,
        }
        statement = sa.update(outbox_changes).where(among, which)
        given_up += connection.execute(statement.values(values)).rowcount
    return given_up


def has_orphans(snapshot: Connection, space: str) -> bool:
    """Say whether there is any, without holding up who writes: every row that waits is looked at."""
    return bool(rows_of_kinds(snapshot, ROWS.id, (which for which, _, _ in _orphans_of(space)), 1))


def _orphans_of(space: str) -> Iterator[Orphans]:
    """Yield which rows can never be sent, why, and that in a word."""
    yield *_orphans(space, _IS_GIVEN_UP, _WHY), NEEDS_RECORD
    yield *_orphans(space, _IS_ANOTHER_LEADS, _NEEDED.c.connection + ": " + UNLINKED), IN_REVIEW
    yield *_lonely(space, _OF_LEAD, _IS_GIVEN_UP, _WHY), NEEDS_RECORD
    yield *_lonely(space, _OF_ITS_ACCOUNT, _IS_GIVEN_UP, _WHY), NEEDS_RECORD
    yield *_lonely(space, _OF_ITS_ACCOUNT, _IS_ANOTHERS, sa.literal(ANOTHERS)), IN_REVIEW
    yield *_lonely(space, _OF_DEAL, _IS_GIVEN_UP, _WHY, EntityKind.PARTIES), NEEDS_RECORD
    yield *_lonely(space, _OF_DEAL, _IS_ANOTHERS, sa.literal(ANOTHER_DEALS), EntityKind.PARTIES), IN_REVIEW


_NEEDED = outbox_changes.alias("needed")
_IS_GIVEN_UP = sa.and_(_NEEDED.c.dead > _NEEDED.c.done, _NEEDED.c.wanted <= _NEEDED.c.dead)
_IS_SETTLED = sa.and_(_NEEDED.c.done > 0, _NEEDED.c.wanted <= _NEEDED.c.done)
_IS_UNCLAIMED = sa.and_(WAITS, ROWS.lease_token.is_(None))
# Found and settled, and nothing of it waits to be decided: it was not linked, as another account has it.
_IS_ANOTHERS = sa.and_(
    _IS_SETTLED,
    ~sa.exists()
    .where(
        inbox_events.c.space == _NEEDED.c.space,
        inbox_events.c.source == _NEEDED.c.connection,
        inbox_events.c.kind == str(EventKind.FOUND),
        inbox_events.c.state == str(EventState.WAITING),
    )
    .correlate(_NEEDED),
)
_OTHER = outbox_changes.alias("other")
# The same of a person: nothing of them waits to be decided, nor are they looked up under another object.
_IS_ANOTHER_LEADS = sa.and_(
    _IS_SETTLED,
    ~sa.exists()
    .where(
        inbox_events.c.lead_id == _NEEDED.c.entity_id,
        inbox_events.c.source == _NEEDED.c.connection,
        inbox_events.c.kind.in_((str(EventKind.FOUND), str(EventKind.GONE))),
        inbox_events.c.state == str(EventState.WAITING),
    )
    .correlate(_NEEDED),
    ~sa.exists()
    .where(
        _OTHER.c.entity_id == _NEEDED.c.entity_id,
        _OTHER.c.entity_kind == _NEEDED.c.entity_kind,
        _OTHER.c.connection == _NEEDED.c.connection,
        _OTHER.c.wanted > _OTHER.c.done,
        _OTHER.c.wanted > _OTHER.c.dead,
    )
    .correlate(_NEEDED),
)
_WHY = _NEEDED.c.connection + ": " + sa.func.coalesce(_NEEDED.c.error, "")


def _orphans(space: str, how: sa.ColumnElement[bool], why: sa.ColumnElement[str]) -> Which:
    """People who wait for a record on another connection."""
    c, needed = ROWS, _NEEDED.c
    cause = sa.select(why).where(
        needed.space == c.space,
        needed.entity_kind == c.entity_kind,
        needed.entity_id == c.entity_id,
        sa.cast(c.needs, sa.Text).contains('"' + needed.connection + '"'),
        ~sa.exists().where(links.c.lead_id == needed.entity_id, links.c.connection == needed.connection),
        how,
    )
    return _given_up_for(space, cause, sa.cast(c.needs, sa.Text) != "[]")


_OF_LEAD = sa.and_(
    _NEEDED.c.entity_kind == str(EntityKind.LEAD),
    _NEEDED.c.entity_id == ROWS.entity_id,
    ~HAS_PERSON,
)
_OF_ITS_ACCOUNT = sa.and_(
    _NEEDED.c.entity_kind == str(EntityKind.ACCOUNT),
    _NEEDED.c.entity_id == ITS_ACCOUNT.scalar_subquery(),
    ~HAS_COMPANY,
)
_OF_DEAL = sa.and_(
    _NEEDED.c.entity_kind == str(EntityKind.DEAL),
    _NEEDED.c.entity_id == ROWS.entity_id,
    ~HAS_DEAL,
)


def _lonely(
    space: str,
    missing: sa.ColumnElement[bool],
    how: sa.ColumnElement[bool],
    why: sa.ColumnElement[str],
    kind: EntityKind = EntityKind.ASSOCIATION,
) -> Which:
    """Associations of which a record could not be written on the same connection."""
    cause = sa.select(why).where(
        _NEEDED.c.space == ROWS.space, _NEEDED.c.connection == ROWS.connection, how, missing
    )
    return _given_up_for(space, cause, ROWS.entity_kind == str(kind))


def _given_up_for(space: str, cause: sa.Select[Any], more: sa.ColumnElement[bool]) -> Which:
    why = cause.limit(1).correlate(outbox_changes).scalar_subquery()
    return sa.and_(ROWS.space == space, _IS_UNCLAIMED, more, why.is_not(None)), why
