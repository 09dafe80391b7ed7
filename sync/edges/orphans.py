"""Tasks that wait for a record which could not be made: they are given up, with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.cause import IN_REVIEW, NEEDS_RECORD, Cause
from model.decision import EntityKind
from model.event import EventKind, EventState
from sync.edges import effects
from sync.edges.effects import DEAD, TASK, WAITING
from sync.orphaned import rows_of_kinds
from sync.tables import inbox_events, outbox_changes, outbox_effects

ANOTHERS = "needs the person's record, which is another lead's; a review says whose"
_E = outbox_effects.c


def give_up_orphans(connection: Connection, space: str, now: datetime) -> int:
    """Give up tasks for a record that could not be made, or is another lead's; return how many.

    Not more than some thousands at a time, all locked before any is changed.
    """
    orphans = [*_orphans_of(space)]
    among = _E.id.in_(rows_of_kinds(connection, _E.id, (which for which, _, _ in orphans)))
    effects.lock_where(connection, among)
    given_up = 0
    for which, why, cause in orphans:
        values = {"state": DEAD, "error": why, "settled_at": now, "cause": str(cause), "letter": None}
        statement = sa.update(outbox_effects).where(among, which)
        given_up += connection.execute(statement.values(values)).rowcount
    return given_up


def has_orphans(snapshot: Connection, space: str) -> bool:
    """Say whether there is any, without holding up who writes."""
    return bool(rows_of_kinds(snapshot, _E.id, (which for which, _, _ in _orphans_of(space)), 1))


def _orphans_of(space: str) -> Iterator[tuple[sa.ColumnElement[bool], Any, Cause]]:
    """Yield which tasks can never be made, why, and that in a word."""
    linked = effects.linked(_E.target)
    linked = linked.correlate(outbox_effects)  # by itself it would join all effects there are
    why = (
        sa.select(sa.func.coalesce(outbox_changes.c.error, ""))
        .where(effects.is_given_up(_E.target), ~linked)
        .limit(1)
        .scalar_subquery()
    )
    waits = sa.and_(_E.space == space, _E.kind == TASK, _E.state == WAITING)
    text = sa.literal("needs a record that could not be written: ") + why
    yield sa.and_(waits, why.is_not(None)), text, NEEDS_RECORD
    yield sa.and_(waits, ~linked, *_is_anothers()), ANOTHERS, IN_REVIEW


def _is_anothers() -> tuple[sa.ColumnElement[bool], ...]:
    """Say that a record was found and settled, and that nothing of it waits: it was not linked.

    A person may have had rows under several objects; as long as one of them is open, a link may come.
    """
    c, e = outbox_changes.c, inbox_events.c
    of_lead = sa.and_(
        c.space == _E.space,
        c.connection == _E.target,
        c.entity_kind == str(EntityKind.LEAD),
        c.entity_id == _E.lead_id,
    )
    waiting = sa.exists().where(
        e.lead_id == _E.lead_id,
        e.state == str(EventState.WAITING),
        e.kind.in_((str(EventKind.FOUND), str(EventKind.GONE))),
    )
    settled = sa.exists().where(of_lead, c.done > 0, c.wanted <= c.done)
    still_open = sa.exists().where(of_lead, c.wanted > c.done)
    settled, still_open, waiting = (one.correlate(outbox_effects) for one in (settled, still_open, waiting))
    return settled, ~still_open, ~waiting
