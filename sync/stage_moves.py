"""The event by which a person moves a lead to another stage."""

from __future__ import annotations

from datetime import datetime

from model.event import Event, EventKind
from model.lead import PERSON, Lead
from model.times import to_text

NOTE = "note"
"""The handler under which the story shows what a person wrote: it is free text, and masked as such."""

LONGEST_NOTE = 500  # characters


def move_event(space: str, lead: Lead, to: str, *, reason: str, note: str, by: str, now: datetime) -> Event:
    """Return the event of a person's word that a lead, which is in the stage they see, goes to another."""
    payload = {
        "lead_id": lead.id,
        "move": to,
        "from": lead.stage,
        "reason": reason,
        "note": " ".join(note.split())[:LONGEST_NOTE],
        "by": by,
    }
    return Event(
        source=PERSON,
        event_id=f"move-{lead.id}-{to_text(now)}",
        kind=EventKind.ANSWER,
        payload=payload,
        occurred_at=now,
        received_at=now,
        space=space,
    )
