"""Deals as the pages and the read API show them: a list, and one deal's story."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.account import Account
from model.deal import Deal
from model.decision import EntityKind
from model.event import JsonValue
from model.lead import Touch
from model.times import from_text, to_text
from sync import accounts, deals, explain, lists
from sync.explain import Chapter, WriteState
from sync.lists import Page
from sync.tables import audit, conflicts, deal_outcomes, deal_parties, touches
from sync.tables import deals as deals_table

PAGE = 50
MOST = 100  # of each list of a story
OUTCOMES = ("open", "won", "lost")


@dataclass(frozen=True, slots=True)
class DealRow:
    """One line of the list."""

    id: str
    name: str
    stage: str
    outcome: str
    amount: str | None  # an exact decimal
    currency: str
    owner: str | None
    closed_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PartyLine:
    """A lead who takes part in a deal."""

    lead_id: str
    email: str | None


@dataclass(frozen=True, slots=True)
class TouchLine:
    """A touch of one of a deal's people, before it was won or lost."""

    lead_id: str
    touch: Touch


@dataclass(frozen=True, slots=True)
class DealStory:
    """Everything that a deal's page shows."""

    deal: Deal
    people: list[PartyLine]
    account: Account | None
    outcomes: list[dict[str, JsonValue]]  # the newest first
    touches: list[TouchLine]  # the newest first
    conflicts: list[dict[str, JsonValue]]
    chapters: list[Chapter]  # what was decided of it and changed something, the newest first
    writes: list[WriteState]

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; moments stay moments."""
        deal = self.deal
        return {
            **brief(deal),
            "people": [asdict(one) for one in self.people],
            "account": None
            if self.account is None
            else {"id": self.account.id, "domain": self.account.domain},
            "outcomes": self.outcomes,
            "touches": [
                {"lead_id": one.lead_id, "at": one.touch.at, **dict(one.touch.fields)} for one in self.touches
            ],
            "conflicts": self.conflicts,
            "events": [asdict(chapter) for chapter in self.chapters],
            "writes": [asdict(write) for write in self.writes],
        }


def brief(deal: Deal) -> dict[str, Any]:
    """Return what is shown of a deal wherever it is named."""
    return {
        "id": deal.id,
        "fields": deal.fields,
        "outcome": deal.outcome,
        "reason": deal.reason,
        "closed_at": deal.closed_at,
        "created_at": deal.created_at,
        "is_gone": deal.is_gone,
        "records": [
            {"connection": name, "object": link.object, "id": link.remote_id, "gone_at": link.gone_at}
            for name, link in sorted(deal.links.items())
        ],
    }


def page(
    snapshot: Connection, space: str, outcome: str = "", after: str = "", size: int = PAGE
) -> Page[DealRow]:
    """Read one page of deals, the newest first. Raises ``ValueError`` for a position that is none."""
    c = deals_table.c
    statement = sa.select(*(c[name] for name in DealRow.__slots__)).where(c.space == space)
    if outcome:
        statement = statement.where(c.outcome == outcome)
    if after:
        at, _, deal_id = after.partition(" ")
        place = sa.tuple_(sa.literal(from_text(at), c.created_at.type), sa.literal(deal_id))
        statement = statement.where(sa.tuple_(c.created_at, c.id) < place)
    ordered = statement.order_by(c.created_at.desc(), c.id.desc()).limit(size + 1)
    rows = [DealRow(*row) for row in snapshot.execute(ordered)]
    shown = rows[:size]
    following = f"{to_text(shown[-1].created_at)} {shown[-1].id}" if len(rows) > size else None
    return Page(shown, following)


def of_lead(snapshot: Connection, lead_id: str, most: int = MOST) -> list[Deal]:
    """Return the deals in which a lead takes part, the newest first."""
    p, c = deal_parties.c, deals_table.c
    statement = (
        sa.select(p.deal_id)
        .join_from(deal_parties, deals_table, c.id == p.deal_id)
        .where(p.lead_id == lead_id)
        .order_by(c.created_at.desc(), c.id.desc())
        .limit(most)
    )
    ids = snapshot.execute(statement).scalars().all()
    found = deals.load(snapshot, ids)
    return [found[each] for each in ids]


def story(snapshot: Connection, space: str, deal_id: str) -> DealStory | None:
    """Read one deal's story; ``None`` where there is none."""
    deal = deals.load(snapshot, [deal_id]).get(deal_id)
    if deal is None or deal.space != space:
        return None
    emails = lists.emails(snapshot, deal.lead_ids)
    account_id = deal.account_id
    told = _newest(snapshot, deal_outcomes, deal_outcomes.c.deal_id == deal_id)
    lost = _newest(snapshot, conflicts, conflicts.c.lead_id == deal_id)
    events = {row["event"] for row in (*told, *lost)} | {one.event for one in deal.provenance.values()}
    return DealStory(
        deal,
        [PartyLine(each, emails.get(each)) for each in deal.lead_ids],
        accounts.load(snapshot, [account_id]).get(account_id) if account_id else None,
        [
            _plain(row, ("outcome", "was", "amount", "currency", "reason", "since", "at", "event"))
            for row in told
        ],
        _touches(snapshot, deal),
        [_plain(row, ("at", "connection", "field", "kept", "lost", "rule")) for row in lost],
        _chapters(snapshot, sorted(events)[-MOST:]),
        explain.writes(snapshot, deal, EntityKind.DEAL),
    )


def _newest(snapshot: Connection, table: sa.Table, which: sa.ColumnElement[bool]) -> list[Any]:
    statement = sa.select(table).where(which).order_by(table.c.id.desc()).limit(MOST)
    return [row._mapping for row in snapshot.execute(statement)]


def _plain(row: Any, names: Sequence[str]) -> dict[str, JsonValue]:
    return {name: row[name] for name in names}


def _touches(snapshot: Connection, deal: Deal) -> list[TouchLine]:
    """Return the touches of its people that came before it was won or lost."""
    c = touches.c
    statement = sa.select(c.lead_id, c.at, c.fields).where(c.lead_id.in_(deal.lead_ids))
    if deal.closed_at is not None:
        statement = statement.where(c.at <= deal.closed_at)
    rows = snapshot.execute(statement.order_by(c.at.desc(), c.id.desc()).limit(MOST))
    return [TouchLine(row.lead_id, Touch(row.at, row.fields)) for row in rows]


def _chapters(snapshot: Connection, events: Sequence[int]) -> list[Chapter]:
    statement = explain.decided(audit.c.event.in_(events)).where(audit.c.lead_id.is_(None))
    rows = snapshot.execute(statement.order_by(audit.c.id.desc()).limit(MOST))
    return [explain.chapter_of(row) for row in rows]
