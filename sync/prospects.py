"""What delivery would do for each lead now: read in pieces and compared, nothing written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from handlers import companies
from handlers.writeback import NEEDED, SPOKEN, Wanted, wanted
from mappings.playbook import CrmMap, Playbook
from model.account import Account
from model.decision import EntityKind
from model.lead import Lead, Link
from model.priority import Priority
from sync import accounts, leads, matching
from sync.links import record_key
from sync.outbox import Raise
from sync.people import People
from sync.tables import leads as lead_rows
from sync.tables import outbox_changes, reviews

CREATE, MATCH, UPDATE, SAME, SKIP = "create", "match", "update", "same", "skip"
WRITTEN = (CREATE, MATCH, UPDATE)

CHUNK = 2_000  # leads held in memory at a time

OTHERS_RECORD = "the record found is another lead's; a person must say whose it is"
GIVEN_UP = "given up before: a dead letter"


@dataclass(frozen=True, slots=True)
class Row:
    """A row in the outbox of one connection: of a lead, of its account, or of the association of both."""

    wanted: int = 0
    done: int = 0
    dead: int = 0
    error: str | None = None

    @property
    def is_pending(self) -> bool:
        """Say whether something is wanted that was neither delivered nor given up."""
        return self.wanted > self.done and self.wanted > self.dead

    @property
    def is_given_up(self) -> bool:
        """Say whether it is a dead letter."""
        return self.dead > self.done and self.wanted <= self.dead


NO_ROW = Row()
Rows = Mapping[tuple[EntityKind, str, str], Row]  # by kind, lead or account, object


@dataclass(frozen=True, slots=True)
class Wish:
    """A record or an association that must be brought up to what the store says, and its row."""

    wanted: Raise
    row: Row

    @property
    def lacks_row(self) -> bool:
        """Say whether the outbox does not know."""
        return not self.row.is_pending and not self.row.is_given_up


@dataclass(frozen=True, slots=True)
class Prospect:
    """One lead, and what a claim would do for it now."""

    lead: Lead
    link: Link | None
    wanted: Wanted
    row: Row
    action: str  # MATCH: the mirror has the person, who is found there before anything is made
    reason: str = ""  # of a skip
    waits_for: tuple[str, ...] = ()  # connections in which the person must be first
    company: tuple[Wish, ...] = ()  # of the lead's account, and of their association

    @property
    def lacks_row(self) -> bool:
        """Say whether the person is to be written and the outbox does not know."""
        return self.action in WRITTEN and not self.row.is_pending

    def lacking(self, crm: CrmMap) -> list[Raise]:
        """Return all that is to be written and the outbox does not know."""
        found = [one.wanted for one in self.company if one.lacks_row]
        if self.lacks_row:
            found.append(Raise(crm.connection, self.wanted.object or "", self.lead.id, crm.needs))
        return found


@dataclass(frozen=True, slots=True)
class Prospects:
    """All leads of a space as one connection sees them, in pieces, in the order of their ids."""

    space: str
    crm: CrmMap
    playbook: Playbook
    people: People
    held_back: frozenset[str]  # leads whose record is another lead's
    is_mirrored: bool = False  # the connection's mirror is whole

    @classmethod
    def open(cls, snapshot: Connection, space: str, crm: CrmMap, playbook: Playbook) -> Prospects:
        """Read what all pieces share."""
        people = People.load(snapshot, space)
        held_back = _held_back(snapshot, space, crm.connection)
        is_mirrored = bool(matching.whole(snapshot, space, [crm]))
        return cls(space, crm, playbook, people, held_back, is_mirrored)

    def chunks(self, snapshot: Connection, after: str = "") -> Iterator[list[Prospect]]:
        """Yield every lead whose id comes after ``after``, ``CHUNK`` at a time."""
        while piece := self.next(snapshot, after):
            yield piece
            after = piece[-1].lead.id

    def next(self, snapshot: Connection, after: str, limit: int = CHUNK) -> list[Prospect]:
        """Return the next piece; an empty one at the end."""
        ids = list(snapshot.execute(IDS, {"of_space": self.space, "after": after, "most": limit}).scalars())
        return self.of(snapshot, ids)

    def of(self, snapshot: Connection, ids: Sequence[str]) -> list[Prospect]:
        """Return the leads with these ids, in their order."""
        if not ids:
            return []
        found = leads.load(snapshot, ids, ledgers=False)
        some = [found[lead_id] for lead_id in ids]
        whose = {lead.id: account for lead in some if (account := lead.get("account"))}
        firms = accounts.load(snapshot, whose.values()) if self.crm.account else {}
        rows = _rows(snapshot, self.space, self.crm.connection, [*ids, *firms])
        there = self._in_the_mirror(snapshot, some)
        return [self._prospect(lead, firms.get(whose.get(lead.id, "")), rows, there) for lead in some]

    def _in_the_mirror(self, snapshot: Connection, some: Sequence[Lead]) -> dict[str, str | None]:
        """Return the unlinked leads that the mirror has a record of, with the lead whose record that is."""
        name = self.crm.connection
        unlinked = [lead for lead in some if name not in lead.links] if self.is_mirrored else []
        if not unlinked:
            return {}
        keys = [key for lead in unlinked for key in matching.keys_of(lead)]
        hits = matching.load(snapshot, self.space, {name: keys})
        refs = {
            lead.id: hit.record.ref for lead in unlinked if (hit := hits.person(self.crm, lead)) is not None
        }
        holders = leads.find(snapshot, self.space, [record_key(ref) for ref in refs.values()])
        return {lead_id: holders.get(record_key(ref)) for lead_id, ref in refs.items()}

    def _prospect(
        self, lead: Lead, account: Account | None, rows: Rows, there: Mapping[str, str | None]
    ) -> Prospect:
        link = lead.links.get(self.crm.connection)
        found = wanted(lead, self.crm, self.people, self.playbook.lifecycle)
        row = rows.get((EntityKind.LEAD, lead.id, found.object or ""), NO_ROW)
        is_others = lead.id in self.held_back or there.get(lead.id, lead.id) not in (None, lead.id)
        action, reason = self._verdict(link, found, row, is_others=link is None and is_others)
        waits = tuple(name for name in self.crm.needs if name not in lead.links)
        if action == CREATE and lead.id in there:
            action = MATCH
        company: tuple[Wish, ...] = ()
        if account is not None and action != SKIP:
            company = tuple(self._company(lead, account, rows))
        return Prospect(lead, link, found, row, action, reason, waits, company)

    def _company(self, lead: Lead, account: Account, rows: Rows) -> Iterator[Wish]:
        """Yield what the writeback handler would ask for beside the person."""
        for effect, _ in companies.wanted(lead, account, self.crm, self.playbook.lifecycle, self.people):
            if effect is None:
                continue
            whose = account.id if effect.kind is EntityKind.ACCOUNT else lead.id
            wish = Raise(
                self.crm.connection, effect.object, whose, priority=Priority.COMPANIES, kind=effect.kind
            )
            yield Wish(wish, rows.get((effect.kind, whose, effect.object), NO_ROW))

    def _verdict(self, link: Link | None, found: Wanted, row: Row, *, is_others: bool) -> tuple[str, str]:
        if found.skip:
            return SKIP, _spoken(found, link, self.crm)
        if found.object is None:
            return SAME, ""
        if is_others:
            return SKIP, OTHERS_RECORD
        if row.is_given_up:
            return SKIP, GIVEN_UP
        return (CREATE if link is None else UPDATE), ""


def _spoken(found: Wanted, link: Link | None, crm: CrmMap) -> str:
    """Return why a person is never written to a connection, the same words for all of a kind."""
    needed = NEEDED.get(crm.kind)
    if needed and found.skip == needed:
        return f"no {SPOKEN[needed]}"
    return f"it is a {link.object if link else crm.create_object} there, which the map leaves out"


def _held_back(snapshot: Connection, space: str, connection: str) -> frozenset[str]:
    """Return the leads of whom a review asks whether the record that they would get is not another's."""
    rows = snapshot.execute(HELD_BACK, {"of_space": space})
    return frozenset(
        one
        for kind, lead_id, detail in rows
        if detail.get("connection") == connection
        for one in detail["leads"]
        if (one == lead_id) is (kind == "same_record")  # the other kind is filed under who has the record
    )


def _rows(snapshot: Connection, space: str, connection: str, ids: Sequence[str]) -> Rows:
    """Return the outbox rows of leads and accounts."""
    found: dict[tuple[EntityKind, str, str], Row] = {}
    for start in range(0, len(ids), CHUNK):
        values = {"of_space": space, "of_connection": connection, "ids": ids[start : start + CHUNK]}
        for kind, entity_id, object_type, *row in snapshot.execute(ROWS, values):
            found[EntityKind(kind), entity_id, object_type] = Row(*row)
    return found


_O = outbox_changes.c
# Built once: building costs more than executing.
IDS = (
    sa.select(lead_rows.c.id)
    .where(lead_rows.c.space == sa.bindparam("of_space"), lead_rows.c.id > sa.bindparam("after"))
    .order_by(lead_rows.c.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
ROWS: sa.Select[Any] = sa.select(
    _O.entity_kind, _O.entity_id, _O.object, _O.wanted, _O.done, _O.dead, _O.error
).where(
    _O.space == sa.bindparam("of_space"),
    _O.connection == sa.bindparam("of_connection"),
    _O.entity_id.in_(sa.bindparam("ids", expanding=True)),
)
HELD_BACK = sa.select(reviews.c.kind, reviews.c.lead_id, reviews.c.detail).where(
    reviews.c.space == sa.bindparam("of_space"),
    reviews.c.state == "open",
    reviews.c.kind.in_(("same_record", "same_person")),
)
