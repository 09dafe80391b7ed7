"""Hands in the deals that were there before: a chunk of the mirror a step, as ``changed`` events.

Behind the match pass, which says who is known on the connection.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from mappings.playbook import CrmMap, Playbook
from model.deal import COMPANIES, PEOPLE
from model.event import RecordRef
from sync import cursors, links, mirror
from sync.cursors import BACKFILL, DEALS, MATCH, Cursor
from sync.mirror import Mirrored
from sync.reading import passes
from sync.reading.passes import Looked, Pass
from sync.reading.polling import changed_event
from sync.tables import deal_links
from sync.tables import mirror as mirrored

log = structlog.get_logger("leadrelay.backfill")


@dataclass(slots=True)
class DealPass(Pass):
    """Walks through the mirrored deals that are nobody's: hands in those with somebody who is known."""

    def _place(self, snapshot: Connection, playbook: Playbook, now: datetime) -> Cursor | None:
        deal = playbook.crms[self.name].deal
        if deal is None or not playbook.keeps_deals:
            return None
        stored = cursors.load(snapshot, self.space, self.name)
        filled = next((one for one in stored if one.job == BACKFILL and one.object == deal.object), None)
        matched = next((one for one in stored if one.job == MATCH), None)
        if filled is None or filled.finished_at is None or matched is None or matched.is_walking:
            return None
        return passes.place(stored, Cursor(self.name, DEALS, deal.object, now, now), filled.finished_at)

    def _look(self, snapshot: Connection, crm: CrmMap, above: str, now: datetime) -> Looked:
        object_type = crm.deal.object if crm.deal else ""
        values = {"of_space": self.space, "on": self.name, "of_object": object_type, "above": above}
        ids = snapshot.execute(UNLINKED, values | {"n": passes.CHUNK}).scalars().all()
        there = mirror.read(snapshot, self.space, [RecordRef(self.name, object_type, one) for one in ids])
        known = _with_somebody(snapshot, self.space, crm, there.values())
        # A repeat has the same id and changes nothing.
        return Looked(ids, [changed_event(one.record, one.read_at, now, self.space) for one in known])

    def _tell(self, ended: Cursor) -> None:
        log.info("backfill.deals", connection=self.name, deals=ended.seen)


def _with_somebody(
    snapshot: Connection, space: str, crm: CrmMap, found: Iterable[Mirrored]
) -> list[Mirrored]:
    """Return the deals of which a person is a lead, or a company an account."""
    found = list(found)
    refs = {one.record.ref: _parties(one, crm) for one in found}
    every = {ref for some in refs.values() for ref in some}
    held = links.LEADS.of_records(snapshot, space, every).keys() | links.ACCOUNTS.of_records(
        snapshot, space, every
    )
    return [one for one in found if not held.isdisjoint(refs[one.record.ref])]


def _parties(one: Mirrored, crm: CrmMap) -> list[RecordRef]:
    names = {PEOPLE: crm.people_object, COMPANIES: crm.account.object if crm.account else ""}
    return [
        RecordRef(crm.connection, object_name, str(each))
        for name, object_name in names.items()
        for each in one.record.fields.get(name) or ()
    ]


UNLINKED = (
    sa.select(mirrored.c.remote_id)
    .where(
        mirrored.c.space == sa.bindparam("of_space"),
        mirrored.c.connection == sa.bindparam("on"),
        mirrored.c.object == sa.bindparam("of_object"),
        mirrored.c.remote_id > sa.bindparam("above"),
        mirrored.c.is_archived.is_(False),
        ~sa.exists().where(
            deal_links.c.space == mirrored.c.space,
            deal_links.c.connection == mirrored.c.connection,
            deal_links.c.object == mirrored.c.object,
            deal_links.c.remote_id == mirrored.c.remote_id,
        ),
    )
    .order_by(mirrored.c.remote_id)
    .limit(sa.bindparam("n", type_=sa.Integer))
)
