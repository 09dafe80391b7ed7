"""What was done with leads in the CRMs, as the store keeps it: each as its CRM has it now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from model.decision import KeepEngagement
from model.engagement import Engagement, EngagementKind, Standing
from model.event import RecordRef
from model.lead import Lead
from model.times import EPOCH
from sync.database import insert_for
from sync.result import Result
from sync.tables import engagements

_c = engagements.c
KEY = ("lead_id", "connection", "object", "remote_id")
SAID = (
    "kind", "standing", "at", "title", "outcome", "by", "is_response", "is_ours", "modified_at", "version",
    "event",
)  # fmt: skip


def holders(
    snapshot: Connection, space: str, connection: str, object_type: str, remote_ids: Iterable[str]
) -> dict[str, dict[str, Engagement]]:
    """Return what is kept of these records, and of whom: remote id -> lead id -> what is known of it."""
    rows = snapshot.execute(
        sa.select(engagements).where(
            _c.space == space,
            _c.connection == connection,
            _c.object == object_type,
            _c.remote_id.in_(sorted(set(remote_ids))),
        )
    )
    found: dict[str, dict[str, Engagement]] = {}
    for row in rows:
        found.setdefault(row.remote_id, {})[row.lead_id] = _engagement(row)
    return found


def load(
    snapshot: Connection, lead_ids: Iterable[str], kinds: Collection[str], refs: Iterable[RecordRef]
) -> Iterable[tuple[str, Engagement]]:
    """Yield what is known of leads with their ids: what is of these kinds, and these records."""
    wanted = [_c.kind.in_(sorted(kinds))] if kinds else []
    if ids := sorted({ref.id for ref in refs}):
        wanted.append(_c.remote_id.in_(ids))
    rows = snapshot.execute(
        sa.select(engagements).where(_c.lead_id.in_(sorted(lead_ids)), sa.or_(*wanted)).order_by(_c.id)
    )
    return [(row.lead_id, _engagement(row)) for row in rows]


def of_lead(lead_id: str) -> sa.Select[Any]:
    """Build the query of all that is kept of a lead."""
    return sa.select(engagements).where(_c.lead_id == lead_id)


def first_response(snapshot: Connection, lead: Lead, now: datetime) -> Engagement | None:
    """Return by what one of our people first reached out to a lead, by its own time; ``None``: not yet.

    What was done before the lead came in answered something else.
    """
    row = snapshot.execute(
        sa.select(engagements)
        .where(_c.lead_id == lead.id, _c.is_response, _c.at >= (lead.created_at or EPOCH), _c.at <= now)
        .order_by(_c.at, _c.id)
        .limit(1)
    ).first()
    return _engagement(row) if row else None


def as_said(row: Row[Any]) -> dict[str, Any]:
    """Return a row of ``of_lead`` as the story of a lead tells it; moments stay moments."""
    names = ("connection", "object", "remote_id", "kind", "standing", "at", "title", "outcome", "by")
    return {name: getattr(row, name) for name in (*names, "is_response", "is_ours")}


def save(connection: Connection, space: str, results: Sequence[Result]) -> None:
    """Keep what a batch has learned: of each record and lead the last word."""
    rows: dict[tuple[str, RecordRef], dict[str, Any]] = {}
    for result in results:
        for effect in result.effects:
            if isinstance(effect, KeepEngagement) and result.lead_id:
                rows[result.lead_id, effect.engagement.ref] = _row(effect.engagement, result, space)
    if not rows:
        return
    insert = insert_for(connection, engagements)
    said = {name: insert.excluded[name] for name in SAID}
    statement = insert.on_conflict_do_update(index_elements=list(KEY), set_=said)
    connection.execute(statement, [rows[key] for key in sorted(rows, key=lambda key: (key[0], key[1].id))])


def drop_shared(connection: Connection, lead_id: str, into: str) -> None:
    """Drop of a lead that is taken into another what was done with both: the other has it."""
    theirs, ours = engagements, engagements.alias()
    is_there = sa.exists().where(
        ours.c.lead_id == into,
        *(ours.c[name] == theirs.c[name] for name in ("connection", "object", "remote_id")),
    )
    connection.execute(sa.delete(theirs).where(theirs.c.lead_id == lead_id, is_there))


def _row(one: Engagement, result: Result, space: str) -> dict[str, Any]:
    return {
        "space": space,
        "lead_id": result.lead_id,
        "connection": one.ref.connection,
        "object": one.ref.object,
        "remote_id": one.ref.id,
        "event": result.stored.id,
        **{name: getattr(one, name) for name in SAID if name not in ("kind", "standing", "event")},
        "kind": str(one.kind),
        "standing": str(one.standing),
    }


def _engagement(row: Row[Any]) -> Engagement:
    return Engagement(
        RecordRef(row.connection, row.object, row.remote_id),
        EngagementKind(row.kind),
        Standing(row.standing),
        row.at,
        title=row.title,
        outcome=row.outcome,
        by=row.by,
        is_response=row.is_response,
        is_ours=row.is_ours,
        modified_at=row.modified_at,
        version=row.version,
        event=row.event,
    )
