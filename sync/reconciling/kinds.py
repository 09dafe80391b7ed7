"""What can differ between a lead and its record, what made it so, and what mends it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from model.decision import EntityKind
from model.event import JsonValue

WAITING = "waiting"
DEAD_LETTER = "dead_letter"
HELD = "held"
RULE = "rule"
UNKNOWN_VALUE = "unknown_value"
UNREAD = "unread"
NEVER_RAISED = "never_raised"
SHADOW = "shadow"
GONE = "gone"
MERGED = "merged"
CONVERTED = "converted"
RESTORED = "restored"
UNREADABLE = "unreadable"
MISSING = "missing"
UNKNOWN_RECORD = "unknown_record"
LINKED_TWICE = "linked_twice"


class Mend(StrEnum):
    """How a difference is mended: always by an event for the decider, never by a write of reconcile's own."""

    NONE = ""
    READ = "read"  # the record is read by id, and merged
    RESET = "reset"  # the shadow of the field is dropped, then the record is read
    WRITE = "write"  # the outbox is raised once more


@dataclass(frozen=True, slots=True)
class Kind:
    """One class of differences, in words for people."""

    name: str
    label: str
    means: str
    mend: Mend = Mend.NONE  # that is usual; a difference may say otherwise
    is_fault: bool = False  # it should not be, or should have mended itself by now


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(WAITING, "on its way", "A write, a read or a decision is under way; it ends by itself."),
        Kind(
            DEAD_LETTER,
            "dead letter",
            "The CRM refused the write. Mend the cause; mending here sends it again.",
            Mend.WRITE,
        ),
        Kind(HELD, "waits for a person", "Both sides changed it, and the map asks a person: see Conflicts."),
        Kind(RULE, "lost to a rule", "The map says which side stands, so both keep their value."),
        Kind(
            UNKNOWN_VALUE,
            "unknown value",
            "The record holds what means nothing here: teach the map the value, or connect the owner.",
        ),
        Kind(
            UNREAD,
            "changed there, not read",
            "The record is newer than what was read of it. The next poll reads it; mending reads it now.",
            Mend.READ,
        ),
        Kind(
            NEVER_RAISED,
            "changed here, never raised",
            "The lead differs and no write was asked for. That is a fault; mending asks for it.",
            Mend.WRITE,
            is_fault=True,
        ),
        Kind(
            SHADOW,
            "shadow wrong",
            "What both sides are said to have agreed on is not what the record holds. Mending reads it anew.",
            Mend.READ,
            is_fault=True,
        ),
        Kind(
            GONE,
            "record gone",
            "The record was deleted, and the link does not know. Mending marks it as the policy says.",
            Mend.READ,
            is_fault=True,
        ),
        Kind(
            MERGED,
            "record merged",
            "The record was merged into another. Mending moves the link there.",
            Mend.READ,
            is_fault=True,
        ),
        Kind(
            CONVERTED,
            "record converted",
            "The record was turned into another. Mending moves the link there.",
            Mend.READ,
            is_fault=True,
        ),
        Kind(
            RESTORED,
            "record restored",
            "The link says that the record was deleted, and it is there. Mending takes it up again.",
            Mend.READ,
            is_fault=True,
        ),
        Kind(
            UNREADABLE,
            "cannot be read",
            "The CRM does not show the record, or refuses to: hidden from our user, or deleted for good.",
        ),
        Kind(
            MISSING,
            "person missing",
            "The lead should have a record there, has none, and nothing is on its way. Mending asks for it.",
            Mend.WRITE,
            is_fault=True,
        ),
        Kind(
            UNKNOWN_RECORD,
            "record unknown",
            "The CRM lists a record that was never read. Mending reads it; then the map's rules decide.",
            Mend.READ,
            is_fault=True,
        ),
        Kind(
            LINKED_TWICE,
            "linked twice",
            "Two leads are linked to what is one record there. Mending reads it, and the leads are joined.",
            Mend.READ,
            is_fault=True,
        ),
    )
}
"""In the order in which they are told."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference, with what made it. ``field`` is the lead's or account's, ``remote`` the vendor's.

    ``place`` leads to where it is put right: "letter 12", "hold 7", blank where nowhere else.
    """

    kind: str
    object: str
    why: str
    entity_kind: EntityKind = EntityKind.LEAD
    entity_id: str = ""
    record_id: str = ""
    field: str = ""
    remote: str = ""
    ours: JsonValue = None  # three values in the vendor's form
    shadow: JsonValue = None
    theirs: JsonValue = None
    mend: Mend = Mend.NONE
    is_fault: bool = False
    place: str = ""
