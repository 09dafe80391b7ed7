"""What was done with a person in a CRM: a call, an e-mail, a meeting, a note, a task, a campaign."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from model.event import RecordRef


class EngagementKind(StrEnum):
    """What it was; rules of scoring and lifecycle name those of ``COUNTED``."""

    CALL_MADE = "call_made"
    CALL_RECEIVED = "call_received"
    EMAIL_SENT = "email_sent"
    EMAIL_RECEIVED = "email_received"
    MEETING = "meeting"
    NOTE = "note"
    TASK = "task"
    CAMPAIGN = "campaign"  # they are a member of it; done: they responded


COUNTED = frozenset(EngagementKind) - {EngagementKind.NOTE, EngagementKind.TASK}
"""What people did; a note or a task is only something that somebody wrote down."""

ANSWERING = frozenset({EngagementKind.CALL_MADE, EngagementKind.EMAIL_SENT, EngagementKind.MEETING})
"""By these one of our people reaches out to the person."""


class Standing(StrEnum):
    """How it stands; the value is stored."""

    PLANNED = "planned"
    DONE = "done"
    OFF = "off"  # it did not take place: cancelled, nobody came, it failed
    DELETED = "deleted"  # in the CRM, or it is about somebody else now


@dataclass(frozen=True, slots=True)
class Engagement:
    """One of them, as its CRM has it now.

    ``at`` is when it took or takes place, by the CRM's word; of what only has a day, the day's last moment
    (UTC), or when it was entered, if that was earlier.
    """

    ref: RecordRef
    kind: EngagementKind
    standing: Standing
    at: datetime
    title: str = ""
    outcome: str = ""  # in the CRM's own word: "NO_ANSWER", "Responded"
    by: str = ""  # the teammate's e-mail, else the CRM's id of the owner; blank: nobody's
    is_response: bool = False  # one of our people reached out by it, of their own accord: no bulk mail
    is_ours: bool = False  # leadrelay made it: a task for the owner
    modified_at: datetime | None = None  # the vendor's stamp of this version
    version: str = ""  # a hash of what the CRM says of it
    event: int = 0  # row id of the event that told of this version

    @property
    def counts(self) -> bool:
        """Say whether rules count it: it took place, or will (a meeting that was agreed on)."""
        if self.kind not in COUNTED:
            return False
        is_agreed = self.kind is EngagementKind.MEETING and self.standing is Standing.PLANNED
        return self.standing is Standing.DONE or is_agreed
