"""Hands in the deals that were there before: a chunk of the mirror a step, as ``changed`` events.

Runs once after each whole backfill of a connection's deals, behind the match pass, which says who is known
there. Writes events and its cursor, in one transaction; the decider does the rest. No call is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from mappings.playbook import CrmMap, Playbook
from model.deal import COMPANIES, PEOPLE
from model.errors import Conflict
from model.event import Event, RecordRef
from model.times import Clock
from sync import cursors, inbox, links, mirror
from sync.backfill import Step
from sync.cursors import BACKFILL, DEALS, MATCH, Cursor
from sync.database import Store
from sync.matchpass import LATER
from sync.mirror import Mirrored
from sync.polling import changed_event
from sync.tables import deal_links
from sync.tables import mirror as mirrored
from sync.teammates import known_rosters

log = structlog.get_logger("leadrelay.backfill")

CHUNK = 500  # deals a step looks at


@dataclass(slots=True)
class DealPass:
    """Walks through the mirrored deals of one connection that are nobody's, in the order of their ids."""

    name: str
    store: Store
    clock: Clock
    playbook: Callable[[], Playbook]
    space: str = "main"

    def step(self) -> Step | None:
        """Hand in the next deals that are with somebody known; ``None``: nothing is left, or it is too early.

        Too early is it until the deals are mirrored, the owners are known, and who was there is matched.
        """
        playbook, now = self.playbook(), self.clock.now()
        crm = playbook.crms[self.name]
        if crm.deal is None or not playbook.keeps_deals:
            return None
        with self.store.snapshot() as snapshot:
            cursor = _present(cursors.load(snapshot, self.space, self.name), self.name, crm.deal.object, now)
            if cursor is None or self.name not in known_rosters(snapshot, self.space):
                return None
            if inbox.is_busy(snapshot, self.space):
                return Step("", wait=LATER)
            place = {"of_space": self.space, "on": self.name, "of_object": crm.deal.object}
            rows = (
                snapshot.execute(UNLINKED, place | {"above": cursor.after or "", "n": CHUNK}).scalars().all()
            )
            refs = [RecordRef(self.name, crm.deal.object, each) for each in rows]
            known = _with_somebody(
                snapshot, self.space, crm, mirror.read(snapshot, self.space, refs).values()
            )
        events = [_event(one, now, self.space) for one in known]
        after = replace(
            cursor,
            after=rows[-1] if rows else cursor.after,
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
            log.info("backfill.deals", connection=self.name, deals=after.seen)
        return Step("", len(events))

    def _save(self, connection: Connection, cursor: Cursor, after: Cursor, events: Sequence[Event]) -> None:
        if cursor.after is None and not cursor.seen:
            cursors.begin(connection, self.space, cursor, anew=True)
        cursors.move(connection, self.space, cursor, after)
        inbox.insert_new(connection, events)


def _present(stored: Sequence[Cursor], name: str, deal_object: str, now: datetime) -> Cursor | None:
    """Return where the walk stands; ``None`` at its end, and before mirror and match pass are at theirs."""
    filled = next((one for one in stored if one.job == BACKFILL and one.object == deal_object), None)
    matched = next((one for one in stored if one.job == MATCH), None)
    if filled is None or filled.finished_at is None or matched is None or matched.is_walking:
        return None
    known = next((one for one in stored if one.job == DEALS), None)
    if known is None:
        return Cursor(name, DEALS, deal_object, now, now)
    if known.is_walking:
        return known
    return known.again(now) if known.begun_at <= filled.finished_at else None


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


def _event(one: Mirrored, now: datetime, space: str) -> Event:
    """Return the event that a deal is as the mirror has it; a repeat has the same id and changes nothing."""
    return changed_event(one.record, one.read_at, now, space)


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
