"""Files of people that were taken in: the list of them, and what each left with a lead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.decision import ClaimIdentity
from model.event import IMPORT, EventKind, EventState, JsonValue, RecordRef
from model.lead import DECIDED_FIELDS, MATCHER, Activity, Identity, Provenance, Touch
from model.times import from_text, to_text
from sync.provenance import provenance_from, provenance_row
from sync.reasons import created, reason_row
from sync.result import Result
from sync.tables import (
    activities,
    audit,
    audit_details,
    deal_parties,
    engagements,
    inbox_events,
    merged_leads,
    touches,
)

AT_ONCE = 500  # leads looked up together
ROWS = (str(EventKind.INTAKE), str(EventKind.REPLAY))  # a row that a person mended comes as a replay
DECIDED = (EventState.NEW, EventState.MERGED)  # the others are of changes that were sent again
BEFORE, CLAIMED = "before", "claimed"
"""Keys in the audit of a row's decision: what the fields held that it set, and its new keys of the lead."""

WORDS_OF_PEOPLE: Mapping[str, str] = {
    EventKind.CHOICE: "a person chose one of its values",
    EventKind.ANSWER: "a person gave an answer about it",
    EventKind.CONSENT: "what the person agreed to was noted",
    EventKind.DEAL: "it takes part in a deal",
}

_E = inbox_events.c


@dataclass(frozen=True, slots=True)
class Held:
    """What a field held before a row set it; ``origin`` is missing where it was blank from the start."""

    value: JsonValue
    origin: Provenance | None


@dataclass(slots=True)
class Traces:
    """What a batch left with one lead, and what else is known of that lead."""

    rows: list[int] = field(default_factory=list)  # the batch's events that are the lead's
    born: int | None = None  # that of them which made the lead
    is_joined: bool = False  # another lead was taken into it
    since: Counter[str] = field(default_factory=Counter)  # what else there is of the lead, in words
    made: set[RecordRef] = field(default_factory=set)  # records that leadrelay made for it
    before: dict[int, dict[str, Held]] = field(default_factory=dict)  # event -> field -> what stood there
    claimed: set[Identity] = field(default_factory=set)
    touches: list[Touch] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)


def memory(result: Result) -> dict[str, JsonValue]:
    """Return what is kept of a row's decision so that it can be taken back; for the audit's details.

    Of a new lead nothing: before it all was blank.
    """
    lead, before = result.lead, result.before
    if lead is None or before is None:
        return {}
    held = {}
    for name, origin in lead.provenance.items():
        if origin.event == result.stored.id and name not in DECIDED_FIELDS:
            known = before.provenance.get(name)
            held[name] = [before.fields.get(name), provenance_row({name: known}) if known else None]
    keys = [one.identity for one in result.effects if isinstance(one, ClaimIdentity)]
    return {BEFORE: held, CLAIMED: [[key.kind, key.value] for key in keys]}


def read(snapshot: Connection, space: str, batch: str, lead_ids: Iterable[str]) -> dict[str, Traces]:
    """Return what a batch left with each of these leads."""
    found: dict[str, Traces] = {}
    wanted = sorted(set(lead_ids))
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        part = {one: Traces() for one in some}
        _events(snapshot, space, batch, part)
        _memories(snapshot, part)
        _ledgers(snapshot, part)
        _others(snapshot, part)
        found |= part
    return found


def _events(snapshot: Connection, space: str, batch: str, found: Mapping[str, Traces]) -> None:
    asked = sa.select(
        _E.id, _E.lead_id, _E.kind, _E.state, _E.source, _E.batch,
        _E.record_connection, _E.record_object, _E.record_id,
    ).where(_E.space == space, _E.lead_id.in_(found)).order_by(_E.id)  # fmt: skip
    for row in snapshot.execute(asked):
        traces = found[row.lead_id]
        is_post = row.kind == EventKind.INTAKE or (row.kind == EventKind.REPLAY and row.state in DECIDED)
        if is_post and row.batch == batch:
            traces.rows.append(row.id)
            if row.state == EventState.NEW:
                traces.born = row.id
        elif is_post:
            what = f"a row of batch {row.batch}" if row.batch else f"a post of {row.source}"
            traces.since[what] += 1
        elif row.kind in WORDS_OF_PEOPLE and row.source != MATCHER:
            traces.since[WORDS_OF_PEOPLE[row.kind]] += 1
        elif row.kind == EventKind.DELIVERED and row.record_connection:
            traces.made.add(RecordRef(row.record_connection, row.record_object, row.record_id))


def _memories(snapshot: Connection, found: Mapping[str, Traces]) -> None:
    """Read what the decisions on the rows kept, and which records the deliverer noted as made."""
    asked = (
        sa.select(audit.c.lead_id, audit.c.event, audit.c.actor, audit_details.c.details)
        .join(audit_details, audit_details.c.audit_id == audit.c.id)
        .where(audit.c.lead_id.in_(found))
    )
    for row in snapshot.execute(asked):
        traces, details = found[row.lead_id], row.details
        if row.event in traces.rows and BEFORE in details:
            traces.before[row.event] = {name: _held(*one) for name, one in details[BEFORE].items()}
            traces.claimed |= {Identity(*key) for key in details[CLAIMED]}
        elif row.actor == "deliverer":
            traces.made |= set(_made(details))


def _held(value: JsonValue, stored: Sequence[Any] | None) -> Held:
    return Held(value, next(iter(provenance_from(stored).values())) if stored else None)


def _made(details: Mapping[str, Any]) -> Iterable[RecordRef]:
    """Yield the records that this line of the audit says were made."""
    for reason in details.get("reasons", ()):
        words = str(reason.get("text", "")).removesuffix("; linked").split(" ")
        if words[:2] == ["created", "in"] and len(words) == 6:
            ref = RecordRef(words[2], words[4], words[5])
            if reason == reason_row(created(ref)):
                yield ref


def _ledgers(snapshot: Connection, found: Mapping[str, Traces]) -> None:
    rows = [row for traces in found.values() for row in traces.rows]
    for one in snapshot.execute(sa.select(touches).where(touches.c.event.in_(rows))):
        if one.lead_id in found:
            found[one.lead_id].touches.append(Touch(one.at, one.fields))
    for one in snapshot.execute(sa.select(activities).where(activities.c.event.in_(rows))):
        if one.lead_id in found:
            found[one.lead_id].activities.append(Activity(one.kind, one.at, one.detail))


def _others(snapshot: Connection, found: Mapping[str, Traces]) -> None:
    e = engagements.c
    theirs = sa.select(e.lead_id, e.connection, sa.func.count()).where(
        e.lead_id.in_(found), e.is_ours.is_(False)
    )
    for lead_id, connection, number in snapshot.execute(theirs.group_by(e.lead_id, e.connection)):
        found[lead_id].since[f"a call, mail, meeting or task in {connection}"] += number
    into = sa.select(merged_leads.c.into).where(merged_leads.c.into.in_(found))
    for lead_id in snapshot.execute(into).scalars():
        found[lead_id].is_joined = True
    for lead_id in snapshot.execute(
        sa.select(deal_parties.c.lead_id).where(deal_parties.c.lead_id.in_(found)).distinct()
    ).scalars():
        found[lead_id].since.setdefault(WORDS_OF_PEOPLE[EventKind.DEAL], 1)


# What there is to take back ---------------------------------------------------------------


def leads_of(snapshot: Connection, space: str, batch: str) -> list[str]:
    """Return the leads with whom a batch has left rows, in the order in which they came."""
    asked = (
        sa.select(_E.lead_id, sa.func.min(_E.id).label("first"))
        .where(_is_row(space, batch), _E.lead_id.is_not(None))
        .group_by(_E.lead_id)
        .order_by("first")
    )
    return [row.lead_id for row in snapshot.execute(asked)]


def rows_aside(snapshot: Connection, space: str, batch: str) -> list[int]:
    """Return the rows of a batch that became nobody."""
    asked = sa.select(_E.id).where(
        _is_row(space, batch), _E.lead_id.is_(None), _E.state != str(EventState.WAITING)
    )
    return list(snapshot.execute(asked.order_by(_E.id)).scalars())


def undone_before(snapshot: Connection, space: str, batch: str) -> Counter[str]:
    """Return how often each lead of a batch was to be taken back before: a next time is another event."""
    asked = sa.select(_E.payload).where(
        _E.space == space, _E.batch == batch, sa.text("batch IS NOT NULL"), _E.kind == str(EventKind.UNDO)
    )
    asked = asked.where(_E.state != str(EventState.WAITING))
    return Counter(str(row.payload.get("lead_id") or "") for row in snapshot.execute(asked))


def _is_row(space: str, batch: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        _E.space == space,
        _E.batch == batch,
        sa.text("batch IS NOT NULL"),
        _E.kind.in_(ROWS),
    )


# The list -----------------------------------------------------------------------------------


@dataclass(slots=True)
class Listed:
    """A file that was taken in, as ``leadrelay import list`` shows it."""

    batch: str
    source: str
    file: str
    by: str
    basis: str
    at: datetime
    rows: Counter[str] = field(default_factory=Counter)  # where they ended: number
    taken_back: int = 0  # leads and rows of which its share was taken back
    being_taken_back: int = 0
    is_again: bool = False  # rows of it were taken in after it had been taken back

    @property
    def state(self) -> str:
        """How far it is: being taken in, taken in, being taken back, taken back or in part."""
        if self.being_taken_back:
            return "being taken back"
        if self.rows[EventState.WAITING]:
            return "being taken in"
        if self.taken_back and not self.is_again:
            return "partly taken back" if self.rows.total() else "taken back"
        return "taken in"

    def as_json(self) -> dict[str, Any]:
        """Return what ``--json`` shows."""
        told = {name: getattr(self, name) for name in ("batch", "source", "file", "by", "basis")}
        more = {"rows": dict(sorted(self.rows.items())), "taken_back": self.taken_back, "state": self.state}
        return {**told, "at": to_text(self.at), **more}


def listed(snapshot: Connection, space: str, batch: str = "") -> list[Listed]:
    """Return the batches of which anything is known, the newest first; or the one."""
    here = sa.and_(_E.space == space, sa.text("batch IS NOT NULL"))
    if batch:
        here = sa.and_(here, _E.batch == batch)
    counts = (
        sa.select(_E.batch, _E.kind, _E.state, sa.func.count(), sa.func.min(_E.id), sa.func.max(_E.id))
        .where(here)
        .group_by(_E.batch, _E.kind, _E.state)
    )
    found: dict[str, Listed] = {}
    firsts: dict[str, int] = {}
    lasts: dict[tuple[str, bool], int] = {}
    numbers: list[tuple[str, str, str, int]] = []
    for name, kind, state, number, first, last in snapshot.execute(counts):
        numbers.append((name, kind, state, int(number)))
        firsts[name] = min(first, firsts.get(name, first))
        is_row = kind in ROWS
        lasts[name, is_row] = max(last, lasts.get((name, is_row), last))
    rows = snapshot.execute(
        sa.select(_E.batch, _E.source, _E.payload, _E.received_at).where(_E.id.in_(sorted(firsts.values())))
    )
    for row in rows:
        told = row.payload.get(IMPORT) or {}  # blank once its term has passed
        file, by, basis = (str(told.get(name) or "") for name in ("file", "by", "basis"))
        at = from_text(str(told["at"])) if told.get("at") else row.received_at  # said by what takes it back
        found[row.batch] = Listed(row.batch, row.source, file, by, basis, at)
    for name, kind, state, number in numbers:
        one = found[name]
        if kind in ROWS:
            one.rows[state] += number if state != EventState.REPLAYED else 0
        elif state == EventState.WAITING:
            one.being_taken_back += number
        else:
            one.taken_back += number
            one.is_again = lasts.get((name, True), 0) > lasts[name, False]
    return sorted(found.values(), key=lambda one: (one.at, one.batch), reverse=True)
