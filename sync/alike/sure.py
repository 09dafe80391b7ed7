"""Pairs so likely that nobody needs to be asked: handed in as events, and what stands in their way.

The walk only hands them in. Whether two are joined is decided like anything else, by the leads as they are
then (``sync/deciding/by_evidence.py``); what is not joined waits for a person, with the reason.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mappings.matcher.weighing import fingerprint
from mappings.playbook import Matching
from model.event import Event, EventKind
from model.lead import MATCHER
from model.times import to_text
from sync.alike.pairs import DIFFERENT, OPEN, REMINDER, SAME, ordered
from sync.tables import inbox_events, leads, match_pairs, merged_leads

EVIDENCE = "the evidence"
"""Who said it, where nobody did."""

HELD = "left to a person: "
"""How the reason begins for which the decider left a pair to a person; it stands while the evidence does."""

LIMITED = f"{HELD}over the limit: "

_P = match_pairs.c


def hand_in(
    connection: Connection, space: str, matching: Matching, ids: Sequence[str], now: datetime
) -> list[Event]:
    """Return the events of those that are sure and in which one of these leads is, for the same transaction.

    An event's id follows from the rules and the versions of both leads: a step that is done again, and a
    look at leads that have not changed, hand in nothing new.
    """
    if matching.same is None or not ids:
        return []
    is_sure = sa.and_(_P.space == space, _IS_FREE, _P.probability >= matching.same)
    of_them = sa.or_(_P.one.in_(ids), _P.other.in_(ids))
    ours, theirs = leads.alias(), leads.alias()
    asked = (
        sa.select(_P.one, _P.other, ours.c.version.label("ours"), theirs.c.version.label("theirs"))
        .join(ours, ours.c.id == _P.one)
        .join(theirs, theirs.c.id == _P.other)
        .where(is_sure, of_them)
        .order_by(_P.probability.desc(), _P.id)
    )
    rules = fingerprint(matching)
    return [
        event(space, row.one, row.other, f"{rules}-{row.ours}-{row.theirs}", now=now)
        for row in connection.execute(asked)
    ]


def event(space: str, a: str, b: str, why_now: str, *, now: datetime, is_reminder: bool = False) -> Event:
    """Return the event of two who are surely one person by evidence; ``why_now`` tells it from others."""
    one, other = ordered(a, b)
    payload: dict[str, object] = {"pair": [one, other], "said": SAME, "by": EVIDENCE}
    if is_reminder:
        payload[REMINDER] = True
    return Event(
        source=MATCHER,
        event_id=f"pair-{one}-{other}-{why_now}",
        kind=EventKind.ANSWER,
        payload=payload,
        occurred_at=now,
        received_at=now,
        space=space,
    )


def reminder(space: str, a: str, b: str, *, now: datetime) -> Event:
    """Return the event that hands in once more two who could not be joined at that moment."""
    return event(space, a, b, f"again-{to_text(now)}", now=now, is_reminder=True)


def beside(snapshot: Connection, space: str, lead_ids: Collection[str], least: float) -> dict[str, set[str]]:
    """Return with whom else each of these leads is surely one person."""
    found: dict[str, set[str]] = {one: set() for one in lead_ids}
    some = sorted(found)
    asked = sa.select(_P.one, _P.other).where(
        _P.space == space, _IS_FREE, _P.probability >= least, sa.or_(_P.one.in_(some), _P.other.in_(some))
    )
    for one, other in snapshot.execute(asked):
        for ours, theirs in ((one, other), (other, one)):
            if ours in found:
                found[ours].add(theirs)
    return found


def apart(snapshot: Connection, space: str, lead_ids: Iterable[str]) -> set[tuple[str, str]]:
    """Return the pairs with one of these leads of which a person said that they are two people."""
    some = sorted(set(lead_ids))
    asked = sa.select(_P.one, _P.other).where(
        _P.space == space, _P.state == DIFFERENT, sa.or_(_P.one.in_(some), _P.other.in_(some))
    )
    return {(one, other) for one, other in snapshot.execute(asked)}


def joined_since(snapshot: Connection, space: str, since: datetime) -> list[datetime]:
    """Return when leads were joined by evidence alone since then; joins that were undone do not count."""
    e, m = inbox_events.c, merged_leads.c
    asked = sa.select(m.at).join(inbox_events, e.id == m.event).where(
        m.space == space, m.at > since, e.source == MATCHER
    )  # fmt: skip
    return list(snapshot.execute(asked).scalars())


def count_over_limit(snapshot: Connection, space: str) -> int:
    """Return how many pairs wait for a person only because enough were joined without one."""
    asked = sa.select(sa.func.count()).where(
        _P.space == space, _P.state == OPEN, _P.why.startswith(LIMITED, autoescape=True)
    )
    return int(snapshot.execute(asked).scalar_one())


_IS_FREE = sa.and_(_P.state == OPEN, _P.why == "")
