"""What leadrelay knows at the end of a run: whose record each is, what it asked, what it noted as lost."""

from __future__ import annotations

import re
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

# Of a deal that may be any of several in Salesforce, a dead letter asks (docs/deals.md).
SEVERAL = "several opportunities have the deal's name"
OPPORTUNITY = re.compile(r"\b006\w{15}\b")


@dataclass(frozen=True)
class Known:
    """All that the store holds of a run which is over."""

    leads: Mapping[str, Lead]
    accounts: Mapping[str, Account]
    deals: Mapping[str, Deal]
    people: People
    asked: Sequence[Mapping[str, Any]]  # details of reviews, proposals, and letters that ask which deal it is
    conflicts: Sequence[Mapping[str, Any]]
    stuck: Sequence[sa.Row[Any]]  # events that did not end
    letters: Sequence[sa.Row[Any]]  # changes that were given up
    held: Mapping[tuple[str, str, str], str]  # record that somebody had once -> who had it last
    joined: Mapping[tuple[str, str], str]  # (connection, record) of one taken into another -> lead
    into: Mapping[str, str]  # lead that was taken into another -> that one

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
            letters = snapshot.execute(
                sa.select(changes.entity_id, changes.error).where(changes.dead > changes.done)
            ).all()
            asked += [
                {"deals": [row.entity_id], "records": OPPORTUNITY.findall(row.error)}
                for row in letters
                if SEVERAL in str(row.error)
            ]
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
                letters,
                world.held,
                *_joined(snapshot),
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
        """Return whose record it is, if anybody's: a lead's, an account's or a deal's.

        One that was let go of, as a deleted one is when another takes its place, is whose it was last: what
        people typed there was said of that one.
        """
        kind = NAMES[connection].kind_of(object_type)
        of_kind: Mapping[str, Entity] = {"lead": self.leads, "account": self.accounts, "deal": self.deals}[
            kind
        ]
        for one in of_kind.values():
            link = one.links.get(connection)
            if link is not None and record_id in (link.remote_id, *link.aliases):
                return one
        if kind == "lead" and (into := self.joined.get((connection, record_id))):
            return self.leads.get(into)
        last = self.held.get((connection, object_type, record_id), "")
        return of_kind.get(self.into.get(last, last))


def _joined(snapshot: sa.Connection) -> tuple[dict[tuple[str, str], str], dict[str, str]]:
    """Return whose records those are now that a lead had when it was taken into another, and who that is."""
    merged = {row.lead_id: row for row in snapshot.execute(sa.select(tables.merged_leads))}
    records, leads = {}, {}
    for row in merged.values():
        into = row.into
        while into in merged:
            into = merged[into].into
        leads[row.lead_id] = into
        records |= {(name, record_id): into for name, _, record_id in row.was["links"]}
    return records, leads
