"""Leads that were taken into others: what names them is moved, and their ids lead on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.errors import Conflict
from model.lead import Lead
from model.times import to_text
from sync import deals, engagements, outbox, remembered, tables, timers
from sync.alike import pairs
from sync.tables import merged_leads

MOVED = (
    tables.identities,
    tables.touches,
    tables.activities,
    tables.engagements,
    tables.stage_history,
    tables.assignments,
    tables.scores,
    tables.conflicts,
    tables.consents,
    tables.reviews,
    tables.proposals,
    tables.deletions,
    tables.outbox_effects,
    tables.asks,
    tables.inbox_events,
)


@dataclass(frozen=True, slots=True)
class Join:
    """One lead, as it was loaded, that is taken into another."""

    absorbed: Lead
    into: str
    event: int
    survivor: Lead | None = None  # before, where the join can be undone,
    then: Lead | None = None  # and right after it
    until: datetime | None = None  # how long it can be


def present_ids(snapshot: Connection, lead_ids: Iterable[str]) -> dict[str, str]:
    """Return, for each of these ids that was taken into another lead, whose it is now."""
    found: dict[str, str] = {}
    asked = set(lead_ids)
    while asked:
        rows = snapshot.execute(
            sa.select(merged_leads.c.lead_id, merged_leads.c.into).where(
                merged_leads.c.lead_id.in_(sorted(asked))
            )
        ).all()
        found |= {row.lead_id: row.into for row in rows}
        asked = {row.into for row in rows} - found.keys()
    return {one: _last(found, one) for one in found}


def absorbed_by(snapshot: Connection, lead_id: str) -> list[str]:
    """Return the ids of the leads that were taken into this one, by way of others too."""
    found: list[str] = []
    asked = [lead_id]
    while asked:
        statement = sa.select(merged_leads.c.lead_id).where(merged_leads.c.into.in_(asked))
        asked = [one for one in snapshot.execute(statement).scalars() if one not in found]
        found += asked
    return found


def save(connection: Connection, space: str, joins: Sequence[Join], now: datetime) -> None:
    """Move all that names absorbed leads to those that took them in; raises ``Conflict``.

    Their links must be gone or moved by the same transaction. What waited to be written to them is dropped:
    the survivor's own rows carry on, with what may have arrived of it.
    """
    for join in joins:
        lead = join.absorbed
        gone = sa.delete(tables.leads).where(
            tables.leads.c.id == lead.id, tables.leads.c.version == lead.version
        )
        if connection.execute(gone).rowcount != 1:
            raise Conflict("a lead has changed since it was loaded")
        kept = None
        if join.survivor is not None and join.then is not None:
            kept = remembered.keep(connection, lead, join.survivor, join.then)
        timers.drop_of(connection, lead.id)  # the survivor has taken them over, or sets its own
        engagements.drop_shared(connection, lead.id, join.into)
        for table in MOVED:
            connection.execute(sa.update(table).where(table.c.lead_id == lead.id).values(lead_id=join.into))
        deals.take_over(connection, lead.id, join.into)
        _move_holds(connection, lead.id, join.into)
        pairs.take_over(connection, space, lead.id, join.into)
        if not outbox.inherit(connection, space, lead.id, join.into, now):
            raise Conflict("a call to a lead that takes another one in has just begun")
        if not outbox.drop(connection, lead.id, now):
            raise Conflict("a call to a lead that is taken into another has just begun")
        connection.execute(
            sa.insert(merged_leads).values(
                lead_id=lead.id,
                space=space,
                into=join.into,
                event=join.event,
                was=_was(lead),
                at=now,
                kept=kept,
                kept_until=join.until if kept is not None else None,
            )
        )


def _move_holds(connection: Connection, lead_id: str, into: str) -> None:
    """Let what waits for a person be the survivor's, unless the same field of theirs waits already."""
    theirs, ours = tables.holds, tables.holds.alias()
    is_open_too = sa.exists().where(
        ours.c.entity_id == into,
        ours.c.connection == theirs.c.connection,
        ours.c.field == theirs.c.field,
        ours.c.state == "open",
    )
    connection.execute(
        sa.delete(theirs).where(theirs.c.entity_id == lead_id, theirs.c.state == "open", is_open_too)
    )
    connection.execute(sa.update(theirs).where(theirs.c.entity_id == lead_id).values(entity_id=into))


def _was(lead: Lead) -> Mapping[str, Any]:
    """Return which records were whose; nothing that the person said, which the survivor has."""
    return {
        "links": [[link.connection, link.object, link.remote_id] for link in lead.links.values()],
        "created_at": to_text(lead.created_at) if lead.created_at else None,
    }


def _last(found: Mapping[str, str], lead_id: str) -> str:
    while lead_id in found:
        lead_id = found[lead_id]
    return lead_id
