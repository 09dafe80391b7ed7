"""People's records that were deleted in a CRM: counted by the brake, held for a person, let take effect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mappings.playbook import CrmMap, DeleteBrake
from model.decision import AnswerDeletion, NoteDeletion, NoteErasure, NoteRestored
from model.event import Event, EventKind, RecordRef
from model.times import to_text
from sync.database import insert_on
from sync.statements import execute_many
from sync.tables import deletions, leads, links

TOLD, DONE, HELD = "told", "done", "held"
RELEASED, DISMISSED, RESTORED = "released", "dismissed", "restored"
ANSWERED: Mapping[bool, str] = {True: RELEASED, False: DISMISSED}
SAMPLE = 10  # people of a held list that a page shows
PIECE = 500  # events of one word on many deletions that are stored at once

_D = deletions.c


@dataclass(frozen=True, slots=True)
class Deletion:
    """One record that was deleted, or of which a webhook says so (``told``)."""

    id: int
    ref: RecordRef
    lead_id: str
    at: datetime
    state: str
    is_erased: bool


@dataclass(slots=True)
class Standing:
    """What the decider knows of deletions: those of the records of a batch, and where the brake is on."""

    known: dict[RecordRef, Deletion] = field(default_factory=dict)
    by_id: dict[int, Deletion] = field(default_factory=dict)
    braked: dict[str, str] = field(default_factory=dict)  # connection -> why
    own: set[RecordRef] = field(default_factory=set)  # that leadrelay itself deletes, as somebody agreed

    def why_held(self, ref: RecordRef, *, is_new: bool) -> str:
        """Say why nothing follows from a deletion: the brake is on, or was when it was first seen."""
        if is_new:
            return self.braked.get(ref.connection, "")
        return "it is held" if ref in self.known and self.known[ref].state == HELD else ""

    def is_pending(self, ref: RecordRef) -> bool:
        """Say whether a deletion was named and not yet seen by a read of the record itself."""
        return ref in self.known and self.known[ref].state == TOLD

    def answered(self, number: int, *, accepts: bool) -> None:
        """Let later events of a batch know that a person has said their word on a deletion that was held."""
        one = replace(self.by_id[number], state=ANSWERED[accepts])
        self.known[one.ref] = self.by_id[number] = one

    def is_erased(self, ref: RecordRef) -> bool:
        """Say whether the CRM said that a record was erased for good."""
        return ref in self.known and self.known[ref].is_erased


# Read by the decider --------------------------------------------------------------------


def look(snapshot: Connection, space: str, refs: Iterable[RecordRef], ids: Iterable[int] = ()) -> Standing:
    """Read what is known of these records, and of deletions by their number."""
    found = Standing()
    by_connection: dict[str, set[str]] = {}
    for ref in refs:
        by_connection.setdefault(ref.connection, set()).add(ref.id)
    conditions: list[sa.ColumnElement[bool]] = [
        sa.and_(_D.connection == name, _D.record.in_(sorted(records)))
        for name, records in by_connection.items()
    ]
    if numbers := sorted(set(ids)):
        conditions.append(_D.id.in_(numbers))
    for condition in conditions:
        for row in snapshot.execute(sa.select(deletions).where(_D.space == space, condition)):
            ref = RecordRef(row.connection, row.object, row.record)
            one = Deletion(row.id, ref, row.lead_id, row.at, row.state, row.is_erased)
            found.known[ref] = found.by_id[row.id] = one
    return found


def why_braked(
    snapshot: Connection, space: str, name: str, brake: DeleteBrake, new: int, now: datetime
) -> str:
    """Say why nothing follows from ``new`` more deletions on a connection; blank where something does.

    What is held already holds what comes after it, until a person has looked.
    """
    here = sa.and_(_D.space == space, _D.connection == name)
    is_held = sa.select(_D.id).where(here, sa.text("state = 'held'")).limit(1)
    if snapshot.execute(is_held).first() is not None:
        return "earlier deletions wait for a person"
    recent = sa.select(sa.func.count()).where(here, _D.state == DONE, _D.at > now - brake.per)
    total = int(snapshot.execute(recent).scalar_one()) + new
    if total <= brake.FEW:
        return ""
    linked = sa.select(sa.func.count()).where(links.c.space == space, links.c.connection == name)
    limit = brake.limit(int(snapshot.execute(linked).scalar_one()))
    if total <= limit:
        return ""
    minutes = int(brake.per.total_seconds() // 60)
    return f"{total} deletions within {minutes} minutes are more than the {limit} of delete_brake"


def brake(
    snapshot: Connection,
    space: str,
    crms: Mapping[str, CrmMap],
    new: Mapping[str, int],
    now: datetime,
) -> dict[str, str]:
    """Return the connections whose brake is on, and why; ``new``: deletions that a batch brings."""
    found = {
        name: why_braked(snapshot, space, name, crms[name].delete_brake, number, now)
        for name, number in new.items()
        if name in crms
    }
    return {name: why for name, why in found.items() if why}


# Written by the decider -----------------------------------------------------------------


def save(connection: Connection, space: str, results: Iterable[Any], now: datetime) -> None:
    """Note what a batch learned of deletions, and what people said of those that were held."""
    noted: dict[RecordRef, dict[str, Any]] = {}
    erased: dict[RecordRef, dict[str, Any]] = {}
    for result in results:
        for effect in result.effects:
            match effect:
                case NoteDeletion(ref, state):
                    noted[ref] = _row(space, ref, now, state, lead_id=result.lead_id or "")
                case NoteErasure(ref):
                    erased[ref] = _row(space, ref, now, TOLD, is_erased=True)
                case NoteRestored(ref):
                    noted.pop(ref, None)
                    erased.pop(ref, None)
                    values = {"state": RESTORED, "is_erased": False}
                    connection.execute(sa.update(deletions).where(*_is(space, ref)).values(values))
                case AnswerDeletion(number, accepts, by):
                    held = sa.and_(_D.space == space, _D.id == number, _D.state == HELD)
                    values = {"state": ANSWERED[accepts], "by": by[:128]}
                    connection.execute(sa.update(deletions).where(held).values(values))
    execute_many(connection, _noting(connection.dialect.name), list(noted.values()))
    execute_many(connection, _noting_erasure(connection.dialect.name), list(erased.values()))


def forget(connection: Connection, lead_ids: Sequence[str]) -> None:
    """Leave of these leads' deletions only that there were some: the brake counts them."""
    connection.execute(sa.update(deletions).where(_D.lead_id.in_(lead_ids)).values(lead_id=""))


def _is(space: str, ref: RecordRef) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        _D.space == space,
        _D.connection == ref.connection,
        _D.object == ref.object,
        _D.record == ref.id,
    )


def _row(space: str, ref: RecordRef, now: datetime, state: str, **given: Any) -> dict[str, Any]:
    return {
        "space": space,
        "connection": ref.connection,
        "object": ref.object,
        "record": ref.id,
        "lead_id": "",
        "at": now,
        "state": state,
        "is_erased": False,
        "by": "",
        **given,
    }


KEY = ("space", "connection", "object", "record")


@cache
def _noting(dialect: str) -> sa.Insert:
    insert = insert_on(dialect, deletions)
    anew = {name: insert.excluded[name] for name in ("lead_id", "at", "state", "by")}
    statement: sa.Insert = insert.on_conflict_do_update(index_elements=KEY, set_=anew)
    return statement


@cache
def _noting_erasure(dialect: str) -> sa.Insert:
    insert = insert_on(dialect, deletions)
    statement: sa.Insert = insert.on_conflict_do_update(index_elements=KEY, set_={"is_erased": True})
    return statement


# Read by pages, commands and alarms -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Deletions of one connection from which nothing follows until a person says so."""

    connection: str
    records: int
    since: datetime
    last: int  # the number of the newest
    people: Sequence[tuple[str, str]] = ()  # some of them: lead id, address

    def as_json(self) -> dict[str, Any]:
        """Return what the read API and ``--json`` show."""
        people = [{"lead_id": lead_id, "email": email} for lead_id, email in self.people]
        return {
            "connection": self.connection,
            "records": self.records,
            "since": to_text(self.since),
            "last": self.last,
            "people": people,
        }


def held_back(snapshot: Connection, space: str, *, people: int = 0) -> list[HeldBack]:
    """Return what is held on each connection, with some of the people it is about."""
    asked = (
        sa.select(_D.connection, sa.func.count(), sa.func.min(_D.at), sa.func.max(_D.id))
        .where(_D.space == space, sa.text("state = 'held'"))
        .group_by(_D.connection)
        .order_by(_D.connection)
    )
    return [
        HeldBack(name, number, since, last, _people(snapshot, space, name, people) if people else ())
        for name, number, since, last in snapshot.execute(asked)
    ]


def _people(snapshot: Connection, space: str, name: str, number: int) -> list[tuple[str, str]]:
    asked = (
        sa.select(_D.lead_id, leads.c.email)
        .join_from(deletions, leads, leads.c.id == _D.lead_id, isouter=True)
        .where(_D.space == space, _D.connection == name, sa.text("deletions.state = 'held'"))
        .order_by(_D.id)
        .limit(number)
    )
    return [(row.lead_id, row.email or "") for row in snapshot.execute(asked)]


def answer_events(
    snapshot: Connection, space: str, name: str, last: int, *, accepts: bool, by: str, now: datetime
) -> list[Event]:
    """Return the events of a person's word on all that is held of a connection, up to the number ``last``."""
    asked = (
        sa.select(_D.id, _D.lead_id, _D.at)
        .where(_D.space == space, _D.connection == name, sa.text("state = 'held'"), _D.id <= last)
        .order_by(_D.id)
    )
    return [
        Event(
            source=name,
            event_id=f"deletion-{row.id}-{to_text(row.at)}-{accepts}",
            kind=EventKind.ANSWER,
            payload={"deletion": row.id, "lead_id": row.lead_id, "accepts": accepts, "by": by},
            occurred_at=now,
            received_at=now,
            space=space,
        )
        for row in snapshot.execute(asked)
    ]


def pieces(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    """Cut the events of a word into as many as are stored at once; broken off, the word is said again."""
    return (events[start : start + PIECE] for start in range(0, len(events), PIECE))
