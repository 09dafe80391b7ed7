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


def learn(snapshot: Connection, space: str, matching: Matching, most: int) -> tuple[Learned, int]:
    """Learn from at most so many leads; return what came out, and how many leads that were.

    They are those of the lowest ids, which are hashes: as good as drawn by lot, and the same each time.
    """
    comparisons = comparisons_of(matching)
    people: dict[str, Person] = {}
    c, after = leads.c, ""
    while len(people) < most:
        asked = sa.select(c.id, c.fields).where(c.space == space, c.id > after, ~c.is_test).order_by(c.id)
        rows = snapshot.execute(asked.limit(min(PART, most - len(people)))).all()
        if not rows:
            break
        people |= {row.id: person(row.fields, comparisons) for row in rows}
        after = rows[-1].id
    keyed = {one: blocking.keys(each, comparisons) for one, each in people.items()}
    counts = learning.observed(people, blocking.pairs(keyed), comparisons)
    return learning.learn(counts, comparisons), len(people)
