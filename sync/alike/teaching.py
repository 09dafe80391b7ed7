"""The pairs of a store from which weights are learned: leads read in parts, then those that share a key."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mappings.matcher import blocking, learning
from mappings.matcher.learning import Learned
from mappings.matcher.person import Person, person
from mappings.matcher.weighing import comparisons_of
from mappings.playbook import Matching
from sync.tables import leads

PART = 5_000
LOT = 8  # characters at the end of an id


def learn(snapshot: Connection, space: str, matching: Matching, most: int) -> tuple[Learned, int]:
    """Learn from at most so many leads; return what came out, and how many leads that were.

    They are those whose ids have the lowest ends, which are of a hash: as good as drawn by lot, and the same
    each time.
    """
    comparisons = comparisons_of(matching)
    people: dict[str, Person] = {}
    c = leads.c
    lot = sa.func.substr(c.id, sa.func.length(c.id) - LOT + 1)
    drawn = sa.select(c.id).where(c.space == space, ~c.is_test).order_by(lot, c.id).limit(most)
    chosen = snapshot.execute(drawn).scalars().all()
    for first in range(0, len(chosen), PART):
        part = chosen[first : first + PART]
        rows = snapshot.execute(sa.select(c.id, c.fields).where(c.id.in_(part)).order_by(c.id))
        people |= {row.id: person(row.fields, comparisons) for row in rows}
    keyed = {one: blocking.keys(each, comparisons) for one, each in people.items()}
    counts = learning.observed(people, blocking.pairs(keyed), comparisons)
    return learning.learn(counts, comparisons), len(people)
