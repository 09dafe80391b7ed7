"""What providers said of late, kept for all who ask the same. It is personal data, and goes with its term."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.event import JsonValue
from sync.database import insert_on
from sync.tables import answers, asks

KEY = ("space", "provider", "asked")
_a = answers.c


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer: what was read of it, by path, and when it was given. Nothing: the provider knew nothing."""

    said: Mapping[str, JsonValue]
    at: datetime


def find(
    connection: Connection, space: str, provider: str, asked: str, mark: str, now: datetime
) -> Kept | None:
    """Return an answer that may still serve; ``mark`` says what is asked and read by the playbook of now."""
    row = connection.execute(
        sa.select(_a.said, _a.at).where(
            _a.space == space, _a.provider == provider, _a.asked == asked, _a.mark == mark, _a.until > now
        )
    ).first()
    return Kept(row.said, row.at) if row else None


def keep(
    connection: Connection, space: str, provider: str, asked: str, mark: str, kept: Kept, term: timedelta
) -> None:
    """Keep an answer in the place of an older one; for no time, not at all."""
    if term <= timedelta(0):
        return
    row = {"space": space, "provider": provider, "asked": asked, "mark": mark}
    connection.execute(
        _keeping(connection.dialect.name), row | {"said": kept.said, "at": kept.at, "until": kept.at + term}
    )


def drop_old(connection: Connection, space: str, now: datetime) -> int:
    """Remove answers whose term is over; return how many."""
    return connection.execute(sa.delete(answers).where(_a.space == space, _a.until <= now)).rowcount


def forget(connection: Connection, lead_ids: Iterable[str]) -> None:
    """Remove the answers to what was asked about these leads, before the questions themselves go.

    Another lead may have asked the same, of one company: it is then asked once more.
    """
    q = asks.c
    theirs = sa.select(q.provider, q.asked).where(q.lead_id.in_(sorted(lead_ids)))
    for provider, asked in connection.execute(theirs).all():
        connection.execute(sa.delete(answers).where(_a.provider == provider, _a.asked == asked))


@cache
def _keeping(dialect: str) -> sa.Insert:
    insert = insert_on(dialect, answers)
    new = {name: insert.excluded[name] for name in ("mark", "said", "at", "until")}
    statement: sa.Insert = insert.on_conflict_do_update(index_elements=list(KEY), set_=new)
    return statement
