"""Compares one connection with what is here: a page a step, stored in one transaction with its place.

    count    how many records the CRM says it has, by the same filters as the backfill, and how many are here
    people   leads, accounts and deals without a record, and why
    read     links of a sample, or all: their records are read by id and compared field by field
    list     of all: every record of the CRM is met once, and those that nobody knows are told
    recount  where a number is left over: counted anew a little later, as what moves is seen late

Killed at any moment, a run goes on behind the last page that was stored. Nothing is written to a CRM, a
lead or a link from here (``mends``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy.engine import Connection

from model.errors import Conflict, ConnectorError, NotAuthorized, Refusal, RetryLater, StoreBusy
from model.event import RecordRef
from sync import links, mirror
from sync.reading.backfill import FIRST_WAIT, LONGEST_WAIT, Step
from sync.reconciling import books, evidence, kinds, sampling
from sync.reconciling.census import Census
from sync.reconciling.kinds import KINDS, Difference
from sync.reconciling.reading import Reader
from sync.reconciling.runs import DONE, FAILED, RUNNING, Found, Run
from sync.reconciling.sampling import Chosen
from sync.reconciling.side import Side

log = structlog.get_logger("leadrelay.reconcile")

PATIENCE = timedelta(hours=2)  # that a CRM does not answer, or no call may go out; then a run has failed
RECOUNTS = 3

COUNT, PEOPLE, READ, LIST, RECOUNT = "count", "people", "read", "list", "recount"


@dataclass(slots=True)
class Reconciler:
    """Moves the run of one connection on. It does not know who calls it."""

    side: Side

    def step(self) -> Step | None:
        """Take the next step of the run under way; ``None`` where there is none.

        What fails is noted on the run and tried again after a while, for two hours at most. Raises
        ``StoreBusy``.
        """
        now = self.side.clock.now()
        with self.side.store.snapshot() as snapshot:
            run = books.running(snapshot, self.side.space, self.side.name)
        if run is None:
            return None
        phase = str(run.place["phase"])
        if run.due_at > now:
            return Step(phase, wait=(run.due_at - now).total_seconds(), problem=run.problem)
        try:
            after, found = self._phases[phase](run)
            after = replace(after, problem=None, failing_since=None, due_at=max(after.due_at, now))
        except (Conflict, StoreBusy):
            raise
        except ConnectorError as error:
            after, found = self._failed(run, str(error), error), Found()
        except Exception as error:  # whatever a broken answer does to us, the run goes on or says why not
            log.exception("reconcile.step_failed", connection=self.side.name, phase=phase)
            after, found = self._failed(run, f"{type(error).__name__}: {error}", error), Found()
        at = self.side.clock.now()
        try:
            self.side.store.write(
                partial(books.move, space=self.side.space, before=run, now=after, found=found, at=at)
            )
        except Conflict:  # another process moves it
            return Step(phase, wait=1.0)
        if after.state != RUNNING:
            self._tell(run, after, found)
        return Step(
            phase,
            found.looked,
            wait=max(0.0, (after.due_at - at).total_seconds()) if after.state == RUNNING else 0.0,
            problem=after.problem,
        )

    @property
    def _phases(self) -> Mapping[str, Callable[[Run], tuple[Run, Found]]]:
        return {
            COUNT: self._count,
            PEOPLE: self._people,
            READ: self._read,
            LIST: self._list,
            RECOUNT: self._recount,
        }

    # Counts --------------------------------------------------------------------------

    def _count(self, run: Run) -> tuple[Run, Found]:
        """Count both sides, and choose what is to be read."""
        counts = Census(self.side).counts(run.asked)
        chosen: Sequence[Chosen] = ()
        if run.asked.sample is not None:
            with self.side.store.snapshot() as snapshot:
                asked = run.asked
                chosen = sampling.choose(
                    snapshot, self.side.space, self.side.name, asked.sample or 0, asked.seed, asked.object
                )
        return replace(run, counts=counts, chosen=chosen, place={"phase": PEOPLE}), Found()

    # People without a record ---------------------------------------------------------

    def _people(self, run: Run) -> tuple[Run, Found]:
        """Name a page of what should have a record and has none."""
        now, of = self.side.clock.now(), str(run.place.get("of", "leads"))
        left = [sheet["of"] for sheet in run.counts["here"]]
        if of not in left:
            of = left[0] if left else ""
        is_last = not left or of == left[-1]
        if not of or not self.side.is_written():
            return replace(run, place={"phase": READ}), Found()
        after = str(run.place.get("after", ""))
        with self.side.store.snapshot() as snapshot:
            page = Census(self.side).unlinked(snapshot, of, self.side.playbook(), after, now)
        place: dict[str, Any] = {"phase": PEOPLE, "of": of, "after": page.after}
        if page.after is None:
            place = {"phase": READ} if is_last else {"phase": PEOPLE, "of": left[left.index(of) + 1]}
        return replace(run, place=place), Found(page.differences)

    # Links, record by record ---------------------------------------------------------

    def _read(self, run: Run) -> tuple[Run, Found]:
        """Read the records of the next links and compare."""
        chosen, place = self._next_links(run)
        if not chosen:
            return self._after_reading(run), Found()
        refs = [RecordRef(self.side.name, object_type, one) for _, object_type, one in chosen]
        return replace(run, place=place), Reader(self.side).compare(chosen[0][0], refs)

    def _next_links(self, run: Run) -> tuple[Sequence[Chosen], dict[str, Any]]:
        """Return the next links of one table and object, and the place behind them."""
        most = self.side.connector.batch_size
        if run.asked.sample is None:
            after: Sequence[str] = run.place.get("after", ())
            with self.side.store.snapshot() as snapshot:
                some = sampling.page(snapshot, self.side.space, self.side.name, after, most, run.asked.object)
            return some, {"phase": READ, "after": list(some[-1]) if some else []}
        begin = int(run.place.get("at", 0))
        rest = [(one[0], one[1], one[2]) for one in run.chosen[begin : begin + most]]
        some = [one for one in rest if one[:2] == rest[0][:2]]
        return some, {"phase": READ, "at": begin + len(some)}

    def _after_reading(self, run: Run) -> Run:
        objects = self.side.objects(run.asked)
        if run.asked.sample is None and objects:
            return replace(run, place={"phase": LIST, "of": objects[0]})
        return self._closing(run)

    # Records of nobody ---------------------------------------------------------------

    def _list(self, run: Run) -> tuple[Run, Found]:
        """Meet a page of all records of the CRM, and tell those that were never read."""
        of, after = str(run.place["of"]), run.place.get("after")
        page = self.side.connector.list_page(of, (), after)
        with self.side.store.snapshot() as snapshot:
            refs = [one.record.ref for one in page.listed]
            strangers = list(self._strangers(snapshot, refs))
        objects = self.side.objects(run.asked)
        place: dict[str, Any] = {"phase": LIST, "of": of, "after": page.after}
        moved = replace(run, place=place)
        if page.after is None:
            rest = objects[objects.index(of) + 1 :] if of in objects else []
            moved = replace(run, place={"phase": LIST, "of": rest[0]}) if rest else self._closing(run)
        return moved, Found(strangers)

    def _strangers(self, snapshot: Connection, refs: Sequence[RecordRef]) -> Iterator[Difference]:
        seen = mirror.read(snapshot, self.side.space, refs)
        held = links.of_records(snapshot, self.side.space, refs)
        ids = [ref.id for ref in refs]
        waiting, _ = evidence.waiting(snapshot, self.side.space, self.side.name, ids, [])
        kind = KINDS[kinds.UNKNOWN_RECORD]
        for ref in refs:
            known = seen.get(ref)
            if ref in held or ref.id in waiting or (known is not None and not known.record.archived):
                continue
            why = "it was taken for deleted" if known else "no walk and no poll has met it"
            yield Difference(
                kind.name, ref.object, why, record_id=ref.id, mend=kind.mend, is_fault=kind.is_fault
            )

    # The end -------------------------------------------------------------------------

    def _closing(self, run: Run) -> Run:
        if run.unexplained:
            wait = self.side.crm.polling.every * 2
            return replace(run, place={"phase": RECOUNT, "time": 1}, due_at=self.side.clock.now() + wait)
        return replace(run, state=DONE)

    def _recount(self, run: Run) -> tuple[Run, Found]:
        """Count once more what was left over: a record that was just made is seen late."""
        moved = replace(run, counts=Census(self.side).counts(run.asked))
        time = int(run.place["time"])
        if not moved.unexplained or time >= RECOUNTS:
            return replace(moved, state=DONE), Found()
        wait = self.side.crm.polling.every * 2
        place = {"phase": RECOUNT, "time": time + 1}
        return replace(moved, place=place, due_at=self.side.clock.now() + wait), Found()

    def _failed(self, run: Run, problem: str, error: Exception) -> Run:
        """Note a step that failed, and when it is tried again; at the end of our patience the run fails."""
        now = self.side.clock.now()
        since = run.failing_since or now
        if isinstance(error, NotAuthorized | Refusal) or now - since >= PATIENCE:
            return replace(run, state=FAILED, problem=problem)
        wait = error.wait if isinstance(error, RetryLater) else None
        if wait is None:  # as long again as it has failed so far
            wait = min(LONGEST_WAIT, max(FIRST_WAIT, (now - since).total_seconds()))
        if problem != run.problem:
            log.warning("reconcile.waits", connection=self.side.name, reason=problem)
        return replace(run, problem=problem, failing_since=since, due_at=now + timedelta(seconds=wait))

    def _tell(self, run: Run, after: Run, found: Found) -> None:
        facts = {"connection": self.side.name, "run": run.id, "looked": run.looked + found.looked}
        if after.state == FAILED:
            log.error("reconcile.failed", reason=after.problem, **facts)
        else:
            log.info("reconcile.done", found=run.found + len(found.differences), **facts)
