"""Two records of one person in one CRM, since two leads became one: proposed, answered, seen merged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from mappings.playbook import ObjectMap
from model.decision import AnswerProposal, ProposeMerge, SeenAsOne
from model.event import Event, EventKind, JsonValue, RecordRef
from model.times import to_text
from sync import mirror
from sync.database import insert_for
from sync.tables import leads, merge_proposals

OPEN, ACCEPTED, REFUSED, MERGED = "open", "accepted", "refused", "merged"
ANSWERED: Mapping[bool, str] = {True: ACCEPTED, False: REFUSED}
LONGEST_WHY = 200  # characters that the column holds

_P = merge_proposals.c


@dataclass(frozen=True, slots=True)
class Proposal:
    """Two records of one person; ``keep`` is the one that the lead is linked to."""

    id: int
    connection: str
    lead_id: str
    name: str  # whom it is about, for people
    keep_object: str
    keep: str
    lose_object: str
    lose: str
    why: str  # who made two leads one
    state: str
    since: datetime
    by: str  # who answered
    settled_at: datetime | None

    @property
    def kept(self) -> RecordRef:
        """The record that is left."""
        return RecordRef(self.connection, self.keep_object, self.keep)

    @property
    def lost(self) -> RecordRef:
        """The record that goes into it."""
        return RecordRef(self.connection, self.lose_object, self.lose)

    def as_json(self) -> dict[str, Any]:
        """Return what the read API and ``--json`` show."""
        moments = {"since": to_text(self.since), "settled_at": self.settled_at and to_text(self.settled_at)}
        return {**asdict(self), **moments}


def by_hand(keep: RecordRef, lose: RecordRef) -> str:
    """Return what a person has to do in the CRM where no call merges the two; blank where one does."""
    if keep.object == lose.object:
        return ""
    if {keep.object, lose.object} == {"Lead", "Contact"}:
        lead, contact = (keep, lose) if keep.object == "Lead" else (lose, keep)
        return (
            f"{keep.connection} merges no Lead with a Contact: convert Lead {lead.id} there, and choose the "
            f"existing Contact {contact.id} as you do"
        )
    return f"{keep.connection} merges no {lose.object} into a {keep.object}"


# Written by the decider ---------------------------------------------------------------


def save(connection: Connection, space: str, results: Iterable[Any], now: datetime) -> None:
    """Store what a batch proposed, what people answered, and which records turned out to be one."""
    new: list[dict[str, Any]] = []
    seen: list[SeenAsOne] = []
    for result in results:
        for effect in result.effects:
            match effect:
                case ProposeMerge():
                    new.append(_row(space, result.lead_id, result.stored.id, effect, now))
                case AnswerProposal(proposal, accepts, by):
                    values = {"state": ANSWERED[accepts], "by": by[:128], "settled_at": now}
                    row = sa.and_(_P.id == proposal, _P.state == OPEN)
                    connection.execute(sa.update(merge_proposals).where(row).values(values))
                case SeenAsOne():
                    seen.append(effect)
    if new:
        connection.execute(insert_for(connection, merge_proposals).on_conflict_do_nothing(), new)
    if seen:
        _settle(connection, space, seen, now)


def _settle(connection: Connection, space: str, seen: Sequence[SeenAsOne], now: datetime) -> None:
    ids = sorted({one for each in seen for one in each.ids})
    asked = sa.select(_P.id, _P.connection, _P.keep, _P.lose).where(
        _P.space == space, _P.state.in_((OPEN, ACCEPTED)), _P.lose.in_(ids)
    )
    merged = [
        row.id
        for row in connection.execute(asked)
        if any(each.connection == row.connection and {row.keep, row.lose} <= each.ids for each in seen)
    ]
    if merged:
        values = {"state": MERGED, "settled_at": now}
        connection.execute(sa.update(merge_proposals).where(_P.id.in_(merged)).values(values))


def _row(space: str, lead_id: str, event: int, effect: ProposeMerge, now: datetime) -> dict[str, Any]:
    return {
        "space": space,
        "connection": effect.keep.connection,
        "lead_id": lead_id,
        "event": event,
        "keep_object": effect.keep.object,
        "keep": effect.keep.id,
        "lose_object": effect.lose.object,
        "lose": effect.lose.id,
        "why": effect.why[:LONGEST_WHY],
        "state": ACCEPTED if effect.accepted else OPEN,
        "since": now,
        "by": "playbook" if effect.accepted else "",
        "settled_at": now if effect.accepted else None,
    }


# Read by the decider, pages and commands ----------------------------------------------

_ALL = sa.select(merge_proposals, leads.c.email).join_from(
    merge_proposals, leads, leads.c.id == _P.lead_id, isouter=True
)


def load(snapshot: Connection, space: str, ids: Iterable[int]) -> dict[int, Proposal]:
    """Return proposals by their number."""
    rows = snapshot.execute(_ALL.where(_P.space == space, _P.id.in_(sorted(set(ids)))))
    return {row.id: _proposal(row) for row in rows}


def open_ones(
    snapshot: Connection, space: str, *, limit: int, after: int = 0, lead_id: str | None = None
) -> list[Proposal]:
    """Return who has two records somewhere and nobody has said what to do, the oldest first."""
    asked = _ALL.where(_P.space == space, _P.state == OPEN, _P.id > after)
    if lead_id is not None:
        asked = asked.where(_P.lead_id == lead_id)
    return [_proposal(row) for row in snapshot.execute(asked.order_by(_P.id).limit(limit))]


def of_lead(snapshot: Connection, space: str, lead_id: str) -> list[Proposal]:
    """Return all that was proposed of a lead, the newest first."""
    asked = _ALL.where(_P.space == space, _P.lead_id == lead_id)
    return [_proposal(row) for row in snapshot.execute(asked.order_by(_P.id.desc()))]


def count_open(snapshot: Connection, space: str) -> int:
    """Return how many wait for a person."""
    asked = sa.select(sa.func.count()).where(_P.space == space, _P.state == OPEN)
    return int(snapshot.execute(asked).scalar_one())


def _proposal(row: Row[Any]) -> Proposal:
    return Proposal(
        row.id,
        row.connection,
        row.lead_id,
        row.email or "",
        row.keep_object,
        row.keep,
        row.lose_object,
        row.lose,
        row.why,
        row.state,
        row.since,
        row.by,
        row.settled_at,
    )


@dataclass(frozen=True, slots=True)
class Side:
    """One mapped field beside the other record's; in the vendor's form."""

    name: str
    kept: JsonValue
    lost: JsonValue

    @property
    def differs(self) -> bool:
        """Whether the two hold different values."""
        return self.kept != self.lost


def sides(
    snapshot: Connection, space: str, proposal: Proposal, objects: Mapping[str, ObjectMap]
) -> list[Side]:
    """Return both records as the mirror last saw them: every mapped field that one of them has."""
    seen = mirror.read(snapshot, space, [proposal.kept, proposal.lost])
    kept, lost = (
        one.record.fields if (one := seen.get(ref)) else {} for ref in (proposal.kept, proposal.lost)
    )
    named = [
        rule.remote
        for name in dict.fromkeys((proposal.keep_object, proposal.lose_object))
        if (object_map := objects.get(name)) is not None
        for rule in object_map.fields
        if rule.field != "id"
    ]
    rows = [Side(name, kept.get(name), lost.get(name)) for name in dict.fromkeys(named)]
    return [one for one in rows if one.kept is not None or one.lost is not None]


# What a person says -------------------------------------------------------------------


def answer_event(proposal: Proposal, space: str, *, accepts: bool, by: str, now: datetime) -> Event:
    """Return the event of a person's word."""
    return Event(
        source=proposal.connection,
        event_id=f"answer-{proposal.id}-{to_text(now)}",
        kind=EventKind.ANSWER,
        payload={"proposal": proposal.id, "lead_id": proposal.lead_id, "accepts": accepts, "by": by},
        occurred_at=now,
        received_at=now,
        space=space,
    )
