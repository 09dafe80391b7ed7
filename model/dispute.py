"""A field whose two sides disagree, or undo each other's changes: what is remembered of it on a link."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from model.event import JsonValue


@dataclass(frozen=True, slots=True)
class Move:
    """One change that was seen in the CRM; values as short hashes, as only sameness matters."""

    at: datetime
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Held:
    """A field that neither side's value is written to until a person decides; values in the vendor's form."""

    base: JsonValue  # what both sides last agreed on
    ours: JsonValue
    theirs: JsonValue
    is_breaker: bool  # it went to and fro; else its authority is ``hold``


@dataclass(frozen=True, slots=True)
class Settled:
    """What a person decided of two values: the same two are not asked about again."""

    ours: JsonValue
    theirs: JsonValue
    takes_theirs: bool


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that means nothing here yet: an owner whom no roster lists, a stage the map does not know."""

    value: JsonValue
    since: datetime  # when it was first read


@dataclass(frozen=True, slots=True)
class Seen:
    """What a field held that both sides have moved, until its history says who was later."""

    value: JsonValue


@dataclass(frozen=True, slots=True)
class Dispute:
    """What is remembered of one vendor field of one record."""

    moves: tuple[Move, ...] = ()  # the last ones, oldest first
    held: Held | None = None
    settled: Settled | None = None
    unknown: Unknown | None = None  # what the record holds; the shadow keeps what was there before
    seen: Seen | None = None  # and not merged yet: it is not written before it is
    is_taken: bool = False  # the CRM lets one record hold our value, and another one does

    def freed(self, settled: Settled | None) -> Dispute:
        """Return it as it is once nobody needs to decide any more; its moves are forgotten."""
        return replace(self, moves=(), held=None, settled=settled or self.settled)


CALM = Dispute()
"""Of most fields there is nothing to remember."""
