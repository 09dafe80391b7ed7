"""What each member of a pool got, beside what their weight would have been: read from the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mappings.playbook import Pool
from model.decision import Way
from sync.tables import assignments

COUNTED = (Way.TURN, Way.STICKY, Way.CREDIT)
Given = dict[tuple[str, str], dict[str, int]]  # (pool, owner) -> way -> leads


@dataclass(frozen=True, slots=True)
class Portion:
    """One member's leads in a pool. ``weight`` is ``None`` for who is no member any more."""

    pool: str
    email: str
    weight: float | None
    turns: int
    sticky: int  # leads of companies whose owner they are, which counted as turns
    given_back: int  # turns that were given back to them
    expected: float  # of all leads of the pool, had everybody been there all the time

    @property
    def got(self) -> int:
        """Return all that counted."""
        return self.turns + self.sticky - self.given_back

    def as_json(self) -> dict[str, Any]:
        """Return it for machines."""
        return asdict(self) | {"got": self.got, "expected": round(self.expected, 2)}


def portions(
    snapshot: Connection, space: str, pools: Iterable[Pool], since: datetime | None
) -> list[Portion]:
    """Return the portions of these pools' members, by pool and e-mail, with those who are none any more.

    Weights and members are those of the playbook of now: expectations from before a change of theirs
    are not what they were then.
    """
    wanted = {pool.name: pool for pool in pools}
    a = assignments.c
    which = [a.space == space, a.pool.in_(sorted(wanted)), a.way.in_([str(way) for way in COUNTED])]
    if since is not None:
        which.append(a.at >= since)
    rows = snapshot.execute(
        sa.select(a.pool, a.owner, a.way, sa.func.count()).where(*which).group_by(a.pool, a.owner, a.way)
    )
    given: Given = {}
    for pool, owner, way, count in rows:
        given.setdefault((pool, owner), {})[way] = count
    return [one for name in sorted(wanted) for one in _portions_of(wanted[name], given)]


def _portions_of(pool: Pool, given: Given) -> list[Portion]:
    weights = {member.email: member.weight for member in pool.members}
    ways = {owner: found for (name, owner), found in given.items() if name == pool.name}
    everything = sum(weights.values())
    total = sum(_counted(found) for owner, found in ways.items() if owner in weights)
    return [
        Portion(
            pool.name,
            email,
            weights.get(email),
            ways.get(email, {}).get(Way.TURN, 0),
            ways.get(email, {}).get(Way.STICKY, 0),
            ways.get(email, {}).get(Way.CREDIT, 0),
            total * weights.get(email, 0.0) / everything,
        )
        for email in sorted({*weights, *ways})
    ]


def _counted(found: Mapping[str, int]) -> int:
    return sum(-count if way == Way.CREDIT else count for way, count in found.items())
