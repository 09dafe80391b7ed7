"""One-shot effects: tasks, messages, deeds on records, each once by our key; the leases of who is at it.

waiting ─▶ leased ─▶ sent                 the other side has taken it
             │  └──▶ unknown              the answer was lost, and nobody can be asked: never sent again
             └─────▶ waiting | dead       put off | will never be taken
waiting ───────────▶ withheld             the person opted out, or the target is observed or not set up
waiting ◀──────────▶ withheld             NO_CONSENT: a gate is shut; looked at again when it may be open
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mappings import gates
from model.cause import NO_CAUSE, Cause
from model.decision import EntityKind, OneShot
from model.event import EventKind, EventState, JsonValue
from sync.database import insert_on
from sync.statements import execute_many
from sync.tables import BLOCKED, inbox_events, links, outbox_changes, outbox_effects

WAITING, LEASED, SENT = "waiting", "leased", "sent"
UNKNOWN, WITHHELD, DEAD = "unknown", "withheld", "dead"
TASK, MESSAGE, MERGE, DELETE = "task", "message", "merge", "delete"
CONFIRM = "confirm"  # a mail to the person, who is asked to confirm a yes
WITHIN = timedelta(days=1)  # so many such mails go to one person at most (``confirm: at_most``)
ACTS: Mapping[str, str] = {TASK: gates.TASK, MESSAGE: gates.NOTIFY}
"""Kind -> the act of ``consent.yaml`` that it is."""
DEEDS = (MERGE, DELETE)  # on records, whosever they are; nobody is told anything by them


@dataclass(frozen=True, slots=True)
class Raised:
    """An effect of a decision, with the lead and the event it belongs to."""

    effect: OneShot
    lead_id: str
    event: int


def insert(
    connection: Connection, space: str, raised: Sequence[Raised], now: datetime, shut: Mapping[str, str]
) -> None:
    """Insert effects whose key is new. ``shut`` says of targets why nothing is sent there."""
    rows = []
    for one in raised:
        why = one.effect.withheld or shut.get(one.effect.target, "")
        rows.append(
            {
                "space": space,
                "key": one.effect.key,
                "kind": one.effect.kind,
                "target": one.effect.target,
                "lead_id": one.lead_id,
                "event": one.event,
                "payload": dict(one.effect.payload),
                "needs": list(one.effect.needs),
                "state": WITHHELD if why else WAITING,
                "attempts": 0,
                "due_at": max(now, one.effect.not_before or now),
                "patient_until": max(now, one.effect.not_before or now) + one.effect.patience,
                "raised_at": now,
                "settled_at": now if why else None,
                "error": why or None,
                "cause": str(one.effect.cause),
            }
        )
    execute_many(connection, _inserting(connection.dialect.name), rows)


@cache
def _inserting(dialect: str) -> sa.Insert:
    statement: sa.Insert = insert_on(dialect, outbox_effects).on_conflict_do_nothing(
        index_elements=["space", "key"]
    )
    return statement


@dataclass(frozen=True, slots=True)
class DueEffect:
    """A due effect as read; ``in_flight`` is what an earlier attempt may have sent."""

    id: int
    key: str
    kind: str
    lead_id: str
    payload: Mapping[str, JsonValue]
    attempts: int
    in_flight: Mapping[str, JsonValue] | None
    raised_at: datetime


_E = outbox_effects.c
# Statements that every delivery executes are built once: building costs more than executing.
IS_OPEN = sa.text("state IN ('waiting', 'leased')")  # verbatim the partial index's own condition
IS_FREE = sa.or_(_E.lease_until.is_(None), _E.lease_until <= sa.bindparam("now"))
IS_DUE = sa.and_(
    _E.space == sa.bindparam("of_space"),
    _E.target == sa.bindparam("of_target"),
    sa.text("outbox_effects.state IN ('waiting', 'leased')"),
    _E.due_at <= sa.bindparam("now"),
    IS_FREE,
)


def due(
    snapshot: Connection, space: str, target: str, now: datetime, limit: int, writing: Collection[str]
) -> list[DueEffect]:
    """Read the next due effects of a target, oldest first.

    One waits, as long as it is patient, for the records of its lead in the connections it needs
    that are written to and have not given the lead's record up; a task for that of its own
    connection however long it takes. A lead whose
    record was just read, and not merged yet, waits for the decider: it may say that the person
    opted out.
    """
    values = {"of_space": space, "of_target": target, "now": now, "limit": limit}
    return [DueEffect(*row) for row in snapshot.execute(_due(tuple(sorted(writing))), values)]


@cache
def _due(writing: tuple[str, ...]) -> sa.Select[Any]:
    e = inbox_events.c
    unmerged = sa.exists().where(
        e.lead_id == _E.lead_id, e.state == str(EventState.WAITING), e.kind == str(EventKind.FOUND)
    )
    own = linked(sa.bindparam("of_target"))
    statement = (
        sa.select(_E.id, _E.key, _E.kind, _E.lead_id, _E.payload, _E.attempts, _E.in_flight, _E.raised_at)
        .where(IS_DUE, ~unmerged, sa.or_(_E.kind != TASK, own))
        .order_by(_E.due_at, _E.id)
        .limit(sa.bindparam("limit", type_=sa.Integer))
    )
    if writing:
        there = sa.and_(*(sa.or_(sa.not_(_names(need)), *_has_come(need)) for need in writing))
        statement = statement.where(sa.or_(_E.patient_until <= sa.bindparam("now"), there))
    return statement


def _has_come(need: str) -> tuple[sa.Exists, sa.Exists]:
    """Say that the lead has a record there, or that none is coming."""
    return linked(need), sa.exists().where(is_given_up(need))


def linked(connection: Any) -> sa.Exists:
    """Say that the lead has a record there."""
    return sa.exists().where(links.c.lead_id == _E.lead_id, links.c.connection == connection)


def is_given_up(connection: Any) -> sa.ColumnElement[bool]:
    """Say of a change that it is the lead's dead letter there: no link is coming."""
    c = outbox_changes.c
    return sa.and_(
        c.space == _E.space,
        c.connection == connection,
        c.entity_kind == str(EntityKind.LEAD),
        c.entity_id == _E.lead_id,
        c.dead > c.done,
        c.wanted <= c.dead,
    )


def _names(need: str) -> sa.ColumnElement[bool]:
    return sa.cast(_E.needs, sa.Text).contains(f'"{need}"', autoescape=True)


def confirmations(snapshot: Connection, lead_ids: Collection[str], now: datetime) -> Mapping[str, int]:
    """Count the mails of late, or on their way, that ask each of these leads to confirm something."""
    is_late = sa.or_(_E.settled_at.is_(None), _E.settled_at > now - WITHIN)
    statement = (
        sa.select(_E.lead_id, sa.func.count())
        .where(_E.lead_id.in_(sorted(lead_ids)), _E.kind == CONFIRM)
        .where(_E.state.in_((LEASED, SENT, UNKNOWN)), is_late)
        .group_by(_E.lead_id)
    )
    return {lead_id: int(number) for lead_id, number in snapshot.execute(statement)}


def lease(
    connection: Connection,
    claims: Mapping[int, Mapping[str, JsonValue]],
    token: str,
    until: datetime,
) -> None:
    """Lease rows that the caller holds, each with the exact words about to be sent."""
    mine = {"token": token, "until": until}
    rows = [{"row": row, "values": dict(values)} | mine for row, values in claims.items()]
    execute_many(connection, LEASE, rows)


LEASE = (
    sa.update(outbox_effects)
    .where(_E.id == sa.bindparam("row"))
    .values(
        state=LEASED,
        lease_token=sa.bindparam("token"),
        lease_until=sa.bindparam("until"),
        attempts=_E.attempts + 1,
        in_flight=sa.bindparam("values"),
    )
)


def lock_free(connection: Connection, ids: Sequence[int], now: datetime) -> set[int]:
    """Lock rows, in the order of all transactions, and return those that are still open and free."""
    return set(connection.execute(FREE, {"ids": ids, "now": now}).scalars())


def renew(connection: Connection, ids: Sequence[int], token: str, until: datetime) -> set[int]:
    """Extend our lease of these rows; return those that are still ours. One that only ran out is."""
    ours = held(connection, ids, token)
    if ours:
        connection.execute(RENEW, {"ids": sorted(ours), "until": until})
    return ours


def held(connection: Connection, ids: Sequence[int], token: str) -> set[int]:
    """Return which of these rows are still under our lease, locked until the transaction ends."""
    return set(connection.execute(HELD, {"ids": ids, "token": token}).scalars())


def lock_where(connection: Connection, which: sa.ColumnElement[bool]) -> None:
    """Lock the rows that a statement is about to change, in the order of all transactions."""
    if connection.dialect.name != "sqlite":  # whose one writer locks everything
        connection.execute(sa.select(_E.id).where(which).order_by(_E.id).with_for_update()).all()


_LOCKED = (
    sa.select(_E.id).where(_E.id.in_(sa.bindparam("ids", expanding=True))).order_by(_E.id).with_for_update()
)
FREE = _LOCKED.where(IS_OPEN, IS_FREE)
HELD = _LOCKED.where(_E.lease_token == sa.bindparam("token"))
RENEW = (
    sa.update(outbox_effects)
    .where(_E.id.in_(sa.bindparam("ids", expanding=True)))
    .values(lease_until=sa.bindparam("until"))
)


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of an effect; ``in_doubt`` says that what was sent may have arrived."""

    id: int
    state: str
    due_at: datetime | None = None  # WAITING: when it is due again
    error: str | None = None
    cause: Cause = NO_CAUSE  # of a dead one
    letter: Mapping[str, JsonValue] | None = None  # of a dead one, as ``outbox.letter`` makes it
    remote_id: str | None = None
    in_doubt: bool = False
    attempts: int | None = None  # set: as many as before, for this one was nobody's fault


def settle(connection: Connection, settled: Sequence[Settled], now: datetime) -> None:
    """Record outcomes of rows the caller holds."""
    for one in settled:
        values: dict[str, Any] = {
            "state": one.state,
            "error": one.error,
            "lease_token": None,
            "lease_until": None,
            "settled_at": None if one.state == WAITING else now,
            "cause": str(one.cause),
            "letter": one.letter,
        }
        if one.due_at is not None:
            values["due_at"] = one.due_at
        if one.remote_id:
            values["remote_id"] = one.remote_id[:200]
        if one.attempts is not None:
            values["attempts"] = one.attempts
        if not one.in_doubt and one.state != UNKNOWN:
            values["in_flight"] = None  # of what is in doubt a person may want to know the words
        connection.execute(
            _settling(tuple(values)), {"row": one.id} | {f"new_{k}": v for k, v in values.items()}
        )


@cache
def _settling(names: tuple[str, ...]) -> sa.Update:
    statement = sa.update(outbox_effects).where(_E.id == sa.bindparam("row"))
    return statement.values({name: sa.bindparam(f"new_{name}") for name in names})


def send_again(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """Make dead letters due once more, because a person asked for it."""
    which = sa.and_(_E.id.in_(ids), _E.state == DEAD)
    lock_where(connection, which)
    values = {"due_at": now, "raised_at": now, "patient_until": now, "settled_at": None}
    connection.execute(sa.update(outbox_effects).where(which).values(state=WAITING, attempts=0, **values))


def look_again(connection: Connection, space: str, lead_ids: Collection[str] | None, now: datetime) -> int:
    """Let what gates of consent kept back of these leads, or of all, be claimed anew, which asks them again.

    Times begin now: a task is due so long after the consent as it would have been after the assignment.
    """
    whose = () if lead_ids is None else (_E.lead_id.in_(sorted(lead_ids)),)
    which = sa.and_(_E.space == space, BLOCKED, *whose)
    lock_where(connection, which)
    values = {"state": WAITING, "due_at": now, "raised_at": now, "settled_at": None, "cause": ""}
    return connection.execute(sa.update(outbox_effects).where(which).values(values)).rowcount


def end_wait(connection: Connection, space: str, lead_ids: Collection[str], now: datetime) -> int:
    """Let messages of these leads go out that waited for a provider's answer; return how many."""
    waits = sa.and_(_E.state == WAITING, _E.kind == MESSAGE, _E.attempts == 0, _E.due_at > now)
    which = sa.and_(_E.space == space, _E.lead_id.in_(sorted(lead_ids)), waits)
    lock_where(connection, which)
    return connection.execute(sa.update(outbox_effects).where(which).values(due_at=now)).rowcount


def release_leases(connection: Connection, space: str, mark: str = "") -> int:
    """End the leases of a process that is dead, by its mark; what was in flight is in doubt.

    Without one every lease: only for a process that knows it is the only one.
    """
    which = sa.and_(_E.space == space, _E.lease_token.startswith(mark))
    lock_where(connection, which)
    statement = sa.update(outbox_effects).where(which).values(lease_token=None, lease_until=None)
    return connection.execute(statement).rowcount


def withhold(connection: Connection, space: str, shut: Mapping[str, str], now: datetime) -> int:
    """Withhold what waits for targets that nothing is sent to, as when one was taken back to observing."""
    changed = 0
    for target, why in shut.items():
        which = sa.and_(_E.space == space, _E.target == target, _E.state == WAITING, _E.in_flight.is_(None))
        lock_where(connection, which)
        values = {"state": WITHHELD, "error": why, "settled_at": now}
        changed += connection.execute(sa.update(outbox_effects).where(which).values(values)).rowcount
    return changed


def stop(connection: Connection, space: str, keys: Collection[str], why: str, now: datetime) -> set[str]:
    """Withhold those of these effects that nobody has begun; return their keys."""
    which = sa.and_(_E.space == space, _E.key.in_(sorted(keys)), _E.state == WAITING, _E.in_flight.is_(None))
    lock_where(connection, which)
    values = {"state": WITHHELD, "error": why, "settled_at": now}
    statement = sa.update(outbox_effects).where(which).values(values)
    return set(connection.execute(statement.returning(_E.key)).scalars())
