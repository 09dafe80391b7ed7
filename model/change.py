"""What must become true on a connected system, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from model.cause import REJECTED, Cause
from model.event import JsonValue, RecordRef
from model.lead import Identity
from model.message import Line


@dataclass(frozen=True, slots=True)
class RecordChange:
    """One record to create or update, in the vendor's field names and values."""

    key: str  # ours; each outcome names it
    object: str  # "contacts", "Lead"
    fields: Mapping[str, JsonValue]
    remote_id: str | None = None  # known for an update
    identities: tuple[Identity, ...] = ()  # what finds the person or company where it may exist already
    is_repeated: bool = False  # an earlier call with it may have arrived
    about: RecordRef | None = None  # a new record that is made about another: a task about a person
    held: Mapping[str, JsonValue] = field(
        default_factory=dict
    )  # what a known one holds of these, as last seen


@dataclass(frozen=True, slots=True)
class Association:
    """A person's record that is to be associated with its company's record, unless people chose another."""

    key: str  # ours; each outcome names it
    person: RecordRef
    company: RecordRef


@dataclass(frozen=True, slots=True)
class Participation:
    """A deal's record in which people are to take part or no more, and which is to have a company.

    That is written where it has none, or still the one that is to give way.
    """

    key: str  # ours; each outcome names it
    deal: RecordRef
    people: tuple[str, ...]  # ids of their records, the primary one first
    company: str | None = None
    leave: tuple[str, ...] = ()  # ids of those whom somebody took out
    instead_of: str | None = None  # the company that gives way

    def company_over(self, held: Sequence[str]) -> str | None:
        """Return the company to write over those that a record has by now; ``None``: they stay."""
        gives_way = not held or held[0] == self.instead_of
        return self.company if gives_way and self.company not in held[:1] else None


@dataclass(frozen=True, slots=True)
class Merging:
    """Two records of one person, of one object: ``lose`` goes into ``keep``, for good."""

    key: str  # ours
    keep: RecordRef
    lose: RecordRef


@dataclass(frozen=True, slots=True)
class Deleting:
    """One record that goes to the recycle bin."""

    key: str  # ours
    ref: RecordRef


@dataclass(frozen=True, slots=True)
class Record:
    """A record as read from the vendor."""

    ref: RecordRef
    fields: Mapping[str, JsonValue]
    modified_at: datetime | None = None
    archived: bool = False
    merged_ids: tuple[str, ...] = ()  # of records that were merged into this one
    # The record it was turned into: the Contact of a converted Lead, the winner of a merge.
    became: RecordRef | None = None
    changed_at: Mapping[str, datetime] = field(default_factory=dict)  # by field, where its history was read
    is_part: bool = False  # fields that say that the person opted out, and nothing of all the others

    @property
    def is_over(self) -> bool:
        """Say whether it was deleted, or turned into another record."""
        return self.archived or self.became is not None


@dataclass(frozen=True, slots=True)
class Created:
    """The record was made; ``fields`` are what the answer carried (else what was sent)."""

    key: str
    ref: RecordRef
    fields: Mapping[str, JsonValue]
    modified_at: datetime | None = None  # the vendor's stamp of it, where the answer tells


@dataclass(frozen=True, slots=True)
class Updated:
    """The record now holds ``fields`` (the answer's values where it carries them)."""

    key: str
    ref: RecordRef
    fields: Mapping[str, JsonValue]
    modified_at: datetime | None = None  # the vendor's stamp of it, where the answer tells


@dataclass(frozen=True, slots=True)
class Exists:
    """The person is there already, so nothing was written; ``record`` is as read."""

    key: str
    record: Record


@dataclass(frozen=True, slots=True)
class Gone:
    """The record to update is deleted or cannot be found."""

    key: str
    reason: str
    record: Record | None = None  # its last words, where somebody read them since


@dataclass(frozen=True, slots=True)
class Rejected:
    """The vendor will never take this as it is; ``reason`` is in its own words."""

    key: str
    reason: str
    fields: tuple[str, ...] = ()
    code: str = REJECTED  # the vendor's own, where it says one
    is_taken: bool = False  # of ``fields`` another record holds the value, and the vendor lets only one

    @property
    def cause(self) -> Cause:
        """What it is, to be found by."""
        return Cause(self.code, self.fields[0] if self.fields else "")


@dataclass(frozen=True, slots=True)
class Postponed:
    """Send it again after ``wait`` seconds (``None``: the usual backoff)."""

    key: str
    reason: str
    wait: float | None = None
    answer_lost: bool = False  # it may have taken effect: read before sending again
    untried: bool = False  # no call went out for it: our own budget is to blame, not the change


Outcome = Created | Updated | Exists | Gone | Rejected | Postponed


@dataclass(frozen=True, slots=True)
class Task:
    """Something a person is to do about a record, by a time; ``key`` is ours and stays on the task."""

    key: str
    about: RecordRef
    subject: str
    lines: tuple[Line, ...]
    due_at: datetime
    key_field: str  # the vendor's text field of tasks that holds the key
    owner_id: str | None = None  # the vendor's id of who is to do it
    priority: str = "normal"  # "low" | "normal" | "high"
    type: str = "todo"  # "todo" | "call" | "email"


@dataclass(frozen=True, slots=True)
class OwnerRecord:
    """An owner or user as one CRM lists it."""

    id: str
    email: str
    name: str
    active: bool
