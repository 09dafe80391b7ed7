"""Reads records by id because somebody said that something happened to them; they come back as events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import structlog
from sqlalchemy.engine import Connection

from connectors.base import Connector
from mappings.playbook import Playbook
from model.change import Record
from model.errors import ConnectorError, NoBudget, NotAuthorized, Refusal, RetryLater, StoreBusy
from model.event import RecordRef
from model.faults import mark_of, plain
from model.times import Clock
from sync import fetches, inbox
from sync.database import Store
from sync.fetches import DueFetch
from sync.leases import new_token
from sync.reading import backfill
from sync.reading.backfill import FIRST_WAIT, LONGEST_WAIT, REFUSED_WAIT
from sync.reading.polling import changed_event

log = structlog.get_logger("leadrelay.fetch")

BATCH = 100
WITH_HISTORY = 50  # HubSpot's limit of a batch that reads histories
MOST_REFUSED = 20  # calls of a step; to find one culprit among a hundred takes eight
MENDS_TURN = 10  # one read of so many begins with mends, so that they are never left out for good
PATIENCE = timedelta(hours=24)  # what cannot be read for so long is given up: a poll brings it


@dataclass(slots=True)
class Fetcher:
    """Reads what is wanted of one connection, in batches."""

    connector: Connector
    store: Store
    clock: Clock
    playbook: Callable[[], Playbook]
    space: str = "main"
    lease_term: timedelta = timedelta(seconds=120)
    mark: str = ""  # of this process, with which its leases begin
    _reads: int = field(default=0, init=False)  # that found something

    @property
    def name(self) -> str:
        """The connection's name."""
        return self.connector.name

    def step(self) -> int:
        """Read the next records that are wanted; return how many that were.

        A record that is not there comes back as archived, where that is proof. What cannot be read is
        tried again after a while. A crash in the middle costs one more read, after the lease.
        Raises ``StoreBusy``.
        """
        now, token = self.clock.now(), new_token(self.mark)
        mends_first = self._reads % MENDS_TURN == MENDS_TURN - 1
        with self.store.snapshot() as snapshot:
            found = fetches.due(snapshot, self.space, self.name, now, BATCH, mends_first=mends_first)
        if not found:
            return 0
        self._reads += 1
        rows = self.store.write(
            partial(
                fetches.lease,
                space=self.space,
                name=self.name,
                rows=found[:WITH_HISTORY] if found[0].history else found,
                token=token,
                now=now,
                until=now + self.lease_term,
            )
        )
        if rows:
            self._read(rows, token)
        return len(found)

    def _read(self, rows: Sequence[DueFetch], token: str) -> None:
        """Read rows together, and in halves where the CRM refuses them: one culprit holds up no other.

        Where very much is refused it is no single record's fault, and what is left waits.
        """
        parts, refused = [rows], 0
        while parts:
            part = parts.pop()
            try:
                self._read_part(part, token)
            except Refusal as error:
                refused += 1
                if len(part) > 1 and refused < MOST_REFUSED:
                    middle = len(part) // 2
                    parts += [part[middle:], part[:middle]]
                else:
                    self._put_off(part, token, str(error), error)
            except StoreBusy:
                raise
            except ConnectorError as error:
                self._put_off([row for one in (part, *parts) for row in one], token, str(error), error)
                return
            except Exception as error:  # whatever a broken answer does to us, they are read later
                log.exception("fetch.failed", connection=self.name, records=len(part), fault=mark_of(error))
                self._put_off(part, token, plain(error), error)

    def _read_part(self, rows: Sequence[DueFetch], token: str) -> None:
        names = backfill.wanted(self.connector, self.playbook())
        refs = [RecordRef(self.name, row.object, row.remote_id) for row in rows]
        read_at = self.clock.now()
        known = [ref for ref in refs if ref.object in names]  # a map may have dropped the object meanwhile
        found = list(self.connector.read(known, names, history=rows[0].history)) if known else []
        missing = _missing(known, found)
        if missing and not self.connector.missing_is_gone:
            log.warning("fetch.unreadable", connection=self.name, records=[ref.id for ref in missing])
            missing = []
        records = [*found, *(Record(ref, {}, archived=True) for ref in missing)]
        now = self.clock.now()

        def save(connection: Connection) -> None:
            ours = fetches.settle(connection, self.space, self.name, rows, token, now)
            mine = {RecordRef(self.name, row.object, row.remote_id) for row in ours}
            told = {RecordRef(self.name, row.object, row.remote_id) for row in ours if not row.is_mend}
            events = [
                changed_event(
                    record,
                    read_at,
                    now,
                    self.space,
                    by_id=True,
                    history=rows[0].history,
                    is_mend=not told & _names_of(record),
                )
                for record in records
                if mine & _names_of(record)
            ]
            inbox.insert_new(connection, events)

        self.store.write(save)
        self.store.signals.announce("inbox")
        log.info("fetch.read", connection=self.name, records=len(records))

    def _put_off(self, rows: Sequence[DueFetch], token: str, problem: str, error: Exception) -> None:
        now = self.clock.now()
        wait = error.wait if isinstance(error, RetryLater) else None
        if wait is None:
            tries = 0 if isinstance(error, NoBudget) else max(row.attempts for row in rows)
            usual = REFUSED_WAIT if isinstance(error, NotAuthorized) else FIRST_WAIT
            wait = min(LONGEST_WAIT, usual * 2 ** min(tries, 10))
        over = [row for row in rows if now - row.raised_at >= PATIENCE]
        kept = [row for row in rows if now - row.raised_at < PATIENCE]
        until = now + timedelta(seconds=wait)
        put_off = partial(fetches.put_off, space=self.space, name=self.name, token=token)
        self.store.write(partial(put_off, rows=kept, until=until, error=problem))
        if over:
            give_up = partial(fetches.settle, space=self.space, name=self.name, rows=over, token=token)
            self.store.write(partial(give_up, now=now))
        log.warning(
            "fetch.waits", connection=self.name, records=len(rows), given_up=len(over), reason=problem
        )


def _missing(wanted: Sequence[RecordRef], found: Sequence[Record]) -> list[RecordRef]:
    """Return those that were not found, under whatever id."""
    there = {ref for record in found for ref in _names_of(record)}
    return [ref for ref in wanted if ref not in there]


def _names_of(record: Record) -> set[RecordRef]:
    """Return the ids under which a record answers: its own and those that were merged into it."""
    ref = record.ref
    return {ref, *(RecordRef(ref.connection, ref.object, each) for each in record.merged_ids)}
