"""What is spent on providers: each call is counted before it is made, so that no cap is passed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mappings.playbook import Spend
from sync.database import insert_on
from sync.tables import spending

_s = spending.c


def day_of(now: datetime) -> str:
    """Return the name of a day."""
    return now.strftime("%Y-%m-%d")


def month_of(now: datetime) -> str:
    """Return the name of a month."""
    return now.strftime("%Y-%m")


def take(connection: Connection, space: str, provider: str, spend: Spend, now: datetime) -> str:
    """Count one call; return blank where it may be made, else which cap is reached, in words.

    Whoever comes second waits for the first one's transaction, so that both see what the other took.
    """
    caps = ((day_of(now), spend.per_day, "day"), (month_of(now), spend.per_month, "month"))
    taken: list[dict[str, str]] = []
    for period, most, word in caps:
        key = {"of_space": space, "of_provider": provider, "of_period": period}
        row = {"space": space, "provider": provider, "period": period, "currency": spend.currency}
        connection.execute(_beginning(connection.dialect.name), row | {"calls": 0, "cost": 0})
        bound = {"most": most if most is not None else NO_CAP, "price": spend.cost}
        if not connection.execute(TAKE, key | bound).rowcount:
            for one in taken:
                connection.execute(GIVE_BACK, one | {"price": spend.cost})
            return f"{most} calls in a {word} are the cap"
        taken.append(key)
    return ""


def next_chance(why: str, now: datetime) -> datetime:
    """Return when the cap of which ``take`` said ``why`` counts from nothing again."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if "month" not in why:
        return midnight + timedelta(days=1)
    return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent on a provider in one period."""

    calls: int = 0
    cost: float = 0.0
    currency: str = ""


def read(snapshot: Connection, space: str, now: datetime) -> Mapping[tuple[str, str], Spent]:
    """Return what was spent this day and this month: (provider, ``day`` or ``month``) -> how much."""
    words = {day_of(now): "day", month_of(now): "month"}
    asked = sa.select(spending).where(_s.space == space, _s.period.in_(sorted(words)))
    return {
        (row.provider, words[row.period]): Spent(int(row.calls), row.cost / 1_000_000, row.currency)
        for row in snapshot.execute(asked)
    }


NO_CAP = 1 << 62
_IS_ONE = sa.and_(
    _s.space == sa.bindparam("of_space"),
    _s.provider == sa.bindparam("of_provider"),
    _s.period == sa.bindparam("of_period"),
)
TAKE = (
    sa.update(spending)
    .where(_IS_ONE, _s.calls < sa.bindparam("most"))
    .values(calls=_s.calls + 1, cost=_s.cost + sa.bindparam("price"))
)
GIVE_BACK = (
    sa.update(spending).where(_IS_ONE).values(calls=_s.calls - 1, cost=_s.cost - sa.bindparam("price"))
)


@cache
def _beginning(dialect: str) -> sa.Insert:
    statement: sa.Insert = insert_on(dialect, spending).on_conflict_do_nothing(
        index_elements=["space", "provider", "period"]
    )
    return statement
