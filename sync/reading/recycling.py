"""Looks through a CRM's recycle bin for records of ours: a search does not show what was deleted.

A webhook tells of a deletion at once, where there is one; this finds what it did not. A page a step,
once an hour: HubSpot lists archived records only whole, a hundred a call.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.engine import Connection

from connectors.base import Connector
from mappings.playbook import Playbook
from model.change import Record
from model.errors import Conflict, ConnectorError, NotAuthorized, Refusal, RetryLater
from model.event import Event, RecordRef
from model.faults import mark_of, plain
from model.lead import Link
from model.listing import Listed
from model.times import Clock
from sync import cursors, fetches, inbox, links, mirror
from sync.cursors import ARCHIVED, Cursor
from sync.database import Store
from sync.reading import backfill
from sync.reading.backfill import FIRST_WAIT, LONGEST_WAIT, REFUSED_WAIT, Step
from sync.reading.polling import changed_event

log = structlog.get_logger("leadrelay.poll")

EVERY = timedelta(hours=1)
SHARE = timedelta(seconds=10)  # at least so long after a walk for each of its pages: a bin may be very long


@dataclass(frozen=True, slots=True)
class Told:
    """What a page of the bin tells.

    ``events``: records are gone which somebody is linked to. ``nobodys``: the records that nobody is linked
    to. ``wishes``: linked records that were merged into a deleted one before anybody here heard of the
    merge; they are read, and one that leads elsewhere by now, or is gone, says so itself.
    """

    events: Sequence[Event]
    nobodys: Sequence[RecordRef] = ()
    wishes: Sequence[fetches.Wish] = ()


@dataclass(slots=True)
class RecycleBin:
    """Walks through the recycle bin of one connection, object after object."""

    connector: Connector
    store: Store
    clock: Clock
    playbook: Callable[[], Playbook]
    space: str = "main"
    _due_at: dict[str, datetime] = field(default_factory=dict, init=False)
    _failures: int = field(default=0, init=False)
    _pages: dict[str, int] = field(default_factory=dict, init=False)  # of the walk under way

    def step(self) -> Step | None:
        """Look at one page; ``None`` while nothing is due. Raises ``StoreBusy``."""
        now = self.clock.now()
        due = [name for name in self._objects() if self._due_at.setdefault(name, now) <= now]
        if not due:
            return None
        cursor = self._cursor(due[0], now)
        try:
            page = self.connector.archived_page(cursor.object, cursor.after)
        except ConnectorError as error:
            if isinstance(error, Refusal) and cursor.after is not None:
                return self._begun_anew(cursor, error, now)
            return self._failed(cursor, str(error), error, now)
        except Exception as error:  # whatever a broken answer does to us, the walk goes on later
            log.exception(
                "poll.page_failed",
                connection=cursor.connection,
                object=cursor.object,
                fault=mark_of(error),
            )
            return self._failed(cursor, plain(error), error, now)
        self._failures = 0
        told = self._told(page.listed, now)
        at = self.clock.now()
        after = replace(
            cursor,
            after=page.after,
            seen=cursor.seen + len(told.events),
            problem=None,
            moved_at=at,
            finished_at=max(at, cursor.begun_at) if page.after is None else cursor.finished_at,
        )

        def save(connection: Connection) -> None:
            cursors.move(connection, self.space, cursor, after)
            mirror.archive_seen(connection, self.space, told.nobodys, now)
            fetches.raise_wanted(connection, self.space, told.wishes, now)
            inbox.insert_new(connection, told.events)

        try:
            self.store.write(save)
        except Conflict:  # another process looks here
            self._due_at[cursor.object] = now + EVERY
            return Step(cursor.object)
        if told.events:
            self.store.signals.announce("inbox")
        if told.wishes:
            self.store.signals.announce(f"follow:{cursor.connection}")
        pages = self._pages[cursor.object] = self._pages.get(cursor.object, 0) + 1
        if page.after is None:
            self._due_at[cursor.object] = at + max(EVERY, pages * SHARE)
            self._pages[cursor.object] = 0
        return Step(cursor.object, len(told.events))

    def _objects(self) -> Collection[str]:
        return backfill.wanted(self.connector, self.playbook())

    def _cursor(self, object_type: str, now: datetime) -> Cursor:
        with self.store.snapshot() as snapshot:
            known = cursors.find(snapshot, self.space, self.connector.name, ARCHIVED, object_type)
        if known is not None and known.is_walking:
            return known
        cursor = known.again(now) if known else Cursor(self.connector.name, ARCHIVED, object_type, now, now)
        self.store.write(lambda connection: cursors.begin(connection, self.space, cursor, anew=True))
        return cursor

    def _told(self, listed: Sequence[Listed], now: datetime) -> Told:
        """Read what a page tells; one query for each kind of link."""
        refs = [each for one in listed for each in (one.record.ref, *_former(one))]
        with self.store.snapshot() as snapshot:
            held = links.of_records(snapshot, self.space, refs)
        unknown = [one.record for one in listed if _is_linked(held, one.record.ref)]
        gone = (Record(one.ref, {}, one.modified_at, archived=True) for one in unknown)
        former = [ref for one in listed for ref in _former(one) if _is_linked(held, ref)]
        return Told(
            [changed_event(one, now, now, self.space) for one in gone],
            [one.record.ref for one in listed if one.record.ref not in held],
            [fetches.Wish(ref.connection, ref.object, ref.id) for ref in former],
        )

    def _begun_anew(self, cursor: Cursor, error: Refusal, now: datetime) -> Step:
        """Go back to the beginning: the CRM takes the place no more where the walk stands."""
        anew = replace(cursor.again(now), problem=str(error))
        self.store.write(lambda connection: cursors.begin(connection, self.space, anew, anew=True))
        self._pages[cursor.object] = 0
        self._due_at[cursor.object] = now + EVERY  # another walk may be refused at the same place
        log.warning("poll.waits", connection=cursor.connection, object=cursor.object, reason=str(error))
        return Step(cursor.object, wait=EVERY.total_seconds(), problem=str(error))

    def _failed(self, cursor: Cursor, problem: str, error: Exception, now: datetime) -> Step:
        self._failures += 1
        usual = REFUSED_WAIT if isinstance(error, NotAuthorized) else FIRST_WAIT
        wait = min(LONGEST_WAIT, usual * 2 ** min(self._failures - 1, 10))
        if isinstance(error, RetryLater) and error.wait is not None:
            wait = error.wait
        self._due_at[cursor.object] = now + timedelta(seconds=wait)
        if problem != cursor.problem:  # once, not at every try while a CRM is away
            log.warning("poll.waits", connection=cursor.connection, object=cursor.object, reason=problem)
            noted = replace(cursor, problem=problem, moved_at=now)
            with suppress(Conflict):  # another process looks here: what it met stands
                self.store.write(partial(cursors.move, space=self.space, before=cursor, now=noted))
        return Step(cursor.object, wait=wait, problem=problem)


def _former(one: Listed) -> Iterator[RecordRef]:
    return (replace(one.record.ref, id=each) for each in one.record.merged_ids)


def _is_linked(held: Mapping[RecordRef, Link], ref: RecordRef) -> bool:
    """Say whether somebody is linked to a record, and does not know that it is gone."""
    return (link := held.get(ref)) is not None and link.gone_at is None
