"""Compares one connection with what is here: a page a step, stored in one transaction with its place.

    count    how many records the CRM says it has, by the same filters as the backfill, and how many are here
    people   leads and accounts without a record, and why
    read     links of a sample, or all: their records are read by id and compared field by field
    list     of all: every record of the CRM is met once, and those that nobody knows are told
    recount  where a number is left over: counted anew a little later, as what moves is seen late

Killed at any moment, a run goes on behind the last page that was stored. Nothing is written to a CRM, a
lead or a link from here (``mends``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy.engine import Connection

from connectors.base import Connector
from mappings.playbook import CrmMap, Playbook, Reconciling
from model.change import Record
from model.decision import EntityKind
from model.errors import Conflict, ConnectorError, NotAuthorized, Refusal, RetryLater, StoreBusy
from model.event import RecordRef
from model.times import Clock
from sync import backfill, cursors, inbox, links, mirror
from sync.backfill import FIRST_WAIT, LONGEST_WAIT, Step
from sync.batch import People
from sync.cursors import BACKFILL
from sync.database import Store
from sync.reconciling import books, evidence, kinds, sampling, sheets, unlinked
from sync.reconciling.books import DONE, FAILED, RUNNING, Asked, Found, Run
from sync.reconciling.judging import Judge
from sync.reconciling.kinds import KINDS, Difference
from sync.reconciling.sampling import Chosen
from sync.tables import accounts, leads

log = structlog.get_logger("leadrelay.reconcile")

PATIENCE = timedelta(hours=2)  # that a CRM does not answer, or no call may go out; then a run has failed
CATCH_UP = timedelta(hours=6)  # after its hour, that a night's run is still begun
RECOUNTS = 3
MOST_REFUSED = 20  # calls of a page; to find one culprit among two hundred takes nine

COUNT, PEOPLE, READ, LIST, RECOUNT = "count", "people", "read", "list", "recount"


@dataclass(slots=True)
class Reconciler:
    """Moves the run of one connection on. It does not know who calls it."""

    connector: Connector
    store: Store
    clock: Clock
    playbook: Callable[[], Playbook]
    is_written: Callable[[], bool]
    space: str = "main"

    @property
    def name(self) -> str:
        """The connection's name."""
        return self.connector.name

    @property
    def _crm(self) -> CrmMap:
        return self.playbook().crms[self.name]

    def step(self) -> Step | None:
        """Take the next step of the run under way; ``None`` where there is none.

        What fails is noted on the run and tried again after a while, for two hours at most. Raises
        ``StoreBusy``.
        """
        now = self.clock.now()
        with self.store.snapshot() as snapshot:
            run = books.running(snapshot, self.space, self.name)
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
        except (
            Exception
        ) as error:  # whatever a broken answer does to us, the run goes on later or says why not
            log.exception("reconcile.step_failed", connection=self.name, phase=phase)
            after, found = self._failed(run, f"{type(error).__name__}: {error}", error), Found()
        at = self.clock.now()
        try:
            self.store.write(partial(books.move, space=self.space, before=run, now=after, found=found, at=at))
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

    def _objects(self, asked: Asked) -> list[str]:
        names = list(backfill.wanted(self.connector, self.playbook()))
        return [name for name in names if asked.object in ("", name)]

    # Counts --------------------------------------------------------------------------

    def _count(self, run: Run) -> tuple[Run, Found]:
        """Count both sides, and choose what is to be read."""
        counts = self._counted(run)
        chosen: Sequence[Chosen] = ()
        if run.asked.sample is not None:
            with self.store.snapshot() as snapshot:
                asked = run.asked
                chosen = sampling.choose(
                    snapshot, self.space, self.name, asked.sample or 0, asked.seed, asked.object
                )
        return replace(run, counts=counts, chosen=chosen, place={"phase": PEOPLE}), Found()

    def _counted(self, run: Run) -> dict[str, Any]:
        """Return the sheets: of the CRM's records by object, of the leads and accounts here.

        Each object's records are counted there just before they are counted here; people and companies
        here at one moment, so that their lines add up.
        """
        crm, playbook, now = self._crm, self.playbook(), self.clock.now()
        there = []
        for object_type in self._objects(run.asked):
            number = self.connector.count(object_type)
            with self.store.snapshot() as snapshot:
                there.append(sheets.records(snapshot, self.space, crm, object_type, number))
        company = crm.account.object if crm.account else ""
        with self.store.snapshot() as snapshot:
            here = []
            if run.asked.object != company or not company:
                here.append(self._here(snapshot, "leads", playbook, now, companies=False))
            if company and run.asked.object in ("", company):
                here.append(self._here(snapshot, "accounts", playbook, now, companies=True))
        return {"records": there, "here": here}

    def _here(
        self, snapshot: Connection, of: str, playbook: Playbook, now: datetime, *, companies: bool
    ) -> dict[str, Any]:
        reasons: Counter[str] = Counter()
        missing, after = 0, ""
        while True:
            page = self._unlinked(snapshot, playbook, after, now, companies=companies)
            reasons += page.reasons
            missing += page.missing
            if page.after is None:
                break
            after = page.after
        found = sheets.linked(snapshot, self.space, self.name, companies=companies)
        total = unlinked.total(snapshot, self.space, accounts if companies else leads)
        return sheets.here(of, total, found, reasons, missing)

    def _unlinked(
        self, snapshot: Connection, playbook: Playbook, after: str, now: datetime, *, companies: bool
    ) -> unlinked.Unlinked:
        look = unlinked.companies if companies else unlinked.people
        return look(snapshot, self.space, self._crm, playbook, after, now, is_written=self.is_written())

    # People without a record ---------------------------------------------------------

    def _people(self, run: Run) -> tuple[Run, Found]:
        """Name a page of the leads or accounts that should have a record and have none."""
        now, of = self.clock.now(), str(run.place.get("of", "leads"))
        left = [sheet["of"] for sheet in run.counts["here"]]
        if of not in left:
            of = left[0] if left else ""
        is_last = not left or of == left[-1]
        if not of or not self.is_written():
            return replace(run, place={"phase": READ}), Found()
        after = str(run.place.get("after", ""))
        with self.store.snapshot() as snapshot:
            page = self._unlinked(snapshot, self.playbook(), after, now, companies=of == "accounts")
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
        refs = [RecordRef(self.name, object_type, one) for _, object_type, one in chosen]
        return replace(run, place=place), self._compare(chosen[0][0], refs)

    def _next_links(self, run: Run) -> tuple[Sequence[Chosen], dict[str, Any]]:
        """Return the next links of one table and object, and the place behind them."""
        most = self.connector.batch_size
        if run.asked.sample is None:
            after: Sequence[str] = run.place.get("after", ())
            with self.store.snapshot() as snapshot:
                some = sampling.page(snapshot, self.space, self.name, after, most, run.asked.object)
            return some, {"phase": READ, "after": list(some[-1]) if some else []}
        begin = int(run.place.get("at", 0))
        rest = [(one[0], one[1], one[2]) for one in run.chosen[begin : begin + most]]
        some = [one for one in rest if one[:2] == rest[0][:2]]
        return some, {"phase": READ, "at": begin + len(some)}

    def _compare(self, table: str, refs: Sequence[RecordRef]) -> Found:
        """Read records and judge them beside what the store says after the answer.

        A link or lead that has changed between the two looks is left for the next run: nothing is said of
        what was moving.
        """
        with self.store.snapshot() as snapshot:
            before = evidence.sides(snapshot, self.space, table, refs)
        there = [ref for ref in refs if before.link(ref) is not None]
        records, refused = self._records(there)
        playbook, crm = self.playbook(), self._crm
        with self.store.snapshot() as snapshot:
            after = evidence.sides(snapshot, self.space, table, there)
            still = [ref for ref in there if ref not in refused and before.is_as(after, ref)]
            looks = evidence.looks(snapshot, self.space, table, after, still, records) if still else []
            people = People.load(snapshot, self.space)
        judge = Judge(
            crm,
            playbook.lifecycle,
            people,
            self.clock.now(),
            is_written=self.is_written(),
            missing_is_gone=self.connector.missing_is_gone,
        )
        found = [one for look in looks for one in judge.judge(look)]
        _, kind = evidence.BOOKS[table]
        found += [_unreadable(ref, kind, before.owners[ref], why) for ref, why in refused.items()]
        return Found(found, looked=len(refs), moving=len(refs) - len(still) - len(refused))

    def _records(self, refs: Sequence[RecordRef]) -> tuple[list[Record], dict[RecordRef, str]]:
        """Read records together, and in halves where the CRM refuses them; return those that it shows.

        Beside them: of which it refuses to tell, in its own words. Raises ``ConnectorError`` where it is no
        single record's fault.
        """
        names = self._names()
        parts: list[Sequence[RecordRef]] = [refs] if refs else []
        found: list[Record] = []
        refused: dict[RecordRef, str] = {}
        calls = 0
        while parts:
            part = parts.pop()
            try:
                found += self.connector.read(part, names)
            except Refusal as error:
                calls += 1
                if calls >= MOST_REFUSED:
                    raise
                if len(part) == 1:
                    refused[part[0]] = str(error)
                else:
                    middle = len(part) // 2
                    parts += [part[middle:], part[:middle]]
        if refs and len(refused) == len(refs):
            raise Refusal(next(iter(refused.values())))
        return found, refused

    def _names(self) -> Mapping[str, Sequence[str]]:
        """Return what is read of each object: all that the map names, of companies, too."""
        found = dict(backfill.wanted(self.connector, self.playbook()))
        for name, object_map in self._crm.all_objects.items():
            mapped = (rule.remote for rule in object_map.fields)
            found[name] = tuple(dict.fromkeys((*found.get(name, ()), *mapped)))
        return found

    def _after_reading(self, run: Run) -> Run:
        objects = self._objects(run.asked)
        if run.asked.sample is None and objects:
            return replace(run, place={"phase": LIST, "of": objects[0]})
        return self._closing(run)

    # Records of nobody ---------------------------------------------------------------

    def _list(self, run: Run) -> tuple[Run, Found]:
        """Meet a page of all records of the CRM, and tell those that were never read."""
        of, after = str(run.place["of"]), run.place.get("after")
        page = self.connector.list_page(of, (), after)
        with self.store.snapshot() as snapshot:
            refs = [one.record.ref for one in page.listed]
            strangers = list(self._strangers(snapshot, refs))
        objects = self._objects(run.asked)
        place: dict[str, Any] = {"phase": LIST, "of": of, "after": page.after}
        moved = replace(run, place=place)
        if page.after is None:
            rest = objects[objects.index(of) + 1 :] if of in objects else []
            moved = replace(run, place={"phase": LIST, "of": rest[0]}) if rest else self._closing(run)
        return moved, Found(strangers)

    def _strangers(self, snapshot: Connection, refs: Sequence[RecordRef]) -> Iterator[Difference]:
        seen = mirror.read(snapshot, self.space, refs)
        held = links.of_records(snapshot, self.space, refs)
        ids = [ref.id for ref in refs]
        waiting, _ = evidence.waiting(snapshot, self.space, self.name, ids, [])
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
            wait = self._crm.polling.every * 2
            return replace(run, place={"phase": RECOUNT, "time": 1}, due_at=self.clock.now() + wait)
        return replace(run, state=DONE)

    def _recount(self, run: Run) -> tuple[Run, Found]:
        """Count once more what was left over: a record that was just made is seen late."""
        moved = replace(run, counts=self._counted(run))
        time = int(run.place["time"])
        if not moved.unexplained or time >= RECOUNTS:
            return replace(moved, state=DONE), Found()
        wait = self._crm.polling.every * 2
        place = {"phase": RECOUNT, "time": time + 1}
        return replace(moved, place=place, due_at=self.clock.now() + wait), Found()

    def _failed(self, run: Run, problem: str, error: Exception) -> Run:
        """Note a step that failed, and when it is tried again; at the end of our patience the run fails."""
        now = self.clock.now()
        since = run.failing_since or now
        if isinstance(error, NotAuthorized | Refusal) or now - since >= PATIENCE:
            return replace(run, state=FAILED, problem=problem)
        wait = error.wait if isinstance(error, RetryLater) else None
        if wait is None:  # as long again as it has failed so far
            wait = min(LONGEST_WAIT, max(FIRST_WAIT, (now - since).total_seconds()))
        if problem != run.problem:
            log.warning("reconcile.waits", connection=self.name, reason=problem)
        return replace(run, problem=problem, failing_since=since, due_at=now + timedelta(seconds=wait))

    def _tell(self, run: Run, after: Run, found: Found) -> None:
        facts = {"connection": self.name, "run": run.id, "looked": run.looked + found.looked}
        if after.state == FAILED:
            log.error("reconcile.failed", reason=after.problem, **facts)
        else:
            log.info("reconcile.done", found=run.found + len(found.differences), **facts)


def _unreadable(ref: RecordRef, kind: EntityKind, owner: str, why: str) -> Difference:
    of = KINDS[kinds.UNREADABLE]
    return Difference(of.name, ref.object, why, kind, owner, ref.id, mend=of.mend, is_fault=of.is_fault)


@dataclass(slots=True)
class Nightly:
    """Begins a run by sample once a night, for each connection whose map has a sample."""

    store: Store
    clock: Clock
    playbook: Callable[[], Playbook]
    connected: Callable[[], Collection[str]]
    space: str = "main"

    def run(self) -> list[str]:
        """Begin the runs of this night that are due and were not begun; return whose.

        A night that was slept through is left out after six hours: the next one comes. So does the first
        of an account that was connected after the hour.
        """
        names = self.connected()
        crms = [crm for crm in self.playbook().crms.values() if crm.connection in names]
        return [crm.connection for crm in crms if self._begin(crm.connection, crm.reconcile)]

    def _begin(self, name: str, rules: Reconciling) -> bool:
        now = self.clock.now()
        due = now.replace(hour=0, minute=0, second=0, microsecond=0) + rules.at
        if due > now:
            due -= timedelta(days=1)
        if not rules.sample or now - due > CATCH_UP:
            return False
        with self.store.snapshot() as snapshot:
            walks = [one for one in cursors.load(snapshot, self.space, name) if one.job == BACKFILL]
            if not walks or any(one.begun_at > due for one in walks) or inbox.is_busy(snapshot, self.space):
                return False
            if books.is_done_since(snapshot, self.space, name, due):
                return False
        asked = Asked(rules.sample, nightly=True)
        begin = partial(books.begin, space=self.space, name=name, asked=asked, by="the night", now=now)
        _, is_new = self.store.write(begin)
        if is_new:
            self.store.signals.announce(f"backfill:{name}")
        return bool(is_new)
