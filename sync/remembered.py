"""What a join of two leads by a person's word remembers for the way back: kept with the id that led on.

It goes with the lead where that is erased, and by itself when its term is over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from handlers.account import KIND as ACCOUNT
from model.deal import PEOPLE
from model.event import JsonValue, RecordRef
from model.lead import Activity, Identity, Lead, Link, Touch
from model.timer import Timer
from model.times import from_text, to_text
from sync import deals, tables
from sync.alike.pairs import AGREED, DIFFERENT
from sync.disputes import disputes_from, disputes_row
from sync.provenance import provenance_from, provenance_row
from sync.tables import (
    deal_parties,
    engagements,
    holds,
    match_pairs,
    merged_leads,
    proposals,
    reviews,
)

MOMENTS = ("read_at", "modified_at", "wrote_at", "gone_at")  # of a link
ANSWERED = (AGREED, DIFFERENT)

NOT_BY_ID = (deal_parties, tables.leads, tables.links, tables.audit)
"""Tables of which a join moves no row: by an id another may be found later, as SQLite gives it out again."""

_M, _R = merged_leads.c, reviews.c
_ASKED = (_R.kind == ACCOUNT, _R.state == "open")  # an account that is found or said settles the question


@dataclass(frozen=True, slots=True)
class Ledgers:
    """What hung on the absorbed lead alone, as far as it is still there."""

    touches: Sequence[Touch] = ()
    activities: Sequence[Activity] = ()
    engagements: frozenset[RecordRef] = frozenset()  # that the other lead had not


@dataclass(frozen=True, slots=True)
class Memory:
    """Two leads as they were before they became one, and the one right after; none has its ledgers."""

    absorbed: Lead
    survivor: Lead
    then: Lead
    event: int  # that made them one
    ledgers: Ledgers = Ledgers()
    held_elsewhere: frozenset[RecordRef] = frozenset()  # records of the absorbed that another lead has now
    through: tuple[str, ...] = ()  # leads that had been taken into the absorbed one before
    why_not: str = ""  # why the two cannot be taken apart
    proposals: tuple[int, ...] = ()  # merges of the two's records that still wait for a person
    named_on: tuple[tuple[str, str], ...] = ()
    """Deals of the absorbed alone that name the survivor's record, too: (connection, the deal's name)."""


@dataclass(frozen=True, slots=True)
class Parting:
    """One lead that is a lead of its own again."""

    restored: Lead
    was_into: str
    event: int


def keep(connection: Connection, absorbed: Lead, survivor: Lead, then: Lead) -> dict[str, Any]:
    """Return what is kept of a join; for use before anything of the absorbed lead is moved."""
    ids = {
        table.name: _ids(connection, table, table.c.lead_id == absorbed.id)
        for table in tables.metadata.sorted_tables
        if "lead_id" in table.c and "id" in table.c and table not in NOT_BY_ID
    }
    shared = [
        [row.id, row.connection, row.object, row.remote_id]
        for row in connection.execute(sa.select(engagements).where(engagements.c.lead_id == absorbed.id))
    ]
    return {
        "absorbed": lead_row(absorbed),
        "survivor": lead_row(survivor),
        "then": lead_row(then),
        "ids": {name: some for name, some in ids.items() if some},
        "engagements": shared,
        "parties": _rows(connection, deal_parties, deal_parties.c.lead_id == absorbed.id),
        "deals_before": deals.of_parties(connection, [survivor.id]),
        "holds": _rows(connection, holds, holds.c.entity_id == absorbed.id),
        "asked": list(
            connection.execute(sa.select(_R.id).where(_R.lead_id == absorbed.id, *_ASKED)).scalars()
        ),
        "pairs": _rows(connection, match_pairs, _in_pair(absorbed.id), match_pairs.c.state.in_(ANSWERED)),
        "pairs_before": [
            [row.one, row.other]
            for row in connection.execute(sa.select(match_pairs).where(_in_pair(survivor.id)))
        ],
    }


def load(snapshot: Connection, space: str, lead_id: str, now: datetime) -> Memory | str:
    """Return what is remembered of a lead that was taken into another, or why there is nothing."""
    row = snapshot.execute(sa.select(merged_leads).where(_M.lead_id == lead_id, _M.space == space)).first()
    if row is None:
        return f"{lead_id} is no lead that was taken into another"
    if row.kept is None or row.kept_until is None or row.kept_until < now:
        return (
            f"nothing is remembered of how {lead_id} became {row.into}: the time to undo it is over, or it "
            "was merged in a CRM, and no CRM takes a merge back. Make the second record there by hand"
        )
    memory = row.kept
    absorbed = lead_from(memory["absorbed"])
    later = sa.select(_M.lead_id).where(_M.into == row.into, _M.event > row.event).order_by(_M.event.desc())
    why = ""
    if last := snapshot.execute(later.limit(1)).scalar():
        why = f"{last} was taken into {row.into} after it: undo that first"
    elif over := snapshot.execute(sa.select(_M.into).where(_M.lead_id == row.into)).scalar():
        why = f"{row.into} was taken into {over} after it: undo that first"
    waiting, merged = _merges(snapshot, space, memory, absorbed)
    refs = {RecordRef(one.connection, one.object, one.remote_id) for one in absorbed.links.values()}
    return Memory(
        absorbed=absorbed,
        survivor=lead_from(memory["survivor"]),
        then=lead_from(memory["then"]),
        event=row.event,
        ledgers=_ledgers(snapshot, memory, row.into),
        held_elsewhere=_held(snapshot, space, refs, row.into),
        through=tuple(snapshot.execute(sa.select(_M.lead_id).where(_M.into == lead_id)).scalars()),
        why_not=why or merged,
        proposals=waiting,
        named_on=_named_on(snapshot, memory),
    )


def undoable(
    snapshot: Connection, lead_id: str, now: datetime | None = None
) -> list[tuple[str, datetime, datetime]]:
    """Return the leads that were taken into this one and can be parted: (id, since, until), last first."""
    asked = sa.select(_M.lead_id, _M.at, _M.kept_until).where(_M.into == lead_id, _M.kept.is_not(None))
    asked = asked if now is None else asked.where(_M.kept_until >= now)
    return [
        (row.lead_id, row.at, row.kept_until) for row in snapshot.execute(asked.order_by(_M.event.desc()))
    ]


def drop_old(connection: Connection, space: str, now: datetime) -> None:
    """Forget what is remembered of joins whose term is over; whose the ids are stays."""
    old = sa.and_(_M.space == space, _M.kept_until < now)
    connection.execute(sa.update(merged_leads).where(old).values(kept=None, kept_until=None))


def lead_row(lead: Lead) -> dict[str, Any]:
    """Return a lead without its ledgers, as JSON holds it."""
    return {
        "id": lead.id,
        "space": lead.space,
        "unit": lead.unit,
        "fields": dict(lead.fields),
        "provenance": provenance_row(lead.provenance),
        "identities": sorted([key.kind, key.value] for key in lead.identities),
        "links": [_link_row(link) for link in lead.links.values()],
        "timers": [
            [one.kind, one.key, to_text(one.due_at), to_text(one.since), one.why]
            for _, one in sorted(lead.timers.items())
        ],
        "asked": sorted(map(list, lead.asked)),
        "created_at": to_text(lead.created_at) if lead.created_at else None,
        "is_test": lead.is_test,
    }


def lead_from(row: Mapping[str, Any]) -> Lead:
    """Read what ``lead_row`` wrote."""
    timers = [
        Timer(kind, key, from_text(due), from_text(since), why)
        for kind, key, due, since, why in row["timers"]
    ]
    links = map(_link_from, row["links"])
    return Lead(
        id=row["id"],
        space=row["space"],
        unit=row["unit"],
        fields=dict(row["fields"]),
        provenance=provenance_from(row["provenance"]),
        identities={Identity(kind, value) for kind, value in row["identities"]},
        links={link.connection: link for link in links},
        timers={timer.name: timer for timer in timers},
        asked={(provider, question) for provider, question in row["asked"]},
        created_at=from_text(row["created_at"]) if row["created_at"] else None,
        is_test=row["is_test"],
    )


def _link_row(link: Link) -> dict[str, Any]:
    moments = {name: to_text(at) if (at := getattr(link, name)) else None for name in MOMENTS}
    return {
        "connection": link.connection,
        "object": link.object,
        "remote_id": link.remote_id,
        "shadow": dict(link.shadow),
        "written": dict(link.written),
        "aliases": list(link.aliases),
        "disputes": disputes_row(link.disputes),
        "recent": {name: list(values) for name, values in link.recent.items()},
        **moments,
    }


def _link_from(row: Mapping[str, Any]) -> Link:
    moments: dict[str, Any] = {name: from_text(row[name]) if row[name] else None for name in MOMENTS}
    return Link(
        row["connection"],
        row["object"],
        row["remote_id"],
        row["shadow"],
        row["written"],
        aliases=tuple(row["aliases"]),
        disputes=disputes_from(row["disputes"]),
        recent=row["recent"],
        **moments,
    )


def _ids(connection: Connection, table: sa.Table, which: sa.ColumnElement[bool]) -> list[int]:
    return list(connection.execute(sa.select(table.c.id).where(which).order_by(table.c.id)).scalars())


def _rows(
    connection: Connection, table: sa.Table, *which: sa.ColumnElement[bool]
) -> list[dict[str, JsonValue]]:
    """Return rows as JSON holds them."""
    return [
        {
            name: to_text(value) if isinstance(value, datetime) else value
            for name, value in row._mapping.items()
        }
        for row in connection.execute(sa.select(table).where(*which).order_by(table.c.id))
    ]


def row_from(table: sa.Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """Read what ``_rows`` wrote; columns that are no more are left out."""
    moments = {one.name for one in table.c if isinstance(one.type, tables.Moment)}
    known = {name: value for name, value in row.items() if name in table.c}
    return {name: from_text(v) if v is not None and name in moments else v for name, v in known.items()}


def _in_pair(lead_id: str) -> sa.ColumnElement[bool]:
    return sa.or_(match_pairs.c.one == lead_id, match_pairs.c.other == lead_id)


def _merges(
    snapshot: Connection, space: str, memory: Mapping[str, Any], absorbed: Lead
) -> tuple[tuple[int, ...], str]:
    """Return the merges of the two's records that wait for a person, and why one stands in the way."""
    p, waiting = proposals.c, []
    theirs = lead_from(memory["survivor"]).links
    for name, link in absorbed.links.items():
        kept = theirs.get(name)
        if kept is None or kept.remote_id == link.remote_id:
            continue
        both = (link.remote_id, kept.remote_id)
        asked = sa.select(p.id, p.state).where(
            p.space == space, p.connection == name, p.record.in_(both), p.keep.in_(both)
        )
        for row in snapshot.execute(asked):
            if row.state == "open":
                waiting.append(row.id)
            elif row.state in ("accepted", "done"):
                return (), (
                    f"{link.object} {link.remote_id} and {kept.object} {kept.remote_id} were merged in "
                    f"{name}, and a merge there cannot be taken back. Make the second record there by hand"
                )
    return tuple(waiting), ""


def _held(snapshot: Connection, space: str, refs: set[RecordRef], but: str) -> frozenset[RecordRef]:
    links = tables.links.c
    found = set()
    for ref in refs:
        is_it = (links.connection == ref.connection, links.object == ref.object, links.remote_id == ref.id)
        if snapshot.execute(
            sa.select(links.lead_id).where(links.space == space, *is_it, links.lead_id != but)
        ).first():
            found.add(ref)
    return frozenset(found)


def _named_on(snapshot: Connection, memory: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the deals that are the absorbed lead's again and on which the other's records were put since."""
    theirs = lead_from(memory["survivor"]).links
    before = memory.get("deals_before", ())
    back = [row["deal_id"] for row in memory["parties"] if row["deal_id"] not in before]
    return tuple(
        (name, str(deal.get("name") or deal.id))
        for deal in deals.load(snapshot, back).values()
        for name, link in sorted(deal.links.items())
        if name in theirs and theirs[name].remote_id in (link.shadow.get(PEOPLE) or ())
    )


def _ledgers(snapshot: Connection, memory: Mapping[str, Any], into: str) -> Ledgers:
    ids, found = memory["ids"], {}
    for table in (tables.touches, tables.activities):
        which = sa.and_(table.c.id.in_(ids.get(table.name, [])), table.c.lead_id == into)
        found[table.name] = snapshot.execute(sa.select(table).where(which).order_by(table.c.id)).all()
    there = sa.select(engagements).where(engagements.c.lead_id == into)
    own = set(ids.get(engagements.name, []))
    moved = {
        RecordRef(row.connection, row.object, row.remote_id)
        for row in snapshot.execute(there)
        if row.id in own
    }
    return Ledgers(
        [Touch(row.at, row.fields) for row in found["touches"]],
        [Activity(row.kind, row.at, row.detail) for row in found["activities"]],
        frozenset(moved),
    )
