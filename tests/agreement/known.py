"""What leadrelay knows at the end of a run: whose record each is, what it asked, what it noted as lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from model.account import Account
from model.deal import Deal
from model.entity import Entity
from model.lead import Lead
from sync import accounts, deals, leads, tables
from sync.people import People
from tests.agreement.names import NAMES
from tests.agreement.world import World


@dataclass(frozen=True)
class Known:
    """All that the store holds of a run which is over."""

    leads: Mapping[str, Lead]
    accounts: Mapping[str, Account]
    deals: Mapping[str, Deal]
    people: People
    asked: Sequence[Mapping[str, Any]]  # details of reviews and proposals
    conflicts: Sequence[Mapping[str, Any]]
    stuck: Sequence[sa.Row[Any]]  # events that did not end
    letters: Sequence[sa.Row[Any]]  # changes that were given up
    joined: Mapping[tuple[str, str], str]  # (connection, record) of one taken into another -> lead

    @classmethod
    def of(cls, world: World) -> Known:
        """Read it."""
        with world.store.snapshot() as snapshot:
            ids = [
                snapshot.execute(sa.select(table.c.id)).scalars().all()
                for table in (tables.leads, tables.accounts, tables.deals)
            ]
            asked = [row.detail for row in snapshot.execute(sa.select(tables.reviews.c.detail))]
            asked += [
                {"lead": row.lead_id, "merge": row.record}
                for row in snapshot.execute(sa.select(tables.proposals.c.lead_id, tables.proposals.c.record))
            ]
            events, changes = tables.inbox_events.c, tables.outbox_changes.c
            return cls(
                leads.load(snapshot, ids[0]),
                accounts.load(snapshot, ids[1]),
                deals.load(snapshot, ids[2]),
                People.load(snapshot, "main"),
                asked,
                [row._asdict() for row in snapshot.execute(sa.select(tables.conflicts))],
                snapshot.execute(
                    sa.select(events.id, events.error).where(events.state.in_(("dead", "waiting")))
                ).all(),
                snapshot.execute(
                    sa.select(changes.entity_id, changes.error).where(changes.dead > changes.done)
                ).all(),
                _records_of_joined(snapshot),
            )

    @property
    def entities(self) -> Iterator[Entity]:
        """All that have records: leads, accounts and deals."""
        yield from self.leads.values()
        yield from self.accounts.values()
        yield from self.deals.values()

    @property
    def in_review(self) -> set[str]:
        """The records about which a person is asked: the second ones of somebody, or of a deal."""
        return {
            str(one)
            for detail in self.asked
            for one in (
                detail.get("merge"),
                *detail.get("records", ()),
                *((detail["record"],) if "deals" in detail and "record" in detail else ()),
            )
        }

    @property
    def deals_in_review(self) -> set[str]:
        """The deals about which a person is asked."""
        return {str(one) for detail in self.asked for one in detail.get("deals", ())}

    def holder(self, connection: str, object_type: str, record_id: str) -> Entity | None:
        """Return whose record it is, if anybody's: a lead's, an account's or a deal's."""
        kind = NAMES[connection].kind_of(object_type)
        of_kind: Mapping[str, Entity] = {"lead": self.leads, "account": self.accounts, "deal": self.deals}[
            kind
        ]
        for one in of_kind.values():
            link = one.links.get(connection)
            if link is not None and record_id in (link.remote_id, *link.aliases):
                return one
        return self.leads.get(self.joined.get((connection, record_id), "")) if kind == "lead" else None


def _records_of_joined(snapshot: sa.Connection) -> dict[tuple[str, str], str]:
    """Return whose records those are now that a lead had when it was taken into another."""
    merged = {row.lead_id: row for row in snapshot.execute(sa.select(tables.merged_leads))}
    found = {}
    for row in merged.values():
        into = row.into
        while into in merged:
            into = merged[into].into
        found |= {(name, record_id): into for name, _, record_id in row.was["links"]}
    return found
