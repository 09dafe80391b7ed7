"""What a failure is, in a word that stays the same: by it failures are found and counted together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

MOST_CODE, MOST_FIELD = 64, 128  # characters that are kept


@dataclass(frozen=True, slots=True)
class Cause:
    """A short, stable code (the other side's own, where it has one), and the field it blames, if any."""

    code: str = ""
    field: str = ""

    def __str__(self) -> str:
        """Return it as one text: ``INVALID_OPTION industry``; blank where the cause has no name."""
        code = "_".join(self.code.split())[:MOST_CODE]
        return " ".join(filter(None, (code, "_".join(self.field.split())[:MOST_FIELD])))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str`` wrote."""
        code, _, field = text.partition(" ")
        return cls(code, field)


NO_CAUSE = Cause()
GONE = Cause("GONE")  # the record was deleted, or merged into another
GIVEN_UP = Cause("GIVEN_UP")  # tried for a day, and the other side was never able to take it
REJECTED = "REJECTED"  # the code of a refusal that has none of its own
NEEDS_RECORD = Cause("NEEDS_RECORD")  # waits for a record that could not be written
IN_REVIEW = Cause("IN_REVIEW")  # the record it needs is another's; a person must say whose
LINKED_ELSEWHERE = Cause("LINKED_ELSEWHERE")  # the new record is another lead's already
NOT_THERE = Cause("NOT_THERE")  # the lead, account or record it is about is not there any more
LEFT_OUT = Cause("LEFT_OUT")  # the map has no such object
NO_SOURCE = Cause("NO_SOURCE")  # the playbook has lost the event's source
NO_CONSENT = Cause("NO_CONSENT")  # a gate of consent.yaml is shut; it goes ahead once that is open
NOT_SAVED = Cause("NOT_SAVED")  # the database does not take what was decided
