"""Masks that people lifted: of one lead, or of one post without a lead, with a reason, for a time.

Each is a line of the audit and nothing else, so that what is allowed and what is on record cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.errors import LeadRelayError
from model.times import to_text
from sync import audit as trail
from sync.audit import Entry
from sync.tables import audit, audit_details

ACTION = "unmasked"  # the index of these lines goes by it
LASTS = timedelta(hours=1)
LONGEST_REASON = 300  # characters
_IS_ONE = sa.text("action = 'unmasked'")  # verbatim, as the index has it


@dataclass(frozen=True, slots=True)
class Lifted:
    """Whose mask is lifted for one person now, each with the moment at which it ends."""

    leads: Mapping[str, datetime] = field(default_factory=dict)
    events: Mapping[int, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unmasking:
    """One line of the record."""

    at: datetime
    by: str
    lead_id: str | None
    event: int | None  # of a post that is no lead's
    reason: str  # blank once retention, or an erasure, has removed it

    def as_json(self) -> dict[str, Any]:
        """Return what ``--json`` shows."""
        return {**asdict(self), "at": to_text(self.at)}


def lift(
    connection: Connection,
    space: str,
    *,
    by: str,
    reason: str,
    now: datetime,
    playbook: tuple[str, int],
    lead_id: str | None = None,
    event: int | None = None,
) -> None:
    """Let a person see one lead, or one post, plain for ``LASTS``, and put it on record.

    ``playbook`` is the version in force, by hash and number. Raises ``LeadRelayError`` without a reason.
    """
    reason = " ".join(reason.split())[:LONGEST_REASON]
    if not any(char.isalnum() for char in reason):
        raise LeadRelayError("A reason is needed.")
    details = {
        "kind": "unmask",
        "source": "pages",
        "playbook": playbook[0],
        "version": playbook[1],
        "reason": reason,
        "reasons": [{"handler": "privacy", "text": f"shown plain to {by} for an hour: {reason}", "at": ""}],
    }
    trail.record(connection, space, [Entry(now, by, ACTION, details, lead_id, event)])


def lifted(snapshot: Connection, space: str, by: str, now: datetime) -> Lifted:
    """Return what a person may see plain at a moment."""
    c = audit.c
    rows = snapshot.execute(
        sa.select(c.lead_id, c.event, c.at)
        .where(c.space == space, c.at > now - LASTS, _IS_ONE, c.actor == by)
        .order_by(c.at)
    ).all()
    return Lifted(
        {row.lead_id: row.at + LASTS for row in rows if row.lead_id},
        {row.event: row.at + LASTS for row in rows if row.event is not None},
    )


def listed(
    snapshot: Connection, space: str, *, since: datetime | None = None, lead_id: str = "", limit: int = 1_000
) -> list[Unmasking]:
    """Return the newest masks that were lifted, the newest first."""
    c = audit.c
    statement = (
        sa.select(c.at, c.actor, c.lead_id, c.event, audit_details.c.details)
        .outerjoin(audit_details, audit_details.c.audit_id == c.id)
        .where(c.space == space, _IS_ONE)
        .order_by(c.at.desc(), c.id.desc())
        .limit(limit)
    )
    if since is not None:
        statement = statement.where(c.at >= since)
    if lead_id:
        statement = statement.where(c.lead_id == lead_id)
    return [
        Unmasking(row.at, row.actor, row.lead_id, row.event, str((row.details or {}).get("reason", "")))
        for row in snapshot.execute(statement)
    ]
