"""Fills the mirror of one connection: a page a step, stored in one transaction with how far it has come.

Killed at any moment, a walk goes on behind the last page that was stored: no record is missing,
none is there twice, and at most one page is read again. Writes the mirror and its cursors, and
nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy.engine import Connection

from connectors.base import Connector
from mappings.playbook import CrmMap, Playbook
from model.errors import Conflict, NotAuthorized, RetryLater
from model.faults import mark_of, plain
from model.listing import Listed, Page
from model.times import Clock
from sync import cursors, mirror
from sync.cursors import BACKFILL, POLL, Cursor
from sync.database import Store

log = structlog.get_logger("leadrelay.backfill")

FIRST_WAIT = 2.0  # seconds after a page that failed, doubled each time
LONGEST_WAIT = 900.0
REFUSED_WAIT = 60.0  # the token is refused: a person must act
LONGEST_ID = 64  # of a record, as the tables hold it


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did; ``wait`` seconds are to pass before the next."""

    object: str
    records: int = 0
    wait: float = 0.0
    problem: str | None = None


@dataclass(slots=True)
class Backfill:
    """Walks through all records of one connection. It does not know who calls it."""

    connector: Connector
    store: Store
    clock: Clock
    playbook: Callable[[], Playbook]
    space: str = "main"
    _failures: dict[str, int] = field(default_factory=dict, init=False)  # object -> failures in a row
    _due_at: dict[str, datetime] = field(default_factory=dict, init=False)

    def step(self) -> Step | None:
        """Read and store the next page; ``None`` when everything is mirrored.

        What fails is noted on its cursor and tried again after a while; other objects go on
        meanwhile. Raises ``StoreBusy``.
        """
        now = self.clock.now()
        left = [one for one in self._cursors(now) if one.is_walking]
        if not left:
            return None
        due = [one for one in left if self._due_at.get(one.object, now) <= now]
        if not due:
            first = min(left, key=lambda one: self._due_at[one.object])
            wait = (self._due_at[first.object] - now).total_seconds()
            return Step(first.object, wait=wait, problem=first.problem)
        try:
            return self._page(due[0])
        except Conflict:  # another process walks here, or it was begun again
            return Step(due[0].object, wait=1.0)

    def _cursors(self, now: datetime) -> list[Cursor]:
        """Return the cursors of what is to be mirrored, in the order of the walk; begins those missing."""
        objects = wanted(self.connector, self.playbook())
        known = self._stored()
        missing = [
            Cursor(self.connector.name, BACKFILL, name, now, now) for name in objects if name not in known
        ]
        if missing:

            def begin(connection: Connection) -> None:
                for cursor in missing:
                    cursors.begin(connection, self.space, cursor)

            self.store.write(begin)
            known = self._stored()
        return [known[name] for name in objects if name in known]

    def _stored(self) -> dict[str, Cursor]:
        with self.store.snapshot() as snapshot:
            stored = cursors.load(snapshot, self.space, self.connector.name)
        return {one.object: one for one in stored if one.job == BACKFILL}

    def _page(self, cursor: Cursor) -> Step:
        names, absent = cursor.fields, cursor.absent  # the whole walk asks for the same
        if cursor.after is None:
            names, absent = wanted(self.connector, self.playbook())[cursor.object], ()
        asked = tuple(name for name in names if name not in absent)
        # Another machine, whose clock is ahead, may have begun the walk: what is read now is no older.
        read_at = max(self.clock.now(), cursor.begun_at)
        try:
            page = self.connector.list_page(cursor.object, asked, cursor.after)
        except (NotAuthorized, RetryLater) as error:
            return self._failed(cursor, str(error), error)
        except Exception as error:  # whatever a broken answer does to us, the walk goes on later
            log.exception(
                "backfill.page_failed",
                connection=cursor.connection,
                object=cursor.object,
                fault=mark_of(error),
            )
            return self._failed(cursor, plain(error), error)
        now = self.clock.now()
        after = _moved(cursor, page, names, absent, now)
        listed = [filled(one, after.absent) for one in page.listed if is_storable(one)]

        def save(connection: Connection) -> None:
            cursors.move(connection, self.space, cursor, after)
            mirror.write_page(connection, self.space, listed, read_at)
            if page.after is None:
                mirror.archive_unseen(
                    connection, self.space, cursor.connection, cursor.object, cursor.begun_at
                )

        self.store.write(save)
        self._failures.pop(cursor.object, None)
        self._due_at.pop(cursor.object, None)
        if page.after is None:
            log.info(
                "backfill.mirrored", connection=cursor.connection, object=cursor.object, records=after.seen
            )
        return Step(cursor.object, len(page.listed))

    def _failed(self, cursor: Cursor, problem: str, error: Exception) -> Step:
        """Note a page that could not be read, and when it is to be tried again."""
        count = self._failures[cursor.object] = self._failures.get(cursor.object, 0) + 1
        usual = REFUSED_WAIT if isinstance(error, NotAuthorized) else FIRST_WAIT
        wait = min(LONGEST_WAIT, usual * 2 ** min(count - 1, 10))
        if isinstance(error, RetryLater) and error.wait is not None:
            wait = error.wait
        now = self.clock.now()
        self._due_at[cursor.object] = now + timedelta(seconds=wait)
        if problem != cursor.problem:  # once, not at every try while a CRM is away
            log.warning("backfill.waits", connection=cursor.connection, object=cursor.object, reason=problem)
            noted = replace(cursor, problem=problem, moved_at=now)
            self.store.write(lambda connection: cursors.move(connection, self.space, cursor, noted))
        return Step(cursor.object, wait=wait, problem=problem)


def wanted(connector: Connector, playbook: Playbook) -> Mapping[str, tuple[str, ...]]:
    """Return what is mirrored and followed: object -> fields. People, companies, deals as the map has them.

    Of companies always what tells one from another, and our id: of several with one domain that one is taken
    which has it.
    """
    crm = playbook.crms[connector.name]
    objects = {name: mapped_names(crm, name) for name in dict.fromkeys((*crm.match, *crm.objects))}
    name, fields = connector.companies
    if crm.account is not None and crm.account.object == name:
        fields = (*fields, crm.account.id_field or "", *(rule.remote for rule in crm.account.fields))
    objects[name] = tuple(dict.fromkeys((*objects.get(name, ()), *filter(None, fields))))
    if crm.deal is not None and playbook.keeps_deals:
        objects[crm.deal.object] = tuple(dict.fromkeys(rule.remote for rule in crm.deal.fields))
    return objects


def mapped_names(crm: CrmMap, object_type: str) -> tuple[str, ...]:
    """Return the vendor fields of an object that the playbook's map names."""
    object_map = crm.objects.get(object_type)
    return tuple(dict.fromkeys(rule.remote for rule in object_map.fields)) if object_map else ()


def lacking(object_type: str, fields: Sequence[str], crm: CrmMap) -> list[str]:
    """Return what the map names and is not among ``fields``, which were read: only another walk brings it."""
    return [name for name in mapped_names(crm, object_type) if name not in fields]


def begin_again(connection: Connection, space: str, name: str, now: datetime) -> int:
    """Let every walk of a connection begin anew; what is mirrored stays until it is read again.

    Polls ask again for fields that were not there.
    """
    known = cursors.load(connection, space, name)
    stored = [one for one in known if one.job == BACKFILL]
    for cursor in stored:
        cursors.begin(connection, space, cursor.again(now), anew=True)
    for cursor in known:
        if cursor.job == POLL and cursor.absent:
            cursors.begin(connection, space, replace(cursor, absent=(), moved_at=now), anew=True)
    return len(stored)


def _moved(
    cursor: Cursor, page: Page, names: tuple[str, ...], absent: Sequence[str], now: datetime
) -> Cursor:
    return replace(
        cursor,
        after=page.after,
        fields=names,
        absent=tuple(dict.fromkeys((*absent, *page.absent))),
        seen=cursor.seen + len(page.listed),
        skipped=cursor.skipped + page.skipped,
        total=cursor.total if page.total is None else cursor.seen + cursor.skipped + page.total,
        problem=None,
        moved_at=now,
        finished_at=max(now, cursor.begun_at) if page.after is None else cursor.finished_at,
    )


def is_storable(one: Listed) -> bool:
    """Say whether the tables can hold a record's ids."""
    ids = (one.record.ref.id, one.became or "")
    return all(len(each) <= LONGEST_ID and mirror.is_text(each) for each in ids)


def filled(one: Listed, absent: Sequence[str]) -> Listed:
    """Say of fields that the object does not have that they hold nothing: nobody can have typed it there."""
    if not absent:
        return one
    return replace(one, record=replace(one.record, fields={**dict.fromkeys(absent), **one.record.fields}))
