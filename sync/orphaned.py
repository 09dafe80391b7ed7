"""Rows that can never be sent, found kind by kind: what the orphans of the outbox and of effects share."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

AT_ONCE = 2_000  # rows of a kind: an IN list of all of them stays within what both databases take


def rows_of_kinds(
    connection: Connection,
    number: sa.ColumnElement[int],
    kinds: Iterable[sa.ColumnElement[bool]],
    limit: int = AT_ONCE,
) -> list[int]:
    """Return the numbers of rows that are of any of these kinds, at most ``limit`` of each, ascending."""
    looks = (sa.select(number).where(which).limit(limit) for which in kinds)
    return sorted({row for look in looks for row in connection.execute(look).scalars()})
