"""Which rows are due on a connection, and which of them goes first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.decision import EntityKind
from model.event import EventKind, EventState
from model.priority import Priority
from sync.outbox.linked import HAS_COMPANY, HAS_DEAL, HAS_PERSON, is_met
from sync.outbox.rows import IS_FREE, ROWS, DueRow
from sync.outbox.wanted import PARKED
from sync.tables import cursors, deal_parties, inbox_events, outbox_changes
from sync.tables.outbox import WAITS

DUE_COLUMNS = (  # as in ``DueRow``
    "id", "object", "entity_id", "wanted", "attempts", "in_flight", "raised_at", "done", "priority",
    "release", "cause",
)  # fmt: skip
IS_DUE = sa.and_(
    ROWS.space == sa.bindparam("of_space"),
    ROWS.connection == sa.bindparam("of_connection"),
    WAITS,
    ROWS.due_at <= sa.bindparam("now"),
    IS_FREE,
)
# Those that were there before are known: what is not linked by then is not there.
_DEALS_ARE_KNOWN = (
    sa.exists()
    .where(
        cursors.c.space == ROWS.space,
        cursors.c.connection == ROWS.connection,
        cursors.c.job == "deals",
        cursors.c.finished_at.is_not(None),
    )
    .correlate(outbox_changes)
)
_OF_PARTY = outbox_changes.alias("of_party")


def _comes(*kinds: EntityKind) -> sa.Exists:
    """Build the condition that one of a deal's parties is just being written there for the first time."""
    return (
        sa.exists()
        .where(
            deal_parties.c.deal_id == ROWS.entity_id,
            _OF_PARTY.c.entity_id == sa.func.coalesce(deal_parties.c.lead_id, deal_parties.c.account_id),
            _OF_PARTY.c.connection == ROWS.connection,
            _OF_PARTY.c.entity_kind.in_(map(str, kinds)),
            _OF_PARTY.c.wanted > _OF_PARTY.c.done,
            _OF_PARTY.c.wanted > _OF_PARTY.c.dead,
            _OF_PARTY.c.done == 0,
        )
        .correlate(outbox_changes)
    )


# Who comes with somebody who takes part and is just being written there need not be written twice.
_PARTY_COMES = _comes(EntityKind.LEAD, EntityKind.ACCOUNT)
# A new deal has its company from the beginning. One that is parked comes when a person lets it out.
_COMPANY_COMES = _comes(EntityKind.ACCOUNT).where(_OF_PARTY.c.due_at < PARKED)


def due(
    snapshot: Connection,
    space: str,
    connection: str,
    now: datetime,
    limit: int,
    needs: Iterable[str],
    *,
    kind: EntityKind = EntityKind.LEAD,
    last_first: bool = False,
    last: Priority = Priority.BACKFILL,
) -> list[DueRow]:
    """Read the next due rows of one kind on a connection whose needed links exist, by priority, then by age.

    A lead whose record was just read there, and not merged yet, waits for the decider. An
    association waits for the records of both; who takes part in a deal for the deal, and for those on
    their way there; a new deal until those that were there before are known, and for a company that is on
    its way there. ``last_first`` begins with the last priority, so that it is never left out for good. Those
    behind the priority ``last`` are left where they are.
    """
    values = {"of_space": space, "of_connection": connection, "now": now, "limit": limit}
    rows = snapshot.execute(_due(kind, tuple(needs), last_first, last), values)
    return [DueRow(**row._mapping, kind=kind) for row in rows]


def next_kind(
    snapshot: Connection,
    space: str,
    connection: str,
    now: datetime,
    needs: Iterable[str],
    *,
    last_first: bool = False,
    last: Priority = Priority.BACKFILL,
) -> EntityKind | None:
    """Return of which kind the row is that goes first; ``None`` when none is due.

    This is asked all day long while nothing is due: which kinds are due at all is read first, in one
    statement, and only of those whether what they wait for is there.
    """
    values = {"of_space": space, "of_connection": connection, "now": now, "limit": 1}
    first: list[tuple[int, datetime, int, EntityKind]] = []
    due_at_all = snapshot.execute(_kinds_due(last), values).one()
    for place, kind in enumerate(EntityKind):
        if not due_at_all[place]:
            continue
        row = snapshot.execute(_first_due(kind, tuple(needs), last_first, last), values).first()
        if row is not None:
            first.append((-row.priority if last_first else row.priority, row.due_at, place, kind))
    return min(first)[3] if first else None


@cache
def _kinds_due(last: Priority) -> sa.Select[*tuple[bool, ...]]:
    """Build the question, for each kind in its order, whether any row of it is due."""
    priorities = ROWS.priority.in_([sa.literal_column(str(int(one))) for one in Priority if one <= last])
    return sa.select(
        *(
            sa.exists().where(IS_DUE, ROWS.entity_kind == sa.literal_column(f"'{kind}'"), priorities)
            for kind in EntityKind
        )
    )


@cache
def _first_due(kind: EntityKind, needs: tuple[str, ...], last_first: bool, last: Priority) -> sa.Select[Any]:
    rows, ordered = _in_order(kind, needs, last_first, last)
    return ordered.with_only_columns(rows.c.priority, rows.c.due_at)


@cache
def _due(kind: EntityKind, needs: tuple[str, ...], last_first: bool, last: Priority) -> sa.Select[Any]:
    rows, ordered = _in_order(kind, needs, last_first, last)
    return ordered.with_only_columns(*(rows.c[name] for name in DUE_COLUMNS))


def _in_order(
    kind: EntityKind, needs: tuple[str, ...], last_first: bool, last: Priority
) -> tuple[sa.Subquery, sa.Select[Any]]:
    """Put the due rows of each priority together, each read by the index, whatever else is due."""
    each = [sa.select(_due_of(kind, one, needs).subquery()) for one in Priority if one <= last]
    rows = sa.union_all(*each).subquery()
    order = rows.c.priority.desc() if last_first else rows.c.priority
    return rows, (
        sa.select(rows)
        .order_by(order, rows.c.due_at, rows.c.id)
        .limit(sa.bindparam("limit", type_=sa.Integer))
    )


def _due_of(kind: EntityKind, priority: Priority, needs: tuple[str, ...]) -> sa.Select[Any]:
    c = outbox_changes.c
    return (
        sa.select(*(c[name] for name in DUE_COLUMNS), c.due_at)
        .where(
            IS_DUE,
            c.entity_kind == sa.literal_column(f"'{kind}'"),
            c.priority == sa.literal_column(str(int(priority))),
            *_may_go(kind, needs),
        )
        .order_by(c.due_at, c.id)
        .limit(sa.bindparam("limit", type_=sa.Integer))
    )


def _may_go(kind: EntityKind, needs: tuple[str, ...]) -> tuple[sa.ColumnElement[bool], ...]:
    """Build the conditions that what a row of this kind waits for is there."""
    if kind is EntityKind.ASSOCIATION:
        return HAS_PERSON, HAS_COMPANY
    if kind is EntityKind.PARTIES:
        return HAS_DEAL, ~_PARTY_COMES
    if kind is EntityKind.DEAL:
        return (sa.or_(HAS_DEAL, sa.and_(_DEALS_ARE_KNOWN, ~_COMPANY_COMES)),)
    if kind is EntityKind.ACCOUNT:
        return ()
    e = inbox_events.c
    unmerged = sa.exists().where(
        e.lead_id == outbox_changes.c.entity_id,
        e.state == str(EventState.WAITING),
        e.kind.in_((str(EventKind.FOUND), str(EventKind.GONE))),
        e.source == sa.bindparam("of_connection"),
    )
    return ~unmerged, *(is_met(need) for need in needs)
