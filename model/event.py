"""What came in: the one shape of everything that can change state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

JsonValue = Any
"""``None``, bool, int, float, str, or lists and string-keyed dicts of them."""


IMPORT = "import"
"""Key in the payload of what a file of people brought, or takes back: its batch, file, basis and who."""


CAPTCHA_TOKEN = "captcha"
"""Key of a post's payload: the captcha's token, until the post is decided for the first time."""


LEAD_READ = "lead_read"
"""Key of a notice's payload: when the lead that it names was read; what was read is its body then."""


class EventKind(StrEnum):
    """How an event is read; the value is stored."""

    INTAKE = "intake"  # a form post: ``payload`` holds the sender's own names and values
    FOUND = "found"  # a look-up found the person in a CRM: ``payload`` holds the record as read
    GONE = "gone"  # the record a lead is linked to is not there, and nothing of ours ever was on it
    DELIVERED = "delivered"  # a record was created and linked: ``payload`` names it
    CHANGED = "changed"  # a record as a CRM holds it now, seen by a poll or read by id: ``payload`` holds it
    HINT = "hint"  # a CRM said that something happened to a record; ``payload`` as ``model.hint``
    ENGAGEMENT = "engagement"  # what was done with a lead in a CRM, as its record in ``payload`` says now
    DEAL = "deal"  # a deal in which the lead takes part has changed: how it stands counts for the lead, too
    ENRICHED = "enriched"  # what a provider said of the lead, or that it said nothing; named in ``payload``
    TIMER = "timer"  # a time that was set for a lead has come; ``payload`` names lead and timer
    ROSTER = "roster"  # owners and users of one CRM as just read
    CHOICE = "choice"  # what a person chose of two values that disagreed; named in ``payload``
    ANSWER = "answer"  # whether a person accepts a merge that was proposed; named in ``payload``
    CONSENT = "consent"  # what a person said of a purpose, noted here or by a link; named in ``payload``
    REPLAY = "replay"  # a new decision on an old event, or a change that was given up; named in ``payload``
    PLAYBOOK = "playbook"  # another playbook is in force from here on; ``payload`` names its files
    UNDO = "undo"  # take back what a file of people left with a lead, or rows that wait; named in ``payload``
    FORGET = "forget"  # remove a test lead, or a test post that became none; named in ``payload``


class EventState(StrEnum):
    """Where an event ended; every acknowledged one leaves ``WAITING``."""

    WAITING = "waiting"
    NEW = "new"  # a new lead was made of it
    MERGED = "merged"  # it belongs to a known lead
    REVIEW = "review"  # a person must say whose it is
    QUARANTINED = "quarantined"  # contents unusable; kept with reasons
    SPAM = "spam"
    DEAD = "dead"  # our own rules failed on it; kept with the error
    REPLAYED = "replayed"  # a later event took its place
    DONE = "done"  # bookkeeping (found, delivered, roster, replay), settled


SET_ASIDE = frozenset({EventState.QUARANTINED, EventState.SPAM, EventState.REVIEW, EventState.DEAD})
"""Ends from which a person can send an event on its way again."""


@dataclass(frozen=True, slots=True)
class RecordRef:
    """One record of one connected system."""

    connection: str  # "hubspot", "salesforce"
    object: str  # the vendor's name: "contacts", "Lead", "Contact"
    id: str


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that came in, before any rule has run; stored raw and kept for re-runs.

    Two events with the same ``space``, ``source`` and ``event_id`` are the same event,
    and the inbox keeps only the first.
    """

    source: str  # the playbook's source, or the connection it came from
    event_id: str  # the sender's id, else one we mint
    kind: EventKind
    payload: Mapping[str, JsonValue]  # unmapped, so a corrected mapping also mends what waits
    occurred_at: datetime  # the sender's clock, never after ``received_at``
    received_at: datetime  # our clock
    space: str = "main"
    record: RecordRef | None = None  # the CRM record it speaks of
    body_hash: str | None = None  # for senders without ids: the same body within a window is a repeat
    hash_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as taken from the inbox for decision."""

    id: int
    event: Event
    attempts: int
    decided_at: datetime
    decided_seq: int
    replays: int | None = None  # the row id of the older event this one decides anew
    overrides: Mapping[str, JsonValue] = field(default_factory=dict)
