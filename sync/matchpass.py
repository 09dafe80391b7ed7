"""Matches the leads that were there before the mirror was: a chunk of them a step, as ``found`` events.

Runs once after each whole backfill of a connection. Writes events and its cursor, in one
transaction; the decider does the rest, as with any record that was found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from mappings.playbook import CrmMap, Playbook
from model.errors import Conflict
from model.event import Event, EventKind
from model.lead import Lead
from model.times import Clock, to_text
from sync import cursors, inbox, matching
from sync.backfill import Step
from sync.cursors import BACKFILL, MATCH, Cursor
from sync.database import Store
from sync.mirror import Mirrored
from sync.records import record_payload
from sync.tables import leads, links
from sync.teammates import known_rosters

log = structlog.get_logger("leadrelay.backfill")

CHUNK = 500  # leads a step looks at
LATER = 1.0  # seconds until it looks again


@dataclass(slots=True)
class MatchPass:
    """Walks through the unlinked leads of one connection, in the order of their ids."""

    name: str
    store: Store
    clock: Clock
    playbook: Callable[[], Playbook]
    space: str = "main"

    def step(self) -> Step | None:
        """Hand in what is found for the next leads; ``None`` when nothing is left or it is too early.

        Too early is it until the mirror is whole and the connection's owners are known.
        """
        crm, now = self.playbook().crms[self.name], self.clock.now()
        with self.store.snapshot() as snapshot:
            stored = cursors.load(snapshot, self.space, self.name)
            if not matching.is_whole(stored, crm) or self.name not in known_rosters(snapshot, self.space):
                return None
            cursor = _present(stored, self.name, now)
            if cursor is None:
                return None
            if inbox.is_busy(snapshot, self.space):
                return Step("", wait=LATER)
            rows = snapshot.execute(
                UNLINKED, {"of_space": self.space, "on": self.name, "above": cursor.after or "", "n": CHUNK}
            ).all()
            events = self._events(snapshot, crm, rows, now)
        after = replace(
            cursor,
            after=rows[-1].id if rows else cursor.after,
            seen=cursor.seen + len(events),
            moved_at=now,
            finished_at=max(now, cursor.begun_at) if len(rows) < CHUNK else cursor.finished_at,
        )
        try:
            self.store.write(lambda connection: self._save(connection, cursor, after, events))
        except Conflict:  # another process walks here
            return Step("", wait=LATER)
        if events:
            self.store.signals.announce("inbox")
        if not after.is_walking:
            log.info("backfill.matched", connection=self.name, leads=after.seen)
        return Step("", len(events))

    def _save(self, connection: Connection, cursor: Cursor, after: Cursor, events: Sequence[Event]) -> None:
        if cursor.after is None and not cursor.seen:
            cursors.begin(connection, self.space, cursor, anew=True)
        cursors.move(connection, self.space, cursor, after)
        inbox.insert_new(connection, events)

    def _events(self, snapshot: Connection, crm: CrmMap, rows: Sequence[Any], now: datetime) -> list[Event]:
        people = [Lead(row.id, fields={"email": row.email} if row.email else {}) for row in rows]
        keys = [key for lead in people for key in matching.keys_of(lead)]
        hits = matching.load(snapshot, self.space, {self.name: keys})
        found = [(lead, hits.person(crm, lead)) for lead in people]
        return [
            _event(lead, one, self.space, now)
            for lead, one in found
            if one is not None and not matching.lacking(one, crm)
        ]


def _present(stored: Sequence[Cursor], name: str, now: datetime) -> Cursor | None:
    """Return where the walk stands, ``None`` at its end; a new one begins once the mirror was filled anew."""
    known = next((one for one in stored if one.job == MATCH), None)
    filled_at = max(one.finished_at for one in stored if one.job == BACKFILL and one.finished_at)
    if known is None:
        return Cursor(name, MATCH, "", now, now)
    if known.is_walking:
        return known
    return known.again(now) if known.begun_at <= filled_at else None


def _event(lead: Lead, one: Mirrored, space: str, now: datetime) -> Event:
    """Return the event that the mirror has a lead's person; a repeat has the same id and changes nothing."""
    ref = one.record.ref
    seen = to_text(one.read_at)
    return Event(
        source=ref.connection,
        event_id=f"match-{lead.id}-{ref.id}-{seen}",
        kind=EventKind.FOUND,
        payload={"lead_id": lead.id, "record": record_payload(one.record), "read_at": seen},
        occurred_at=one.record.modified_at or one.read_at,
        received_at=now,
        space=space,
        record=ref,
    )


UNLINKED = (
    sa.select(leads.c.id, leads.c.email)
    .where(
        leads.c.space == sa.bindparam("of_space"),
        leads.c.id > sa.bindparam("above"),
        ~sa.exists().where(links.c.lead_id == leads.c.id, links.c.connection == sa.bindparam("on")),
    )
    .order_by(leads.c.id)
    .limit(sa.bindparam("n", type_=sa.Integer))
)
