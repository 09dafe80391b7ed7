"""Two leads are parted: each row that the join had moved is given back, as ``remembered`` kept it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.errors import Conflict
from model.lead import Lead
from model.times import from_text
from sync import joins, tables
from sync.alike.pairs import ordered
from sync.database import insert_for
from sync.remembered import NOT_BY_ID, Parting, row_from
from sync.tables import (
    deal_parties,
    engagements,
    holds,
    identities,
    match_pairs,
    merged_leads,
    reviews,
)

REMOVED_WITH_A_FILE = ("touches", "activities", "reviews", "asks")

_M, _R = merged_leads.c, reviews.c


def restore(connection: Connection, space: str, parting: Parting) -> None:
    """Give back to a lead, which is stored again, what names the other one only since the two were one.

    Raises ``Conflict`` where somebody else has done so meanwhile.
    """
    lead_id, into = parting.restored.id, parting.was_into
    kept = connection.execute(sa.select(_M.kept).where(_M.lead_id == lead_id, _M.into == into)).scalar()
    if kept is None:
        raise Conflict("two leads have been taken apart already")
    connection.execute(sa.delete(merged_leads).where(_M.lead_id == lead_id))
    by_name = {table.name: table for table in tables.metadata.sorted_tables}
    for name, ids in kept["ids"].items():
        table = by_name[name]
        if table in NOT_BY_ID:  # a join of an earlier version
            continue
        # Where a file was taken back since, an id may be that of a newer row.
        before = [table.c.event <= parting.event] if name in REMOVED_WITH_A_FILE else []
        for some in (ids[at : at + 1000] for at in range(0, len(ids), 1000)):
            theirs = sa.and_(table.c.id.in_(some), table.c.lead_id == into, *before)
            connection.execute(sa.update(table).where(theirs).values(lead_id=lead_id))
    for key in parting.restored.identities:
        is_it = (identities.c.space == space, identities.c.kind == key.kind, identities.c.value == key.value)
        connection.execute(sa.update(identities).where(*is_it).values(lead_id=lead_id))
    asked_again = sa.and_(_R.id.in_(kept.get("asked", ())), _R.lead_id == lead_id)
    connection.execute(sa.update(reviews).where(asked_again).values(state="open"))
    _engagements_back(connection, kept["engagements"], lead_id, into)
    _parties_back(connection, kept, lead_id, into)
    _holds_back(connection, kept["holds"], parting.restored, into)
    _pairs_back(connection, space, kept, lead_id, into)


def _engagements_back(connection: Connection, kept: Sequence[Sequence[Any]], lead_id: str, into: str) -> None:
    """Give a lead its own row again of what was done with both: as the CRM tells it by now."""
    e = engagements.c
    for _, name, object_type, remote_id in kept:
        is_it = (e.connection == name, e.object == object_type, e.remote_id == remote_id)
        if connection.execute(sa.select(e.id).where(*is_it, e.lead_id == lead_id)).first():
            continue
        row = connection.execute(sa.select(engagements).where(*is_it, e.lead_id == into)).mappings().first()
        if row is not None:
            values = {key: value for key, value in row.items() if key != "id"} | {"lead_id": lead_id}
            connection.execute(sa.insert(engagements).values(values))


def _parties_back(connection: Connection, kept: Mapping[str, Any], lead_id: str, into: str) -> None:
    """Let a lead take part again where it did; where the other one did before, too, that one stays."""
    p = deal_parties.c
    for row in kept["parties"]:
        if not connection.execute(
            sa.select(tables.deals.c.id).where(tables.deals.c.id == row["deal_id"])
        ).first():
            continue
        theirs = sa.and_(p.deal_id == row["deal_id"], p.lead_id == into)
        if row["deal_id"] not in kept.get("deals_before", ()):
            # By deal and lead, as a deal that was saved since has made the row anew, by another id.
            moved = sa.update(deal_parties).where(theirs).values(id=row["id"], lead_id=lead_id)
            if connection.execute(moved).rowcount:
                continue
        values = row_from(deal_parties, row)
        connection.execute(insert_for(connection, deal_parties).values(values).on_conflict_do_nothing())


def _holds_back(connection: Connection, kept: Sequence[Mapping[str, Any]], lead: Lead, into: str) -> None:
    """Let what waited for a person's decision be the lead's again, also what was dropped.

    What was settled since waits again where the lead's record holds both values still: the word was on the
    other lead's record.
    """
    h = holds.c
    for row in kept:
        as_it_was = row_from(holds, row)
        link = lead.links.get(row["connection"])
        dispute = link.disputes.get(row["remote"]) if link else None
        values = {"entity_id": lead.id}
        if row["state"] == "open" and dispute is not None and dispute.held is not None:
            values = {name: value for name, value in as_it_was.items() if name != "id"}
        moved = sa.update(holds).where(h.id == row["id"], h.entity_id == into).values(values)
        if connection.execute(moved).rowcount == 0:
            connection.execute(insert_for(connection, holds).values(as_it_was).on_conflict_do_nothing())


def _pairs_back(connection: Connection, space: str, kept: Mapping[str, Any], lead_id: str, into: str) -> None:
    """Let words on the absorbed lead and others be on it again, and no more on who had taken it in."""
    before = {tuple(one) for one in kept["pairs_before"]}
    c = match_pairs.c
    others = {row["other"] if row["one"] == lead_id else row["one"]: row for row in kept["pairs"]}
    present = joins.present_ids(connection, others)
    for was_beside, row in others.items():
        beside = present.get(was_beside, was_beside)  # who was taken into a third since is that one
        if beside in (into, lead_id):
            continue
        one, other = ordered(beside, into)
        if (one, other) not in before:
            connection.execute(
                sa.delete(match_pairs).where(
                    c.space == space,
                    c.one == one,
                    c.other == other,
                    c.settled_at == from_text(row["settled_at"]),
                )
            )
        values = {name: value for name, value in row_from(match_pairs, row).items() if name != "id"}
        values["one"], values["other"] = ordered(beside, lead_id)
        connection.execute(insert_for(connection, match_pairs).values(values).on_conflict_do_nothing())
