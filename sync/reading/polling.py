"""Reads what has changed in a CRM: a page a step, stored in one transaction with how far it has come.

The mirror gets every record seen, the inbox one ``changed`` event for each that says something
new. Killed at any moment, a walk goes on behind the last page that was stored: nothing is missed,
nothing is told twice. Now and then a longer stretch before the position is read again, for what
was written there and came to be seen late (Salesforce: a transaction that took minutes; HubSpot: its
search lags behind).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.engine import Connection

from connectors.base import Connector
from mappings.playbook import Playbook, Polling
from model.change import Record
from model.errors import Conflict, ConnectorError, NotAuthorized, RetryLater, StoreBusy
from model.event import Event, EventKind
from model.faults import mark_of, plain
from model.listing import Changes
from model.times import Clock, to_text
from sync import cursors, fetches, inbox, mirror
from sync.cursors import POLL, UNOWNED, Cursor
from sync.database import Store
from sync.reading import backfill
from sync.reading.backfill import FIRST_WAIT, LONGEST_WAIT, REFUSED_WAIT, Step
from sync.reading.sighting import Roles, Sighting, Strangers
from sync.records import record_payload
from sync.tables import to_json
from sync.teammates import known_rosters

log = structlog.get_logger("leadrelay.poll")

NOTHING_WAIT = 60.0  # seconds until it is looked again whether anything is to be followed
OWNERS_WAIT = timedelta(seconds=5)  # until it is looked again whether a connection's owners are known
OWNERS_PATIENCE = timedelta(minutes=10)  # then what changes is followed without them


@dataclass(slots=True)
class Walk:
    """When an object is looked at next, and how far a sweep of it has come."""

    due_at: datetime
    pages: int = 0  # read so far; of two that are due at once the other one is next
    failures: int = 0
    sweep_due_at: datetime | None = None
    sweep: str | None = None  # the position within a sweep under way
    swept_at: datetime | None = None  # when the last sweep began, or the last look that was as long as one
    is_drained: bool = False  # the last look came to its end
    asks_anew: bool = True  # for names that were absent, too: by the first look of a process and by sweeps
    mark: str | None = None  # the position at which the last look came to its end
    met_at: datetime | None = None  # when a look first came to its end there
    is_quiet: bool = False  # nothing newer came for long enough that nothing is seen late by a look
    is_last_sweep: bool = False  # it began so late that none need follow until something newer comes
    swept: str | None = None  # the position up to which a sweep need not be done again
    leaves_out: bool = False  # strangers, and from where on is noted
    owed: bool | None = None  # what was left out is read again; ``None``: it is not known yet whether any was


@dataclass(slots=True)
class Poll:
    """Follows the changes of one connection. It does not know who calls it."""

    connector: Connector
    store: Store
    clock: Clock
    playbook: Callable[[], Playbook]
    space: str = "main"
    _walks: dict[str, Walk] = field(default_factory=dict, init=False)
    _knows_owners: bool = field(default=False, init=False)

    @property
    def name(self) -> str:
        """The connection's name."""
        return self.connector.name

    def step(self) -> Step:
        """Read and store one page of what has changed; ``wait`` of the answer says until when nothing is due.

        What fails is noted on its cursor and tried again after a while; other objects go on
        meanwhile. Raises ``StoreBusy``.
        """
        now = self.clock.now()
        objects = self._objects()
        if not objects:
            return Step("", wait=NOTHING_WAIT)
        for object_type in objects:
            self._walks.setdefault(object_type, Walk(now))
        object_type = min(objects, key=lambda each: (self._walks[each].due_at, self._walks[each].pages))
        walk = self._walks[object_type]
        if walk.due_at > now:
            return Step(object_type, wait=(walk.due_at - now).total_seconds())
        with self.store.snapshot() as snapshot:
            if inbox.is_busy(snapshot, self.space):
                return Step(object_type, wait=inbox.BUSY_WAIT)
            self._knows_owners = self._knows_owners or self.name in known_rosters(snapshot, self.space)
        try:
            return self._page(object_type, objects[object_type], walk)
        except Conflict:  # another process walks here
            walk.due_at = self.clock.now() + self._rules(object_type).every
            return Step(object_type)

    def look_now(self) -> None:
        """Let every object be looked at by the next steps."""
        now = self.clock.now()
        for walk in self._walks.values():
            walk.due_at = min(walk.due_at, now)

    def _objects(self) -> Mapping[str, tuple[str, ...]]:
        """Return what is followed: object -> fields; who takes part in deals, where that is an object."""
        playbook = self.playbook()
        role = playbook.crms[self.name].role if playbook.keeps_deals else None
        roles = {role.object: (role.deal_field,)} if role else {}
        return {**backfill.wanted(self.connector, playbook), **roles}

    def _rules(self, _object_type: str) -> Polling:
        """Return how an object is followed."""
        return self.playbook().crms[self.name].polling

    def _ask(
        self, object_type: str, names: Sequence[str], position: str | None, overlap: timedelta
    ) -> Changes:
        """Read a page. Raises ``ConnectorError``."""
        return self.connector.changes(object_type, names, position, overlap=overlap.total_seconds())

    def _page(self, object_type: str, names: Sequence[str], walk: Walk) -> Step:
        begun = self.clock.now()
        cursor = self._cursor(object_type, names, begun)
        is_first = cursor.after is not None and cursor.finished_at is None
        is_unowned = cursor.finished_at is not None and not self._knows_owners
        if is_unowned and begun - cursor.begun_at < OWNERS_PATIENCE:
            walk.due_at = begun + OWNERS_WAIT  # whose a stranger is cannot be said yet
            return Step(object_type)
        self._mind_strangers(cursor, walk, is_unowned, begun)
        is_due = walk.sweep_due_at is not None and walk.sweep_due_at <= begun and walk.is_drained
        begins = is_due and walk.sweep is None and walk.swept != cursor.after
        sweeping = cursor.after is not None and (walk.sweep is not None or begins)
        asks_anew = begins or (cursor.after is not None and walk.asks_anew)
        absent = () if asks_anew else cursor.absent
        asked = [name for name in names if name not in absent]
        position = (walk.sweep or cursor.after) if sweeping else cursor.after
        overlap = self._overlap(cursor, walk, begun, is_long=sweeping or is_first or walk.swept_at is None)
        try:
            changes = self._ask(object_type, asked, position, overlap)
            absent = tuple(dict.fromkeys((*absent, *changes.absent)))
            strangers = Strangers.LATER if is_unowned else Strangers.OLD if is_first else Strangers.NEWS
            told = self._store(cursor, changes, absent, begun, moves=not sweeping, strangers=strangers)
        except (Conflict, StoreBusy):
            raise
        except ConnectorError as error:
            return self._failed(cursor, walk, str(error), error)
        except Exception as error:  # whatever a broken answer does to us, other objects go on
            fault = mark_of(error)
            log.exception("poll.page_failed", connection=self.name, object=object_type, fault=fault)
            return self._failed(cursor, walk, plain(error), error)
        if cursor.after is not None:  # else the first look follows at once: what it shows was there before
            self._move_on(cursor, walk, changes, begun, sweeping=sweeping)
        if walk.owed and sweeping and changes.is_drained:
            forget = partial(cursors.forget, space=self.space, name=self.name, jobs=[UNOWNED])
            self.store.write(partial(forget, objects=[object_type]))
            walk.owed = False
        return Step(object_type, told)

    def _mind_strangers(self, cursor: Cursor, walk: Walk, is_unowned: bool, now: datetime) -> None:
        """Note from where strangers are left out; once the owners are known, read again from there."""
        if cursor.finished_at is None or walk.owed is not None or (is_unowned and walk.leaves_out):
            return
        if is_unowned:
            noted = replace(cursor, job=UNOWNED, begun_at=now, moved_at=now, finished_at=None, problem=None)
            self.store.write(partial(cursors.begin, space=self.space, cursor=noted))
            log.warning("poll.without_owners", connection=self.name, object=cursor.object)
            walk.leaves_out = True
            return
        with self.store.snapshot() as snapshot:
            since = cursors.find(snapshot, self.space, self.name, UNOWNED, cursor.object)
        walk.owed = since is not None
        if since is not None:
            walk.sweep = since.after

    def _overlap(self, cursor: Cursor, walk: Walk, now: datetime, *, is_long: bool) -> timedelta:
        """Return how much is read again: nothing where no change came since what is seen late was seen.

        A sweep reaches ``sweep_overlap`` behind the last one, however long that is ago: else what came to be
        seen in between, stamped that much earlier, would be met by neither. When another process swept
        is not known, and taken to be ``sweep_every`` ago.
        """
        if is_long:
            rules = self._rules(cursor.object)
            return rules.sweep_overlap + (now - walk.swept_at if walk.swept_at else rules.sweep_every)
        is_quiet = walk.is_quiet and walk.mark == cursor.after
        return timedelta(0) if is_quiet else self._rules(cursor.object).overlap

    def _cursor(self, object_type: str, names: Sequence[str], now: datetime) -> Cursor:
        with self.store.snapshot() as snapshot:
            known = cursors.find(snapshot, self.space, self.name, POLL, object_type)
        if known is None:
            known = Cursor(self.name, POLL, object_type, now, now, fields=tuple(names))
            self.store.write(partial(cursors.begin, space=self.space, cursor=known))
        if known.fields != tuple(names):  # another playbook: what was absent may be there now
            known = replace(known, fields=tuple(names), absent=())
        return known

    def _store(
        self,
        cursor: Cursor,
        changes: Changes,
        absent: tuple[str, ...],
        read_at: datetime,
        *,
        moves: bool,
        strangers: Strangers,
    ) -> int:
        """Store a page: mirror, cursor and events in one transaction; return how many were told."""
        crm, now = self.playbook().crms[self.name], self.clock.now()
        listed = [backfill.filled(one, absent) for one in changes.listed if backfill.is_storable(one)]
        is_role = crm.role is not None and cursor.object == crm.role.object
        with self.store.snapshot() as snapshot:
            page = (Roles if is_role else Sighting).of(
                snapshot, self.space, crm, listed, strangers=strangers, again=not moves
            )
        events = [changed_event(one.record, read_at, now, self.space) for one in page.news]
        wishes = page.deals
        after = replace(
            cursor,
            after=changes.position,
            absent=absent,
            seen=cursor.seen + len(events),
            skipped=cursor.skipped + changes.skipped,
            problem=None,
            moved_at=now,
            finished_at=now if changes.is_drained and cursor.after is not None else cursor.finished_at,
        )

        if not moves:  # a sweep leaves the position where it is
            after = replace(cursor, absent=absent, moved_at=now)
        is_moved = moves or absent != cursor.absent

        def save(connection: Connection) -> None:
            if is_moved:
                cursors.move(connection, self.space, cursor, after)
            mirror.write_page(connection, self.space, page.fresh, read_at, page.told)
            fetches.raise_wanted(connection, self.space, wishes, now)
            inbox.insert_new(connection, events)

        if is_moved or page.fresh:
            self.store.write(save)
        if wishes:
            self.store.signals.announce(f"follow:{self.name}")
        if events:
            self.store.signals.announce("inbox")
        return len(events)

    def _move_on(
        self, cursor: Cursor, walk: Walk, changes: Changes, now: datetime, *, sweeping: bool
    ) -> None:
        """Say when the object is looked at next, and by which walk.

        One that has pages left waits behind the others that are due: a long walk of one holds up none.
        """
        rules = self._rules(cursor.object)
        walk.failures, walk.due_at, walk.asks_anew = 0, self.clock.now(), False
        walk.pages += 1
        if sweeping:
            if walk.sweep is None:  # its first page
                walk.is_last_sweep = _is_past(walk, cursor.after, now - rules.sweep_overlap)
                walk.swept_at = now
            walk.sweep = None if changes.is_drained else changes.position
            if changes.is_drained:
                walk.sweep_due_at = now + rules.sweep_every
                walk.swept = cursor.after if walk.is_last_sweep else None
            return
        walk.sweep_due_at = walk.sweep_due_at or now + rules.sweep_every
        walk.is_drained = changes.is_drained
        if changes.is_drained:
            walk.due_at = now + rules.every
            # What ended may have been begun by another process: the next look is as long as a sweep, too.
            if walk.swept_at is None and (cursor.finished_at is None or walk.mark is not None):
                walk.swept_at = now
            if walk.mark != changes.position:
                walk.mark, walk.met_at, walk.is_quiet = changes.position, now, False
            walk.is_quiet = _is_past(walk, changes.position, now - rules.overlap)

    def _failed(self, cursor: Cursor, walk: Walk, problem: str, error: Exception) -> Step:
        """Note a page that could not be read, and when it is to be tried again."""
        walk.failures += 1
        usual = REFUSED_WAIT if isinstance(error, NotAuthorized) else FIRST_WAIT
        wait = min(LONGEST_WAIT, usual * 2 ** min(walk.failures - 1, 10))
        if isinstance(error, RetryLater) and error.wait is not None:
            wait = error.wait
        now = self.clock.now()
        walk.due_at = now + timedelta(seconds=wait)
        if problem != cursor.problem:  # once, not at every try while a CRM is away
            log.warning("poll.waits", connection=self.name, object=cursor.object, reason=problem)
            noted = replace(cursor, problem=problem, moved_at=now)
            self.store.write(lambda connection: cursors.move(connection, self.space, cursor, noted))
        return Step(cursor.object, wait=wait, problem=problem)


def _is_past(walk: Walk, position: str | None, then: datetime) -> bool:
    """Say whether a look came to its end at this position before ``then``."""
    return walk.mark == position and walk.met_at is not None and walk.met_at < then


def changed_event(
    record: Record,
    read_at: datetime,
    now: datetime,
    space: str,
    *,
    by_id: bool = False,
    history: bool = False,
    is_mend: bool = False,
) -> Event:
    """Return the event that a record is now as it was read; ``by_id``: not by a search, which may lag.

    ``history``: what there is of its fields' history was read with it. ``is_mend``: it was read because a
    reconcile asked for it.

    Its id follows from what was read and when: the same seen twice is one event.
    """
    ref = record.ref
    payload = {"record": record_payload(record), "read_at": to_text(read_at), "by_id": by_id}
    payload |= {"history": True} if history else {}
    payload |= {"is_mend": True} if is_mend else {}
    seen = hashlib.sha256(to_json(payload).encode("utf-8", "surrogatepass")).hexdigest()[:24]
    return Event(
        source=ref.connection,
        event_id=f"changed-{ref.object}-{ref.id}-{seen}",
        kind=EventKind.CHANGED,
        payload=payload,
        occurred_at=min(record.modified_at or read_at, now),
        received_at=now,
        space=space,
        record=ref,
    )
