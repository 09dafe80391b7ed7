"""Follows what is done with people in a CRM: calls, mails, meetings, tasks, campaigns; one event a lead.

It walks as ``polling`` does. Nothing is kept of those who are no leads (when a person becomes one,
sweeps tell what was done with them shortly before), nor of tasks that leadrelay opened and nobody has
done. An event's id follows from what its record says, so that what is read again is told once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from mappings.engagements import ASKED, asked, is_untouched
from mappings.playbook import Polling
from model.change import Record
from model.engagement import Engagement, Standing
from model.event import Event, EventKind, JsonValue, RecordRef
from model.listing import Changes, Listed
from sync import cursors, engagements, inbox, links
from sync.cursors import ARCHIVED, POLL, UNOWNED, Cursor
from sync.deciding.engaging import ABOUT_OTHERS
from sync.reading.backfill import Step, is_storable
from sync.reading.polling import Poll, Walk
from sync.reading.recycling import RecycleBin, Told
from sync.reading.sighting import Strangers
from sync.records import record_payload
from sync.tables import to_json


@dataclass(slots=True)
class EngagementPoll(Poll):
    """Follows the engagements of one connection that its map names under ``poll:``."""

    _followed: frozenset[str] | None = field(default=None, init=False)  # what the map named last

    def step(self) -> Step:
        """Read and store one page, as ``Poll.step``; what the map names no more is forgotten first.

        Named again, it is followed from then on.
        """
        crm = self.playbook().crms[self.name]
        named = frozenset(crm.polling.activities)
        if named != self._followed:
            left_out = sorted(ASKED[crm.kind].keys() - named)
            jobs = (POLL, ARCHIVED, UNOWNED)
            with self.store.snapshot() as snapshot:
                known = [one for one in cursors.load(snapshot, self.space, self.name) if one.job in jobs]
            if any(one.object in left_out for one in known):
                self.store.write(lambda c: cursors.forget(c, self.space, self.name, jobs, left_out))
            self._followed = named
            self._walks = {name: walk for name, walk in self._walks.items() if name in named}
        return Poll.step(self)

    def _page(self, object_type: str, names: Sequence[str], walk: Walk) -> Step:
        """Read and store a page once all that was told is decided: news is what differs from what is kept."""
        with self.store.snapshot() as snapshot:
            if inbox.has_waiting(snapshot, self.space, self.name, EventKind.ENGAGEMENT):
                return Step(object_type, wait=inbox.BUSY_WAIT)
        return Poll._page(self, object_type, names, walk)

    def _objects(self) -> Mapping[str, tuple[str, ...]]:
        crm = self.playbook().crms[self.name]
        return {name: asked(crm, name) for name in crm.polling.activities}

    def _rules(self, object_type: str) -> Polling:
        rules = self.playbook().crms[self.name].polling
        every = rules.activities.get(object_type, rules.every)
        return replace(rules, every=every, sweep_every=max(every, rules.sweep_every))

    def _mind_strangers(self, cursor: Cursor, walk: Walk, is_unowned: bool, now: datetime) -> None:
        """Note nothing: what was done with strangers is left out whether owners are known or not."""

    def _ask(
        self, object_type: str, names: Sequence[str], position: str | None, overlap: timedelta
    ) -> Changes:
        return self.connector.engagements(object_type, names, position, overlap=overlap.total_seconds())

    def _store(
        self,
        cursor: Cursor,
        changes: Changes,
        absent: tuple[str, ...],
        read_at: datetime,  # noqa: ARG002 - the event says by which version it was
        *,
        moves: bool,
        strangers: Strangers,  # noqa: ARG002 - nobody's are never told
    ) -> int:
        """Store a page: events and cursor in one transaction; return how many were told."""
        now = self.clock.now()
        crm = self.playbook().crms[self.name]
        listed = [one for one in changes.listed if is_storable(one) and not is_untouched(one.record, crm)]
        with self.store.snapshot() as snapshot:
            events = list(news(snapshot, self.space, listed, now)) if listed else []
        after = replace(cursor, absent=absent, moved_at=now)
        if moves:
            after = replace(
                after,
                after=changes.position,
                seen=cursor.seen + len(changes.listed),
                skipped=cursor.skipped + changes.skipped,
                problem=None,
                finished_at=now if changes.is_drained and cursor.after is not None else cursor.finished_at,
            )
        is_moved = moves or absent != cursor.absent

        def save(connection: Connection) -> int:
            if is_moved:
                cursors.move(connection, self.space, cursor, after)
            receipts = inbox.insert_new(connection, events)
            return sum(not receipt.duplicate for receipt in receipts)

        told = self.store.write(save) if is_moved or events else 0
        if told:
            self.store.signals.announce("inbox")
        return told


@dataclass(slots=True)
class EngagementBin(RecycleBin):
    """Looks through the recycle bin for engagements of leads."""

    def _objects(self) -> Collection[str]:
        return self.playbook().crms[self.connector.name].polling.activities

    def _told(self, listed: Sequence[Listed], now: datetime) -> Told:
        """Read what a page tells of leads; the mirror holds no engagements."""
        with self.store.snapshot() as snapshot:
            return Told(list(news(snapshot, self.space, listed, now)) if listed else [])


def news(snapshot: Connection, space: str, listed: Sequence[Listed], now: datetime) -> Iterator[Event]:
    """Yield an event for each lead of whom a record of one object says what is not known yet; two queries."""
    ref = listed[0].record.ref
    whose = _holders(snapshot, space, {each for one in listed for each in one.about})
    kept = engagements.holders(
        snapshot, space, ref.connection, ref.object, [one.record.ref.id for one in listed]
    )
    for one in listed:
        known = kept.get(one.record.ref.id, {})
        version = version_of(one.record)
        for lead_id, about_others in _concerned(one, known, whose):
            before = known.get(lead_id)
            if _is_news(before, version, is_over=one.record.archived or about_others):
                payload: dict[str, JsonValue] = {"lead_id": lead_id, "version": version}
                payload |= {ABOUT_OTHERS: True} if about_others else {}
                yield _event(one.record, payload, before, now, space)


def _holders(snapshot: Connection, space: str, people: Collection[RecordRef]) -> dict[RecordRef, str]:
    """Return whose records these are; those of nobody are left out."""
    by_object: dict[tuple[str, str], list[str]] = {}
    for ref in people:
        by_object.setdefault((ref.connection, ref.object), []).append(ref.id)
    return {
        RecordRef(name, object_type, remote_id): lead_id
        for (name, object_type), ids in by_object.items()
        for remote_id, lead_id in links.LEADS.holders(snapshot, space, name, object_type, ids).items()
    }


def _concerned(
    one: Listed, known: Mapping[str, Engagement], whose: Mapping[RecordRef, str]
) -> Iterator[tuple[str, bool]]:
    """Yield the leads whom a record concerns; and those no longer (true), where it is about other leads now.

    One that names nobody, or somebody who is not known, withdraws nothing: its people may just have been
    merged.
    """
    if one.record.archived:
        yield from ((lead_id, False) for lead_id in known)
        return
    leads = dict.fromkeys(whose[each] for each in one.about if each in whose)
    yield from ((lead_id, False) for lead_id in leads)
    if leads and all(each in whose for each in one.about):
        yield from ((lead_id, True) for lead_id in known if lead_id not in leads)


def _is_news(known: Engagement | None, version: str, *, is_over: bool) -> bool:
    if is_over:
        return known is not None and known.standing is not Standing.DELETED
    return known is None or known.version != version or known.standing is Standing.DELETED


def version_of(record: Record) -> str:
    """Return a hash of what a record says: Salesforce's stamps are whole seconds, so they do not do."""
    said = [dict(record.fields), record.archived, str(record.modified_at)]
    return hashlib.sha256(to_json(said).encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _event(
    record: Record, payload: Mapping[str, JsonValue], known: Engagement | None, now: datetime, space: str
) -> Event:
    """Build an event whose id follows from what is told, and from what was known when it was seen."""
    ref = record.ref
    told = to_json([payload, known.event if known else 0])
    mark = hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:24]
    return Event(
        source=ref.connection,
        event_id=f"engagement-{ref.object}-{ref.id}-{mark}",
        kind=EventKind.ENGAGEMENT,
        payload={"record": record_payload(record), **payload},
        occurred_at=min(record.modified_at or now, now),
        received_at=now,
        space=space,
        record=ref,
    )
