"""Pairs of leads that may be one person: what waits for a person's word, the word as an event, what is kept.

A word counts for ever: what was said to be different is not asked again, whatever is learned later, and
stays said where one of the two is taken into a third.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from model.decision import JudgePair
from model.event import Event, EventKind
from model.lead import PERSON
from model.times import to_text
from sync.database import insert_for
from sync.tables import leads, match_keys, match_pairs

OPEN, FILTERED, AGREED, SAME, DIFFERENT = "open", "filtered", "agreed", "same", "different"
ANSWERS = (SAME, DIFFERENT)
UNSETTLED = (OPEN, FILTERED)
REMINDER = "reminder"
"""Marks, in an event's payload, a word that is handed in once more: nobody has said anything new."""

_P = match_pairs.c


@dataclass(frozen=True, slots=True)
class Pair:
    """Two leads that are likely one person, or were said to be or not to be."""

    id: int
    one: str
    other: str
    state: str
    probability: float
    evidence: tuple[tuple[str, str, float], ...]  # comparison, level, weight in bits
    model: str
    why: str
    by: str
    since: datetime
    settled_at: datetime | None

    @property
    def text(self) -> str:
        """The evidence in one line, the weightiest first."""
        ordered = sorted(self.evidence, key=lambda each: (-abs(each[2]), each[0]))
        return ", ".join(f"{name} {level} {weight:+.1f}" for name, level, weight in ordered)

    def beside(self, lead_id: str) -> str:
        """Return the other one of the two."""
        return self.other if lead_id == self.one else self.one

    def as_json(self) -> dict[str, Any]:
        """Return what ``--json`` and the read API show."""
        moments = {"since": to_text(self.since), "settled_at": self.settled_at and to_text(self.settled_at)}
        return {**asdict(self), **moments}


def ordered(a: str, b: str) -> tuple[str, str]:
    """Return two ids as a pair is kept."""
    return (a, b) if a < b else (b, a)


def open_ones(snapshot: Connection, space: str, *, limit: int) -> list[Pair]:
    """Return what waits for a person's word, the likeliest first; only of leads that there are."""
    ours, theirs = leads.alias(), leads.alias()
    asked = (
        sa.select(match_pairs)
        .join(ours, ours.c.id == _P.one)
        .join(theirs, theirs.c.id == _P.other)
        .where(_P.space == space, _P.state == OPEN)
        .order_by(_P.probability.desc(), _P.id)
    )
    return [_pair(row) for row in snapshot.execute(asked.limit(limit))]


def count_open(snapshot: Connection, space: str) -> int:
    """Return how many wait for a person."""
    asked = sa.select(sa.func.count()).where(_P.space == space, _P.state == OPEN)
    return int(snapshot.execute(asked).scalar_one())


def of_lead(snapshot: Connection, lead_id: str) -> list[Pair]:
    """Return every pair in which a lead is, the likeliest first."""
    asked = sa.select(match_pairs).where(sa.or_(_P.one == lead_id, _P.other == lead_id))
    return [_pair(row) for row in snapshot.execute(asked.order_by(_P.probability.desc(), _P.id))]


def agreed(snapshot: Connection, space: str) -> list[Pair]:
    """Return those that are one person, by whomever, and could not be joined at that moment."""
    asked = sa.select(match_pairs).where(_P.space == space, _P.state == AGREED).order_by(_P.id)
    return [_pair(row) for row in snapshot.execute(asked)]


def among_agreed(snapshot: Connection, space: str, asked: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return which of these pairs, each in order, were said to be one person and are not joined yet."""
    found = set()
    for one, other in sorted(set(asked)):
        is_it = sa.and_(_P.space == space, _P.one == one, _P.other == other, _P.state == AGREED)
        if snapshot.execute(sa.select(_P.id).where(is_it)).first() is not None:
            found.add((one, other))
    return found


def answer_event(
    space: str, a: str, b: str, said: str, *, by: str, now: datetime, is_reminder: bool = False
) -> Event:
    """Return the event of a person's word on two leads; a reminder counts only while that word stands."""
    one, other = ordered(a, b)
    payload: dict[str, Any] = {"pair": [one, other], "said": said, "by": by}
    if is_reminder:
        payload[REMINDER] = True
    return Event(
        source=PERSON,
        event_id=f"pair-{'again-' if is_reminder else ''}{one}-{other}-{to_text(now)}",
        kind=EventKind.ANSWER,
        payload=payload,
        occurred_at=now,
        received_at=now,
        space=space,
    )


def undo_event(space: str, lead_id: str, *, by: str, now: datetime) -> Event:
    """Return the event of a person's word that a lead was taken into another by mistake."""
    return Event(
        source=PERSON,
        event_id=f"unjoin-{lead_id}-{to_text(now)}",
        kind=EventKind.ANSWER,
        payload={"unjoin": lead_id, "by": by},
        occurred_at=now,
        received_at=now,
        space=space,
    )


def save(connection: Connection, space: str, results: Iterable[Any], now: datetime) -> None:
    """Keep what was said of pairs; those whom nobody had asked about are kept, too."""
    for result in results:
        for effect in result.effects:
            if isinstance(effect, JudgePair):
                _judge(connection, space, effect, now)


def _judge(connection: Connection, space: str, judged: JudgePair, now: datetime) -> None:
    one, other = ordered(judged.one, judged.other)
    settled_at = None if judged.state == OPEN else now
    said = {"state": judged.state, "by": judged.by[:128], "why": judged.why[:200], "settled_at": settled_at}
    row = {"space": space, "one": one, "other": other, "probability": 0.0, "evidence": [], "model": ""}
    insert = insert_for(connection, match_pairs).values(**row, **said, since=now)
    connection.execute(insert.on_conflict_do_update(index_elements=["space", "one", "other"], set_=said))


def take_over(connection: Connection, space: str, absorbed: str, into: str) -> None:
    """Let what is known of a lead's pairs be known of the one that took it in; "different" outlives all."""
    connection.execute(sa.delete(match_keys).where(match_keys.c.lead_id == absorbed))
    rows = connection.execute(sa.select(match_pairs).where(sa.or_(_P.one == absorbed, _P.other == absorbed)))
    for pair in [_pair(row) for row in rows]:
        beside = pair.beside(absorbed)
        connection.execute(sa.delete(match_pairs).where(_P.id == pair.id))
        if beside == into or pair.state not in (AGREED, DIFFERENT):
            continue  # what is open is found anew: the survivor is compared after this
        one, other = ordered(beside, into)
        row = {"space": space, "one": one, "other": other, "probability": pair.probability}
        row |= {"evidence": [list(each) for each in pair.evidence], "model": pair.model, "since": pair.since}
        said = {"state": pair.state, "by": pair.by, "why": "", "settled_at": pair.settled_at}
        insert = insert_for(connection, match_pairs).values(**row, **said)
        wins = _P.state != DIFFERENT
        connection.execute(
            insert.on_conflict_do_update(index_elements=["space", "one", "other"], set_=said, where=wins)
        )


def forget(connection: Connection, lead_ids: Sequence[str]) -> None:
    """Drop every pair of these leads."""
    which = sa.or_(_P.one.in_(lead_ids), _P.other.in_(lead_ids))
    connection.execute(sa.delete(match_pairs).where(which))


def _pair(row: Row[Any]) -> Pair:
    evidence = tuple((str(name), str(level), float(weight)) for name, level, weight in row.evidence)
    said = (row.model, row.why, row.by, row.since, row.settled_at)
    return Pair(row.id, row.one, row.other, row.state, row.probability, evidence, *said)
