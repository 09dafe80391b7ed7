"""Whether a record is a deal that is known: what waits for a person's word, and the word as an event.

Asked in ``reviews`` (kind ``same_deal``) by ``sync/deciding/opportunities.py``, answered on the page
*Reviews* or by ``leadrelay same-deals``, decided by ``sync/deciding/deal_answers.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from mappings.outward import inward_record
from mappings.playbook import Playbook
from model.deal import Deal
from model.event import Event, EventKind, JsonValue, RecordRef
from model.question import Question
from model.times import to_text
from sync import deals, links, mirror
from sync.mirror import Mirrored
from sync.people import People
from sync.records import record_payload
from sync.tables import reviews

KIND = "same_deal"
OPEN, ANSWERED, LEFT = "open", "answered", "left"
SAME, ANOTHER, LEAVE = "same", "another", "leave"
SHOWN = ("name", "stage", "amount", "close_date")
NOBODY = People({}, frozenset(), {})
_R = reviews.c


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with what a person wants to see of it."""

    question: Question
    fields: Mapping[str, JsonValue]  # of the record, in our words; empty where nothing is known of it
    deals: tuple[Deal, ...]  # those of the question that there are still
    may_be: tuple[str, ...]  # ids of the deals that it may be said to be
    may_be_new: bool

    def as_json(self) -> dict[str, Any]:
        """Return what the read API and ``--json`` show."""
        return {
            **asdict(self.question),
            "since": to_text(self.question.since),
            "record": dict(self.fields),
            "deals": [{"id": one.id, **{name: one.get(name) for name in SHOWN}} for one in self.deals],
            "answers": [
                *(f"{SAME} {one}" for one in self.may_be),
                *([ANOTHER] if self.may_be_new else ()),
                LEAVE,
            ],
        }


def load(snapshot: Connection, space: str, ids: Iterable[int]) -> dict[int, Question]:
    """Return questions by their number."""
    rows = snapshot.execute(_ALL.where(_R.space == space, _R.id.in_(sorted(set(ids)))))
    return {row.id: _question(row) for row in rows}


def open_ones(
    snapshot: Connection, space: str, playbook: Playbook, *, limit: int, number: int | None = None
) -> list[Asked]:
    """Return what waits for a person's word, the oldest first, with what is known of it."""
    asked = _ALL.where(_R.space == space, _R.state == OPEN)
    if number is not None:
        asked = asked.where(_R.id == number)
    found = [_question(row) for row in snapshot.execute(asked.order_by(_R.id).limit(limit))]
    refs = [ref for one in found if (ref := one.ref) is not None]
    seen = mirror.read(snapshot, space, refs)
    held = links.DEALS.held(snapshot, space, refs)
    known = deals.load(snapshot, [each for one in found for each in one.deals])
    return [_asked(one, seen, held, known, playbook) for one in found]


def count_open(snapshot: Connection, space: str) -> int:
    """Return how many wait for a person."""
    asked = sa.select(sa.func.count()).where(_R.space == space, _R.kind == KIND, _R.state == OPEN)
    return int(snapshot.execute(asked).scalar_one())


def left_alone(connection: Connection, space: str, doubts: Iterable[str]) -> set[str]:
    """Return which of these doubts somebody wants to hear of no more."""
    asked = sa.select(_R.doubt).where(_R.space == space, _R.state == LEFT, _R.doubt.in_(sorted(set(doubts))))
    return set(connection.execute(asked).scalars())


def answer_event(
    snapshot: Connection, asked: Asked, space: str, said: str, deal_id: str, *, by: str, now: datetime
) -> Event:
    """Return the event of a person's word, with the record as it was last read."""
    question = asked.question
    payload: dict[str, Any] = {"question": question.id, "answer": said, "deal_id": deal_id, "by": by}
    if question.ref is not None and (seen := mirror.read(snapshot, space, [question.ref]).get(question.ref)):
        payload |= {"record": record_payload(seen.record), "read_at": to_text(seen.read_at)}
    return Event(
        source=question.connection,
        event_id=f"same-deal-{question.id}-{to_text(now)}",
        kind=EventKind.ANSWER,
        payload=payload,
        occurred_at=now,
        received_at=now,
        space=space,
        record=question.ref,
    )


def _asked(
    one: Question,
    seen: Mapping[RecordRef, Mirrored],
    held: Mapping[RecordRef, str],
    known: Mapping[str, Deal],
    playbook: Playbook,
) -> Asked:
    there = tuple(known[each] for each in one.deals if each in known)
    mirrored = seen.get(one.ref) if one.ref is not None else None
    crm = playbook.crms.get(one.connection)
    if mirrored is None or mirrored.record.archived or crm is None or crm.deal is None:
        return Asked(one, {}, there, (), may_be_new=False)
    said = inward_record(mirrored.record.fields, crm.deal, one.connection, NOBODY)
    is_free = one.ref not in held
    may_be = tuple(deal.id for deal in there if is_free and not deal.is_gone and _has_room(deal, one))
    return Asked(one, {name: said.get(name) for name in SHOWN}, there, may_be, may_be_new=is_free)


def _has_room(deal: Deal, question: Question) -> bool:
    link = deal.links.get(question.connection)
    return link is None or link.gone_at is not None


def _question(row: Row[Any]) -> Question:
    detail = row.detail
    records = detail.get("records") or [detail["record"]]
    return Question(
        row.id,
        str(detail["connection"]),
        str(detail["object"]),
        tuple(map(str, records)),
        tuple(map(str, detail["deals"])),
        row.state,
        row.created_at,
    )


_ALL: sa.Select[Any] = sa.select(_R.id, _R.detail, _R.state, _R.created_at).where(_R.kind == KIND)
