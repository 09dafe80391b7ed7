"""Going live: what an observed connection had gathered is parked, then let out in pieces, with a brake.

    preparing    the connection is still observed; rows that are due are parked, piece by piece
    releasing    it is written to; parked rows become due, a few hundred ahead of delivery
    held         the brake: as many records were written as were agreed to, and more is left
    done         nothing is parked any more
    stopped      it is observed again

Every step is one short transaction that moves the row of ``releases`` with what it does, so that a
process that dies half-way leaves a state from which the next one goes on, and nothing is let out twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.decision import EntityKind
from model.event import EventKind, EventState
from model.priority import Priority
from sync import audit, connections, outbox
from sync.connections import OBSERVE, WRITE
from sync.database import insert_for
from sync.outbox import PARKED, WAITS, Raise
from sync.tables import inbox_events, outbox_changes, releases

PREPARING, RELEASING, HELD, DONE, STOPPED = "preparing", "releasing", "held", "done", "stopped"

MARGIN = 0.05  # more writes than planned before the brake holds: a share of the plan …
LEAST_MARGIN = 25  # … and so many at least: leads change between the plan and the release


def limit_of(expected: int) -> int:
    """Return how many records a release may write whose plan says ``expected``."""
    return expected + max(LEAST_MARGIN, round(expected * MARGIN))


@dataclass(frozen=True, slots=True)
class Order:
    """What a person agreed to."""

    connection: str
    kind: str
    base_url: str
    account: str  # the vendor's id of it
    expected: int  # records to write, as the plan said
    at_most: int
    by: str

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Order:
        """Read what a command handed in. Raises ``KeyError`` or ``ValueError`` for anything else."""
        order = cls(**{name: row[name] for name in cls.__slots__})
        texts = (order.connection, order.kind, order.base_url, order.account, order.by)
        numbers = (order.expected, order.at_most)
        if not all(isinstance(one, str) and one for one in texts):
            raise ValueError("connection, kind, base_url, account and by are texts")
        if any(isinstance(one, bool) or not isinstance(one, int) or one < 0 for one in numbers):
            raise ValueError("expected and at_most are whole numbers")
        return order


@dataclass(frozen=True, slots=True)
class Release:
    """How far a go-live has come."""

    connection: str
    number: int
    state: str
    expected: int
    at_most: int
    released: int
    written: int
    cursor: str | None  # the lead up to which rows were made; ``None``: all were looked at
    reason: str
    by: str
    began_at: datetime
    changed_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        moments = {"began_at": self.began_at.isoformat(), "changed_at": self.changed_at.isoformat()}
        return asdict(self) | moments


def load(snapshot: Connection, space: str) -> dict[str, Release]:
    """Return every release by connection."""
    columns = [releases.c[name] for name in Release.__slots__]
    rows = snapshot.execute(sa.select(*columns).where(releases.c.space == space))
    return {row.connection: Release(*row) for row in rows}


def begin(connection: Connection, space: str, order: Order, now: datetime) -> Release:
    """Begin a release. What is parked already stays so where the connection is written to already.

    Raises ``LeadRelayError`` where the connection's name stands for another account.
    """
    name, account = order.connection, order.account
    connections.note_account(connection, space, name, order.kind, order.base_url, account, order.by, now)
    known = load(connection, space).get(name)
    is_live = connections.load(connection, space)[name].mode == WRITE
    values = {
        "number": known.number + 1 if known else 1,
        "state": RELEASING if is_live else PREPARING,
        "expected": order.expected,
        "at_most": order.at_most,
        "released": 0,
        "written": 0,
        "cursor": "",
        "reason": "",
        "by": order.by,
        "began_at": now,
        "changed_at": now,
    }
    mine = {"of_space": space, "of_connection": name}
    if is_live:  # before the release, as deliveries lock them
        connection.execute(TO_ADOPT, mine).all()
    insert = insert_for(connection, releases).values(space=space, connection=name, **values)
    connection.execute(insert.on_conflict_do_update(index_elements=["space", "connection"], set_=values))
    if is_live:  # what an earlier one has let out counts for this one from now on
        connection.execute(ADOPT, mine | {"number": values["number"]})
    details = {"connection": name, "account": account} | {
        "expected": order.expected,
        "at_most": order.at_most,
    }
    audit.record(connection, space, [audit.Entry(now, order.by, "go-live", details)])
    return load(connection, space)[name]


def observe(connection: Connection, space: str, name: str, by: str, now: datetime) -> None:
    """Lead a connection back to being observed; nothing more is let out."""
    connections.set_mode(connection, space, name, OBSERVE, now)
    _move(connection, space, name, now, {"state": STOPPED, "reason": f"observed again, by {by}"})
    audit.record(connection, space, [audit.Entry(now, by, "observe", {"connection": name})])


def prepare(connection: Connection, space: str, release: Release, limit: int, now: datetime) -> bool:
    """Park the next due rows; once none is left, the connection is written to. Returns whether it is."""
    if not _move(connection, space, release.connection, now, {}, release.number, PREPARING):
        return True  # another process was faster, or a person thought again
    ids = _ids(connection, space, release.connection, PENDING_ROWS, limit, now)
    _park(connection, ids, now)
    if len(ids) == limit:
        return False
    connections.set_mode(connection, space, release.connection, WRITE, now)
    _move(connection, space, release.connection, now, {"state": RELEASING})
    return True


def raise_missing(
    connection: Connection, space: str, release: Release, upto: str, raises: Sequence[Raise], now: datetime
) -> None:
    """Make parked rows for leads that lack one, and note that all up to ``upto`` were looked at."""
    past = {"cursor": upto or None}
    if _move(connection, space, release.connection, now, past, release.number, RELEASING, release.cursor):
        outbox.raise_wanted(connection, space, [replace(one, is_parked=True) for one in raises], now)


def let_out(
    connection: Connection, space: str, release: Release, ahead: int, needs: Iterable[str], now: datetime
) -> int:
    """Make the next parked rows due, so that ``ahead`` of them wait for delivery; return how many.

    Never more than the brake allows, those on their way included, and those whose record was found or
    gone, which the decider has not taken yet. Where it allows no more and something is left, the
    release is held.
    """
    name = release.connection
    present = _lock(connection, space, name, release.number)
    if present is None:
        return 0
    values = {"of_space": space, "of_connection": name, "number": present.number}
    under_way = connection.execute(UNDER_WAY, values).scalar_one()
    allowed = present.at_most - present.written - under_way
    room = min(ahead - under_way, allowed)
    parked = PARKED_ROWS.where(*(outbox.is_met(need) for need in needs))
    ids = _ids(connection, space, name, parked, max(room, 1), now)
    if ids and allowed <= 0:
        if under_way == 0:
            _hold(connection, space, present, now)
        return 0
    if ids and room > 0:
        count = connection.execute(LET_OUT, {"ids": ids, "number": present.number, "at": now}).rowcount
        _move(connection, space, name, now, {"released": present.released + count})
        return count
    is_over = not ids and under_way == 0 and present.cursor is None
    if is_over and not _ids(connection, space, name, PARKED_ROWS, 1, now):  # none waits for another's record
        _move(connection, space, name, now, {"state": DONE})
    return 0


def count_written(
    connection: Connection, space: str, name: str, number: int, rows: Sequence[int], now: datetime
) -> None:
    """Count records that a release wrote, each once; past what was agreed to, it is held.

    What is wanted of such a record later, as the id that the person has just got in the other CRM, is
    no part of the release any more.
    """
    values = {"of_space": space, "of_connection": name, "n": number, "count": len(rows)}
    connection.execute(WRITTEN, {"ids": rows})
    found = connection.execute(COUNT, values).first()
    if found is not None and found.written > found.at_most:
        _hold(connection, space, load(connection, space)[name], now)


def take_back(connection: Connection, space: str, name: str, limit: int, now: datetime) -> int:
    """Park again what a held release has let out and nobody has taken yet; return how many."""
    ids = _ids(connection, space, name, LET_OUT_ROWS, limit, now)
    _park(connection, ids, now)
    return len(ids)


def backlog(snapshot: Connection, space: str) -> dict[str, int]:
    """Return how many rows of each connection are parked."""
    return {row[0]: row[1] for row in snapshot.execute(BACKLOG, {"of_space": space})}


def _hold(connection: Connection, space: str, release: Release, now: datetime) -> None:
    what = f"{release.written:,} records were written, and {release.at_most:,} were agreed to"
    _move(connection, space, release.connection, now, {"state": HELD, "reason": what})


def _lock(connection: Connection, space: str, name: str, number: int) -> Release | None:
    """Return a release that is under way, locked until the transaction ends."""
    columns = [releases.c[one] for one in Release.__slots__]
    row = connection.execute(
        sa.select(*columns)
        .where(releases.c.space == space, releases.c.connection == name)
        .where(releases.c.number == number, releases.c.state == RELEASING)
        .with_for_update()
    ).first()
    return Release(*row) if row else None


def _move(
    connection: Connection,
    space: str,
    name: str,
    now: datetime,
    values: dict[str, Any],
    *expected: Any,
) -> bool:
    """Change a release where its number, state and cursor are as expected; say whether it was."""
    columns = (releases.c.number, releases.c.state, releases.c.cursor)
    statement = sa.update(releases).where(releases.c.space == space, releases.c.connection == name)
    for column, value in zip(columns, expected, strict=False):
        statement = statement.where(column == value)
    return bool(connection.execute(statement.values(changed_at=now, **values)).rowcount)


def _ids(
    connection: Connection, space: str, name: str, statement: sa.Select[Any], limit: int, now: datetime
) -> list[int]:
    """Return row ids, locked in the order of all transactions."""
    values = {"of_space": space, "of_connection": name, "now": now, "most": limit}
    ids = list(connection.execute(statement, values).scalars())
    if ids:
        outbox.lock(connection, ids)
    return ids


def _park(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    if ids:
        connection.execute(PARK, {"ids": ids, "now": now})


_ROWS = outbox_changes.c
_OF_CONNECTION = sa.and_(
    _ROWS.space == sa.bindparam("of_space"),
    _ROWS.connection == sa.bindparam("of_connection"),
    WAITS,
)
_NOT_PARKED = _ROWS.due_at < PARKED
_AMONG = _ROWS.id.in_(sa.bindparam("ids", expanding=True))
_MOST = sa.bindparam("most", type_=sa.Integer)
# Built once: building costs more than executing.
PENDING_ROWS = (
    sa.select(_ROWS.id)
    .where(_OF_CONNECTION, _NOT_PARKED, outbox.IS_FREE)
    .order_by(_ROWS.due_at, _ROWS.id)
    .limit(_MOST)
)
PARKED_ROWS = (
    sa.select(_ROWS.id).where(_OF_CONNECTION, _ROWS.due_at == PARKED).order_by(_ROWS.id).limit(_MOST)
)
LET_OUT_ROWS = PENDING_ROWS.where(_ROWS.release.is_not(None))
_LET_OUT = sa.and_(
    _ROWS.release == sa.bindparam("number"),
    # What waits for other records must not stop them.
    _ROWS.entity_kind.not_in((str(EntityKind.ASSOCIATION), str(EntityKind.PARTIES))),
)
_ON_ITS_WAY = sa.select(sa.func.count()).where(_OF_CONNECTION, _NOT_PARKED, _LET_OUT)
_EVENTS = inbox_events.c
# The record was read and not written yet, so the row is settled: what follows from that the decider has
# still to say. Such events are few, and those that wait have an index.
_TO_MERGE = sa.and_(
    _EVENTS.space == sa.bindparam("of_space"),
    _EVENTS.state == sa.literal_column(f"'{EventState.WAITING}'"),  # as the partial index has it
    _EVENTS.source == sa.bindparam("of_connection"),
    _EVENTS.kind.in_((str(EventKind.FOUND), str(EventKind.GONE))),
)
_PEOPLE_TO_MERGE = sa.select(sa.func.count(sa.distinct(_ROWS.id))).where(
    _TO_MERGE,
    _ROWS.entity_id == _EVENTS.lead_id,  # its index alone serves here: a space would lead SQLite to another
    _ROWS.connection == _EVENTS.source,
    sa.or_(_ROWS.wanted <= _ROWS.done, _ROWS.wanted <= _ROWS.dead),  # else it is on its way
    _LET_OUT,
)
_COMPANIES_TO_MERGE = sa.select(sa.func.count(_EVENTS.id)).where(_TO_MERGE, _EVENTS.lead_id.is_(None))
UNDER_WAY = sa.select(
    _ON_ITS_WAY.scalar_subquery()
    + _PEOPLE_TO_MERGE.scalar_subquery()
    + _COMPANIES_TO_MERGE.scalar_subquery()  # of all leads: rather one too many for a moment
)
PARK = sa.update(outbox_changes).where(_AMONG, outbox.IS_FREE).values(due_at=PARKED, release=sa.null())
LET_OUT = (
    sa.update(outbox_changes)
    .where(_AMONG, _ROWS.due_at == PARKED)
    .values(
        release=sa.bindparam("number"),
        priority=int(Priority.RECONCILE),
        due_at=sa.bindparam("at"),
        raised_at=sa.bindparam("at"),
    )
)
_LET_OUT_BEFORE = sa.and_(_OF_CONNECTION, _NOT_PARKED, _ROWS.release.is_not(None))
TO_ADOPT = (
    sa.select(_ROWS.id)
    .where(_LET_OUT_BEFORE)
    .order_by(_ROWS.object, _ROWS.entity_id, _ROWS.entity_kind)
    .with_for_update()
)
ADOPT = sa.update(outbox_changes).where(_LET_OUT_BEFORE).values(release=sa.bindparam("number"))
BACKLOG = (
    sa.select(_ROWS.connection, sa.func.count())
    .where(
        _ROWS.space == sa.bindparam("of_space"),
        WAITS,
        _ROWS.due_at == PARKED,
    )
    .group_by(_ROWS.connection)
)
WRITTEN = sa.update(outbox_changes).where(_AMONG).values(release=sa.null())
COUNT = (
    sa.update(releases)
    .where(
        releases.c.space == sa.bindparam("of_space"),
        releases.c.connection == sa.bindparam("of_connection"),
        releases.c.number == sa.bindparam("n"),
        releases.c.state == RELEASING,
    )
    .values(written=releases.c.written + sa.bindparam("count"))
    .returning(releases.c.written, releases.c.at_most)
)
