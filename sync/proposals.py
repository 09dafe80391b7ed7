"""What could be done to records of people in a CRM, as the decider, pages and commands read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from mappings.playbook import CrmField, ObjectMap
from model.event import Event, EventKind, JsonValue, RecordRef
from model.times import to_text
from sync import mirror, teammates
from sync.edges.effects import WITHHELD
from sync.tables import leads, outbox_effects, proposals

MERGE, DELETE, FORGET = "merge", "delete", "forget"
OPEN, ACCEPTED, REFUSED = "open", "accepted", "refused"
DONE, OVER = "done", "over"  # it has come about, by whomever; it cannot come about any more
ANSWERED: Mapping[bool, str] = {True: ACCEPTED, False: REFUSED}
MANY = 3  # deletions for one reason, from which on they are shown as one question
PLAYBOOK = "playbook"  # who accepted, where the CRM's map says so

_P, _E = proposals.c, outbox_effects.c


@dataclass(frozen=True, slots=True)
class Proposal:
    """Something that could be done to a record of a person; a merge names the one that is left, too."""

    id: int
    kind: str
    connection: str
    lead_id: str
    name: str  # whom it is about, for people
    object: str
    record: str
    keep_object: str
    keep: str
    why: str  # what gave rise to it
    state: str
    since: datetime
    by: str  # who answered
    outcome: str
    settled_at: datetime | None
    progress: str = ""  # where the effect that carries it out stands
    trouble: str = ""  # what the CRM, or leadrelay, said of it

    @property
    def ref(self) -> RecordRef:
        """The record it is about: that is merged away, or deleted."""
        return RecordRef(self.connection, self.object, self.record)

    @property
    def kept(self) -> RecordRef | None:
        """The record that is left by a merge."""
        return RecordRef(self.connection, self.keep_object, self.keep) if self.keep else None

    @property
    def is_open(self) -> bool:
        """Whether it waits for a person's word: also once more, where it was agreed to and then withheld."""
        return self.state == OPEN or (self.state == ACCEPTED and self.progress == WITHHELD)

    @property
    def what(self) -> str:
        """What would be done, in a phrase."""
        return phrase(self.kind, self.ref, self.kept)

    def as_json(self) -> dict[str, Any]:
        """Return what the read API and ``--json`` show."""
        moments = {"since": to_text(self.since), "settled_at": self.settled_at and to_text(self.settled_at)}
        return {**asdict(self), **moments}


@dataclass(frozen=True, slots=True)
class Alike:
    """Many deletions in one CRM that wait for one reason, and can be answered as one."""

    connection: str
    why: str
    records: int
    first: int  # numbers of the proposals
    last: int

    def has(self, one: Proposal) -> bool:
        """Say whether a proposal is one of them."""
        return (one.kind, one.connection, one.why) == (DELETE, self.connection, self.why)


def phrase(kind: str, ref: RecordRef, keep: RecordRef | None) -> str:
    """Say what is to be done: ``salesforce: merge Lead 00Q2 into Lead 00Q1``."""
    into = f" into {keep.object} {keep.id}" if keep is not None else ""
    return f"{ref.connection}: {kind} {ref.object} {ref.id}{into}"


OF_IT = sa.and_(_E.space == _P.space, _E.key == _P.effect)  # the effect that carries a proposal out

_ALL = (
    sa.select(proposals, leads.c.email, _E.state.label("progress"), _E.error)
    .join_from(proposals, leads, leads.c.id == _P.lead_id, isouter=True)
    .join(outbox_effects, OF_IT, isouter=True)
)

_IS_OPEN = (
    _P.state.in_((OPEN, ACCEPTED)),  # few, by the index; which of those accepted were withheld, by the join
    sa.or_(_P.state == OPEN, sa.and_(_P.state == ACCEPTED, sa.func.coalesce(_E.state, "") == WITHHELD)),
)


def load(snapshot: Connection, space: str, ids: Iterable[int]) -> dict[int, Proposal]:
    """Return proposals by their number."""
    rows = snapshot.execute(_ALL.where(_P.space == space, _P.id.in_(sorted(set(ids)))))
    return {row.id: _proposal(row) for row in rows}


def open_ones(
    snapshot: Connection,
    space: str,
    *,
    limit: int | None,
    after: int = 0,
    lead_id: str | None = None,
    of: Alike | None = None,
    but: Iterable[Alike] = (),
) -> list[Proposal]:
    """Return what waits for a person's word, the oldest first, from behind the row ``after``.

    ``of``: of one deed for many alone; ``but``: what is in none of these.
    """
    asked = _ALL.where(_P.space == space, *_IS_OPEN, _P.id > after, *(sa.not_(_is_of(one)) for one in but))
    if lead_id is not None:
        asked = asked.where(_P.lead_id == lead_id)
    if of is not None:
        asked = asked.where(_is_of(of))
    return [_proposal(row) for row in snapshot.execute(asked.order_by(_P.id).limit(limit))]


def alike(snapshot: Connection, space: str, least: int = MANY) -> list[Alike]:
    """Return deletions of which many wait for one reason, such as a file of people that was taken back."""
    number = sa.func.count()
    found = (
        _ALL.with_only_columns(_P.connection, _P.why, number, sa.func.min(_P.id), sa.func.max(_P.id))
        .where(_P.space == space, *_IS_OPEN, _P.kind == DELETE)
        .group_by(_P.connection, _P.why)
        .having(number >= least)
        .order_by(sa.func.min(_P.id))
    )
    return [Alike(*row) for row in snapshot.execute(found)]


def _is_of(one: Alike) -> sa.ColumnElement[bool]:
    is_it = (_P.kind == DELETE, _P.connection == one.connection, _P.why == one.why)
    return sa.and_(*is_it, _P.id >= one.first, _P.id <= one.last)


def answered(snapshot: Connection, space: str, *, limit: int) -> list[Proposal]:
    """Return what was answered or came about, the newest first."""
    asked = _ALL.where(_P.space == space, _P.state != OPEN, sa.not_(_IS_OPEN[1]))
    newest = asked.order_by(_P.settled_at.desc(), _P.id.desc())
    return [_proposal(row) for row in snapshot.execute(newest.limit(limit))]


def count_open(snapshot: Connection, space: str) -> int:
    """Return how many wait for a person."""
    asked = _ALL.where(_P.space == space, *_IS_OPEN).with_only_columns(sa.func.count())
    return int(snapshot.execute(asked).scalar_one())


def named(snapshot: Connection, space: str, refs: Iterable[RecordRef]) -> set[RecordRef]:
    """Return which of these records something is proposed about that has not come to its end."""
    by_connection: dict[str, list[str]] = {}
    wanted = set(refs)
    for ref in wanted:
        by_connection.setdefault(ref.connection, []).append(ref.id)
    found: set[RecordRef] = set()
    for name, ids in by_connection.items():
        asked = sa.select(_P.object, _P.record).where(
            _P.space == space, _P.connection == name, _P.record.in_(ids), _P.state.in_((OPEN, ACCEPTED))
        )
        found |= {RecordRef(name, row.object, row.record) for row in snapshot.execute(asked)}
    return found & wanted


def being_deleted(snapshot: Connection, space: str, refs: Iterable[RecordRef]) -> set[RecordRef]:
    """Return which of these records leadrelay itself deletes, because somebody agreed to it."""
    wanted = set(refs)
    asked = sa.select(_P.connection, _P.object, _P.record).where(
        _P.space == space,
        _P.kind == DELETE,
        _P.state == ACCEPTED,
        _P.record.in_(sorted({ref.id for ref in wanted})),
    )
    return {RecordRef(row.connection, row.object, row.record) for row in snapshot.execute(asked)} & wanted


def _proposal(row: Row[Any]) -> Proposal:
    return Proposal(
        row.id,
        row.kind,
        row.connection,
        row.lead_id,
        row.email or row.who,
        row.object,
        row.record,
        row.keep_object,
        row.keep,
        row.why,
        row.state,
        row.since,
        row.by,
        row.outcome,
        row.settled_at,
        row.progress or "",
        row.error or "",
    )


@dataclass(frozen=True, slots=True)
class Side:
    """One mapped field of a record beside the other's; in the vendor's form."""

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
    """Return both records as the mirror last saw them: every mapped field that one of them has.

    Ids, which differ in any two records, are left out; owners are told by their address.
    """
    refs = [ref for ref in (proposal.kept, proposal.ref) if ref is not None]
    seen = mirror.read(snapshot, space, refs)
    fields = {ref: one.record.fields for ref, one in seen.items()}
    kept, lost = fields.get(proposal.kept or proposal.ref, {}), fields.get(proposal.ref, {})
    rules = {
        rule.remote: rule
        for name in dict.fromkeys(filter(None, (proposal.keep_object, proposal.object)))
        if (object_map := objects.get(name)) is not None
        for rule in object_map.fields
        if rule.field != "id" and not rule.field.startswith("links.")
    }
    owners = _owners(snapshot, space, proposal.connection)

    def told(rule: CrmField, value: JsonValue) -> JsonValue:
        return owners.get(str(value), value) if rule.kind == "owner" else value

    rows = [
        Side(name, told(rule, kept.get(name)), told(rule, lost.get(name))) for name, rule in rules.items()
    ]
    return [one for one in rows if one.kept not in (None, "") or one.lost not in (None, "")]


def _owners(snapshot: Connection, space: str, name: str) -> dict[str, str]:
    """Return the address of each owner of a connection by the id that they have there."""
    mates = teammates.load(snapshot, space).values()
    return {mate.ids[name]: mate.email for mate in mates if name in mate.ids}


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
