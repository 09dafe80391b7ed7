"""The one decider: inbox -> mapping inward -> handlers -> leads and outbox, one save a batch."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.engine import Connection

from mappings.playbook import Playbook
from model.cause import NOT_SAVED
from model.errors import LostLease, StoreBusy
from model.event import SET_ASIDE, EventState, StoredEvent
from model.times import Clock
from sync import forget, inbox, leases
from sync.database import Store, is_away
from sync.deciding.batch import Batch
from sync.deciding.decide import decide
from sync.deciding.loading import load
from sync.deciding.pipeline import Pipeline
from sync.deciding.raising import one_shots, raises, reads
from sync.deciding.saving import save
from sync.deciding.understand import Work, understand
from sync.inbox import Mark, Taken
from sync.leases import Lease
from sync.people import People
from sync.replays import replay
from sync.result import Result

log = structlog.get_logger("leadrelay.decider")

TERM = timedelta(seconds=15)  # of the lease; renewed by every save and by ``Decider.renew``
REDOS = 3  # of a batch whose save met a change, before it is halved


@dataclass(slots=True)
class Decider:
    """Decides for one space while its lease's epoch is the newest one."""

    store: Store
    clock: Clock
    lease: Lease
    pipeline: Callable[[], Pipeline]  # the present one; a reload swaps it between batches
    space: str = "main"
    term: timedelta = TERM
    on_settled: Callable[[Sequence[Result]], None] | None = None
    shut: Callable[[], Mapping[str, str]] = dict  # target -> why nothing is sent there (observed, not set up)
    _people: People | None = field(default=None, init=False)
    _seq: int = field(init=False)
    _stamped_at: datetime = field(init=False)
    _first: int | None = field(default=None, init=False)  # row of the first event of the last try

    def __post_init__(self) -> None:
        self._seq, self._stamped_at = self.lease.seq, self.lease.stamped_at

    def decide_batch(self, limit: int = 200) -> int:
        """Take the next waiting events through the handlers; return how many were settled.

        Leads, history, changes and the events' marks are saved together or not at all:
        after a crash the events still wait. An event whose handler raises is set aside with
        its error and does not touch the others. Raises ``LostLease`` when another process
        has taken over, ``StoreBusy`` when the store cannot commit.
        """
        failure: Exception | None = None
        for _attempt in range(REDOS):
            try:
                return self._try(limit)
            except (LostLease, StoreBusy):
                raise
            except Exception as error:  # a batch that cannot be saved is split until one event is left
                self._people = None
                if is_away(error):
                    raise StoreBusy(f"the store cannot be read: {type(error).__name__}") from error
                failure = error
                log.info("decider.redo", limit=limit, reason=type(error).__name__)
        if limit > 1:
            return self.decide_batch(limit // 2)
        if failure is None or self._first is None:
            raise failure or AssertionError("nothing was tried")
        return self._set_aside(self._first, failure)

    def renew(self) -> None:
        """Keep the lease while there is nothing to decide."""
        leases.renew(self.store, self.lease, self.clock.now() + self.term)

    def _try(self, limit: int) -> int:
        self._first = None
        pipeline = self.pipeline()
        with self.store.snapshot() as snapshot:
            taken = inbox.take(snapshot, self.space, limit)
            if not taken:
                return 0
            self._first = taken[0].id
            work = self._understand_all(snapshot, taken, pipeline.playbook)
            if self._people is None:
                self._people = People.load(snapshot, self.space)
            now = self.clock.now()
            batch = load(snapshot, self.space, work, pipeline.playbook, self._people, now, self.shut)
        for item in work:
            batch.take_in(decide(item, batch, pipeline))
        last = work[-1].stored
        try:
            self.store.write(partial(self._save, batch=batch, playbook=pipeline.playbook, last=last))
        except BaseException as error:
            self._people = None  # the drafts of the ledgers went with the save
            if isinstance(error, StoreBusy):  # it may be saved and only the answer lost: no number twice
                self._seq, self._stamped_at = last.decided_seq, last.decided_at
            raise
        self._people = batch.people
        self._seq, self._stamped_at = last.decided_seq, last.decided_at
        for name in {item.connection for item in raises(batch, pipeline.playbook, {})}:
            self.store.signals.announce(f"outbox:{name}")
        for name in {wish.connection for wish in reads(batch.results)}:
            self.store.signals.announce(f"follow:{name}")
        for name in {item.effect.target for item in one_shots(batch.results)}:
            self.store.signals.announce(f"effects:{name}")
        if self.on_settled:
            self.on_settled(batch.results)
        return len(taken)

    def _understand_all(self, snapshot: Connection, taken: Sequence[Taken], playbook: Playbook) -> list[Work]:
        """Stamp the events in order and read them; replays are read in the words of the old event."""
        rows_named = [(*replay.named(one.event), *forget.named(one.event)) for one in taken]
        old = inbox.load(snapshot, [row for rows in rows_named for row in rows])
        now = max(self.clock.now(), self._stamped_at)  # whatever the machine's clock does
        work: list[Work] = []
        begun: set[int] = set()
        for seq, one in enumerate(taken, start=self._seq + 1):
            rows = [old[row] for row in replay.named(one.event) if row in old]
            if not rows:
                work.append(understand(one.stamped(now, seq), playbook, old))
                continue
            aside, came_in = rows[0], rows[-1]
            if aside.state in SET_ASIDE and aside.id not in begun:
                begun.add(aside.id)
                work.append(understand(came_in.replayed(one, aside.id, now, seq), playbook))
            else:
                ended = EventState.REPLAYED if aside.id in begun else aside.state
                text = f"event {aside.id} is not set aside: it ended as {ended}"
                work.append(Work(one.stamped(now, seq), settled=text))
        return work

    def _save(self, connection: Connection, batch: Batch, playbook: Playbook, last: StoredEvent) -> None:
        """Write a whole batch; the first statement fails if our epoch is over."""
        now = last.decided_at
        leases.fence(connection, self.lease, now + self.term, last.decided_seq, now)
        save(connection, self.space, batch, playbook, self.shut(), now)

    def _set_aside(self, row: int, failure: Exception) -> int:
        """Give up on an event that cannot be saved even alone."""
        now = max(self.clock.now(), self._stamped_at)  # whatever the machine's clock does
        error = "".join(traceback.format_exception_only(failure))
        mark = Mark(
            row, EventState.DEAD, now, self._seq + 1, error=f"cannot be saved: {error}", cause=NOT_SAVED
        )

        def _save(connection: Connection) -> None:
            leases.fence(connection, self.lease, now + self.term, self._seq + 1, now)
            inbox.mark(connection, [mark])

        self.store.write(_save)
        self._seq, self._stamped_at = self._seq + 1, now
        log.error("decider.set_aside", inbox_event=row)
        return 1
