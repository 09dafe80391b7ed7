"""The breaker: a field of one record that goes to and fro is held, and everything else goes on. Pure.

Two systems that undo each other's changes show as one that comes back, again and again, to a value that
the field had before. Only changes seen in the CRM are remembered: between two of them lies what was
written there.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime

from mappings.playbook import Breaker
from model.dispute import Dispute, Move
from model.event import JsonValue

MARK = 12  # characters of a hash: enough to tell a handful of values from one another


def moved(dispute: Dispute, before: JsonValue, after: JsonValue, at: datetime, breaker: Breaker) -> Dispute:
    """Return the dispute once a change in the CRM is noted; what lies too far back is forgotten."""
    move = Move(at, mark(before), mark(after))
    kept = [one for one in dispute.moves if one.at > at - breaker.per]
    return replace(dispute, moves=(*kept, move)[-2 * (breaker.flips + 1) :])


def flips(dispute: Dispute) -> int:
    """Count how often the field came back to a value it had before."""
    seen: set[str] = set()
    count = 0
    for move in dispute.moves:
        count += move.after in seen
        seen |= {move.before, move.after}
    return count


def is_tripped(dispute: Dispute, breaker: Breaker) -> bool:
    """Say whether it did so too often."""
    return flips(dispute) > breaker.flips


def mark(value: JsonValue) -> str:
    """Return a short hash of a value, the same for two spellings that differ in case or white space."""
    text = " ".join(str("" if value is None else value).split()).casefold()
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:MARK]
