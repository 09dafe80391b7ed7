"""Leads that another playbook is about are looked at again: a walk, a few at a time, each by an event.

It is begun in the transaction in which the version comes into force, and moves on while few events wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mappings.revisiting import BAND, OWNER, Concern
from model.event import Event, EventKind
from model.lead import RULE
from model.timer import PLAYBOOK
from model.times import to_text
from sync import cursors, inbox
from sync.cursors import Cursor
from sync.database import Store
from sync.tables import activities, leads

JOB = "revisit"
MOST = 200  # leads in one step, as many as the decider takes at once

_l = leads.c


def begin(
    connection: Connection, space: str, version: int, concerns: Sequence[Concern], now: datetime
) -> None:
    """Begin to walk for a version, also for those whom an earlier walk that has not ended was still about."""
    running = current(connection, space)
    words = [*(running.fields if running is not None else ()), *map(_as_text, concerns)]
    cursors.forget(connection, space, RULE, [JOB])
    walk = Cursor(RULE, JOB, str(version), now, now, fields=tuple(dict.fromkeys(words)))
    cursors.begin(connection, space, walk)


def current(snapshot: Connection, space: str) -> Cursor | None:
    """Return the walk that has not ended."""
    walks = (one for one in cursors.load(snapshot, space, RULE) if one.job == JOB and one.is_walking)
    return next(walks, None)


def step(store: Store, space: str, now: datetime) -> int:
    """Hand in the next leads, at most ``MOST``; return how many. None while many events wait.

    Raises ``StoreBusy``, and ``Conflict`` where another process walks here.
    """
    with store.snapshot() as snapshot:
        walk = current(snapshot, space)
        if walk is None or inbox.is_busy(snapshot, space):
            return 0
        found = _next(snapshot, space, [_of_text(one) for one in walk.fields], walk.after or "")
    moved = replace(
        walk,
        after=found[-1] if found else walk.after,
        seen=walk.seen + len(found),
        moved_at=now,
        finished_at=max(now, walk.begun_at) if len(found) < MOST else None,
    )
    events = [_event(space, walk, lead_id, now) for lead_id in found]

    def save(connection: Connection) -> None:
        cursors.move(connection, space, walk, moved)
        inbox.insert_new(connection, events)

    store.write(save)
    if events:
        store.signals.announce("inbox")
    return len(events)


@dataclass(frozen=True, slots=True)
class Revisit:
    """How far a walk is."""

    version: int
    seen: int
    begun_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self) | {"begun_at": to_text(self.begun_at)}


def progress(snapshot: Connection, space: str) -> Revisit | None:
    """Return how far the walk is that has not ended."""
    walk = current(snapshot, space)
    return Revisit(int(walk.object), walk.seen, walk.begun_at) if walk is not None else None


def _next(snapshot: Connection, space: str, concerns: Sequence[Concern], above: str) -> list[str]:
    """Return the next leads by id; test leads are left out."""
    # ``coalesce`` keeps SQLite to the order of ids: by one of the space it sorts all leads each time.
    here = sa.func.coalesce(_l.space, "") == space
    which = (here, _l.id > above, sa.not_(_l.is_test), sa.or_(*map(_is_meant, concerns)))
    return [*snapshot.execute(sa.select(_l.id).where(*which).order_by(_l.id).limit(MOST)).scalars()]


def _is_meant(concern: Concern) -> sa.ColumnElement[bool]:
    if concern.kind == BAND:
        least = _l.score >= concern.least
        return least if concern.below is None else sa.and_(least, _l.score < concern.below)
    if concern.kind == OWNER:
        return sa.and_(sa.func.coalesce(_l.owner, "") == "", _l.stage.in_(concern.stages))
    did = sa.exists().where(activities.c.lead_id == _l.id)
    return sa.or_(_l.score != 0, did)


def _event(space: str, walk: Cursor, lead_id: str, now: datetime) -> Event:
    payload = {"lead_id": lead_id, "kind": PLAYBOOK, "key": walk.object, "due_at": to_text(walk.begun_at)}
    return Event(RULE, f"{PLAYBOOK}-{walk.object}-{lead_id}", EventKind.TIMER, payload, now, now, space)


def _as_text(concern: Concern) -> str:
    return orjson.dumps(asdict(concern)).decode()


def _of_text(text: str) -> Concern:
    said = orjson.loads(text)
    return Concern(**said | {"stages": tuple(said["stages"])})
