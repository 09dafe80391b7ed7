"""Which links a run compares: all, page by page, or a sample that has every object and what changed last."""

from __future__ import annotations

import heapq
import random
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.times import EPOCH
from sync import tables

TABLES = {
    "links": tables.links,
    "account_links": tables.account_links,
    "deal_links": tables.deal_links,
}
RECENT = 3  # one of so many of a sample is of what changed last
LEAST = 10  # of each object, where it has so many

Chosen = tuple[str, str, str]  # table, object, remote id


def choose(
    snapshot: Connection, space: str, name: str, size: int, seed: str, object_type: str = ""
) -> list[Chosen]:
    """Return a sample of a connection's links, the same for the same seed and store, object by object.

    Each object has its share, and ten at least; a third of a share are those that changed last, the
    others are drawn.
    """
    strata: dict[tuple[str, str], list[tuple[datetime, str]]] = {}
    for table_name, table in TABLES.items():
        rows = snapshot.execute(_all_of(table, object_type), {"of_space": space, "of_connection": name})
        for row in rows:
            moved = max(row.modified_at or EPOCH, row.wrote_at or EPOCH)
            strata.setdefault((table_name, row.object), []).append((moved, row.remote_id))
    total = sum(map(len, strata.values()))
    chosen: list[Chosen] = []
    for (table_name, each), members in sorted(strata.items()):
        share = min(len(members), max(LEAST, round(size * len(members) / total)))
        chosen += [(table_name, each, one) for one in _drawn(members, share, f"{seed} {table_name} {each}")]
    return chosen


def _drawn(members: Sequence[tuple[datetime, str]], share: int, seed: str) -> list[str]:
    recent = {one for _, one in heapq.nlargest(share // RECENT, members)}
    rest = sorted(one for _, one in members if one not in recent)
    return sorted([*recent, *random.Random(seed).sample(rest, share - len(recent))])


def page(
    snapshot: Connection, space: str, name: str, after: Sequence[str], limit: int, object_type: str = ""
) -> list[Chosen]:
    """Return the next links behind ``after`` (table, object, remote id; empty: the first), of one object."""
    begun, *behind = after or ("links", "", "")
    for table_name in TABLES:
        if list(TABLES).index(table_name) < list(TABLES).index(begun):
            continue
        seen = behind if table_name == begun else ["", ""]
        table = TABLES[table_name]
        c = table.c
        statement = (
            sa.select(c.object, c.remote_id)
            .where(c.space == space, c.connection == name)
            .where(sa.or_(c.object > seen[0], sa.and_(c.object == seen[0], c.remote_id > seen[1])))
            .order_by(c.object, c.remote_id)
            .limit(limit)
        )
        if object_type:
            statement = statement.where(c.object == object_type)
        found = [(table_name, row.object, row.remote_id) for row in snapshot.execute(statement)]
        if found:
            return [one for one in found if one[1] == found[0][1]]
    return []


def _all_of(table: sa.Table, object_type: str) -> sa.Select[Any]:
    c = table.c
    statement = sa.select(c.object, c.remote_id, c.modified_at, c.wrote_at).where(
        c.space == sa.bindparam("of_space"), c.connection == sa.bindparam("of_connection")
    )
    return statement.where(c.object == object_type) if object_type else statement
