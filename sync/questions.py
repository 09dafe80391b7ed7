"""How much waits for a person's word, of every kind of question."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy.engine import Connection

from sync import account_questions, borderline, deletions, holds, proposals, same_deals
from sync.alike import pairs as people


@dataclass(frozen=True, slots=True)
class Questions:
    """How much waits for a person's word."""

    choices: int = 0  # fields between two values
    reviews: int = 0  # records that could be merged or deleted, and what else is proposed
    deletions: dict[str, int] = field(default_factory=dict)  # held back, by connection
    deals: int = 0  # records that may be a deal that is known
    pairs: int = 0  # of leads that may be one person
    borderline: int = 0  # leads to be approved or disqualified
    accounts: int = 0  # leads that may belong to an account

    def as_dict(self) -> dict[str, Any]:
        """Return it for a program."""
        return asdict(self)


def read(snapshot: Connection, space: str) -> Questions:
    """Count what waits."""
    return Questions(
        choices=holds.count_open(snapshot, space),
        reviews=proposals.count_open(snapshot, space),
        deletions={one.connection: one.records for one in deletions.held_back(snapshot, space)},
        deals=same_deals.count_open(snapshot, space),
        pairs=people.count_open(snapshot, space),
        borderline=borderline.count_open(snapshot, space),
        accounts=account_questions.count_open(snapshot, space),
    )
