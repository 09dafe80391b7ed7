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
from mappings.problems import PlaybookError
from model.cause import NOT_SAVED
from model.errors import LostLease, StoreBusy
from model.event import SET_ASIDE, EventKind, EventState, StoredEvent
from model.times import Clock
from sync import forget, inbox, leases, register, revisits
from sync.asking.asks import asked_by
from sync.database import Store, is_away
from sync.deciding.batch import Batch
from sync.deciding.decide import decide
from sync.deciding.loading import load
from sync.deciding.pipeline import Pipeline
from sync.deciding.raising import one_shots, raises, reads
from sync.deciding.saving import save
from sync.deciding.turning import Turn, pipeline_of, turn
from sync.deciding.understand import Work, understand
from sync.edges import effects
from sync.inbox import Mark, Taken
from sync.leases import Lease
from sync.people import People
from sync.replays import replay
from sync.result import Result

log = structlog.get_logger("leadrelay.decider")

ASKED = ("CAPTCHA_WAITS", "LEAD_WAITS")  # causes of posts about which somebody is asked
TERM = timedelta(seconds=15)  # of the lease; renewed by every save and by ``Decider.renew``
REDOS = 3  # of a batch whose save met a change, before it is halved


@dataclass(slots=True)
class Decider:
    """Decides for one space while its lease's epoch is the newest one."""

    store: Store
    clock: Clock
    lease: Lease
    pipeline: Callable[[], Pipeline]  # what decides while the store's register holds no version
    space: str = "main"
    term: timedelta = TERM
    on_settled: Callable[[Sequence[Result]], None] | None = None
    shut: Callable[[], Mapping[str, str]] = dict  # target -> why nothing is sent there (observed, not set up)
    turned: Callable[[Pipeline], None] = lambda _pipeline: None  # another version is in force from now on
    _current: Pipeline | None = field(default=None, init=False)  # the register's newest version, once known
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
        with self.store.snapshot() as snapshot:
            taken = inbox.take(snapshot, self.space, limit)
            if not taken:
                return 0
            self._first = taken[0].id
            pipeline = self._pipeline_in_force(snapshot)
            turned = self._turn(snapshot, taken[0], pipeline.playbook)
            if turned is None:
                taken = _up_to_a_turn(taken)
                work = self._understand_all(snapshot, taken, pipeline.playbook)
                if self._people is None:
                    self._people = People.load(snapshot, self.space)
                now = self.clock.now()
                batch = load(snapshot, self.space, work, pipeline.playbook, self._people, now, self.shut)
        if turned is not None:
            return self._take_turn(turned, pipeline.playbook)
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
        if asked_by(batch.results) or any(result.cause.code in ASKED for result in batch.results):
            self.store.signals.announce("asks")
        if self.on_settled:
            self.on_settled(batch.results)
        return len(taken)

    def _pipeline_in_force(self, snapshot: Connection) -> Pipeline:
        """Return the rules of the register's newest version.

        Nobody but the holder of this lease appends to the register, so it is read once.
        A version that this leadrelay cannot read any more gives way to what the process has.
        """
        if self._current is not None:
            return self._current
        version = register.current(snapshot, self.space)
        if version is None:
            return self.pipeline()
        here = self.pipeline()
        if here.playbook.number != version.number:
            try:
                here = pipeline_of(register.texts_of(snapshot, version), version.number)
            except PlaybookError as error:
                log.error("decider.version_unusable", version=version.number, problems=str(error))
        self._current = here
        return here

    def _turn(self, snapshot: Connection, first: Taken, before: Playbook) -> Turn | None:
        """Say what follows from an event that brings another playbook; ``None`` for any other event."""
        if first.event.kind is not EventKind.PLAYBOOK:
            return None
        stamped_at = max(self.clock.now(), self._stamped_at)  # whatever the machine's clock does
        return turn(snapshot, self.space, first.stamped(stamped_at, self._seq + 1), before)

    def _take_turn(self, turned: Turn, before: Playbook) -> int:
        """Let another playbook decide from here on; its event is a batch of its own."""
        stored = turned.result.stored
        batch = Batch(People({}, frozenset(), {}), self.shut)
        batch.take_in(turned.result)
        try:
            self.store.write(partial(self._save_turn, batch=batch, turned=turned, before=before))
        except BaseException as error:
            self._current = None  # it may be saved and only the answer lost: the register says
            if isinstance(error, StoreBusy):
                self._seq, self._stamped_at = stored.decided_seq, stored.decided_at
            raise
        self._seq, self._stamped_at = stored.decided_seq, stored.decided_at
        if turned.pipeline is not None:
            self._current = turned.pipeline
            self.turned(turned.pipeline)
            log.info("decider.playbook", version=turned.pipeline.playbook.number, inbox_event=stored.id)
        elif turned.result.error:
            log.error("decider.playbook_refused", inbox_event=stored.id, reason=turned.result.error)
        if self.on_settled:
            self.on_settled(batch.results)
        return 1

    def _save_turn(self, connection: Connection, batch: Batch, turned: Turn, before: Playbook) -> None:
        """Write the event's end and the register's line together."""
        stored = turned.result.stored
        self._save(connection, batch, before, stored)
        if turned.entry is not None:
            register.add(connection, self.space, turned.entry)
            if turned.pipeline is not None and turned.pipeline.playbook.consent != before.consent:
                effects.look_again(connection, self.space, None, stored.decided_at)  # by other gates
            if turned.concerns:
                number = turned.entry.number
                revisits.begin(connection, self.space, number, turned.concerns, stored.decided_at)
        elif turned.folder_of:
            folder = stored.event.payload["hash"]
            register.note_folder(connection, self.space, turned.folder_of, folder)

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


def _up_to_a_turn(taken: list[Taken]) -> list[Taken]:
    """Return the events before the first one that brings another playbook."""
    turns = (n for n, one in enumerate(taken) if one.event.kind is EventKind.PLAYBOOK)
    return taken[: next(turns, len(taken))]
