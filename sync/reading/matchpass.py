"""Matches the leads that were there before the mirror was: a chunk of them a step, as ``found`` events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from mappings.playbook import CrmMap, Playbook
from model.event import Event, EventKind
from model.lead import Lead
from model.times import to_text
from sync import cursors, matching
from sync.cursors import BACKFILL, MATCH, Cursor
from sync.mirror import Mirrored
from sync.reading import passes
from sync.reading.passes import Looked, Pass
from sync.records import record_payload
from sync.tables import leads, links

log = structlog.get_logger("leadrelay.backfill")


@dataclass(slots=True)
class MatchPass(Pass):
    """Walks through the unlinked leads of one connection, once the mirror is whole."""

    def _place(self, snapshot: Connection, playbook: Playbook, now: datetime) -> Cursor | None:
        stored = cursors.load(snapshot, self.space, self.name)
        if not matching.is_whole(stored, playbook.crms[self.name]):
            return None
        filled_at = max(one.finished_at for one in stored if one.job == BACKFILL and one.finished_at)
        return passes.place(stored, Cursor(self.name, MATCH, "", now, now), filled_at)

    def _look(self, snapshot: Connection, crm: CrmMap, above: str, now: datetime) -> Looked:
        values = {"of_space": self.space, "on": self.name, "above": above, "n": passes.CHUNK}
        rows = snapshot.execute(UNLINKED, values).all()
        people = [Lead(row.id, fields={"email": row.email} if row.email else {}) for row in rows]
        keys = [key for lead in people for key in matching.keys_of(lead)]
        hits = matching.load(snapshot, self.space, {self.name: keys})
        found = [(lead, hits.person(crm, lead)) for lead in people]
        events = [
            _event(lead, one, self.space, now)
            for lead, one in found
            if one is not None and not matching.lacking(one, crm)
        ]
        return Looked([lead.id for lead in people], events)

    def _tell(self, ended: Cursor) -> None:
        log.info("backfill.matched", connection=self.name, leads=ended.seen)


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
