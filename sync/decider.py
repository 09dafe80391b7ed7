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
from model.change import Record
from model.decision import (
    DealMoved,
    EntityKind,
    Fetch,
    ForgetLead,
    ForgetRecord,
    ForgetTestEvent,
    ForgetTestLead,
    OneShot,
    SendAgain,
    WriteBack,
)
from model.errors import Conflict, LostLease, StoreBusy
from model.event import SET_ASIDE, EventKind, EventState, RecordRef, StoredEvent
from model.priority import Priority
from model.times import Clock
from sync import (
    accounts,
    audit,
    dealings,
    deals,
    deletions,
    effects,
    engagements,
    fetches,
    forget,
    holds,
    inbox,
    joins,
    leads,
    leases,
    ledgers,
    links,
    outbox,
    proposals,
    proposing,
    seats,
    tables,
    teammates,
)
from sync.batch import Batch, People
from sync.database import Store, insert_for, is_away
from sync.fetches import Wish
from sync.finding import is_of_match_pass
from sync.inbox import Mark, Taken
from sync.leases import Lease
from sync.outbox import Raise
from sync.pipeline import Pipeline, stamp
from sync.reasons import chapter, reason_row
from sync.replays import replay
from sync.result import Result
from sync.statements import execute_many
from sync.understand import Work, decide, is_deal, said_by, understand

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
            batch = Batch(self._people, self.shut)
            batch.load(
                snapshot,
                self.space,
                [key for item in work for key in item.keys],
                [
                    lead_id
                    for item in work
                    if _needs_lead(item, pipeline.playbook)
                    for lead_id in item.lead_ids
                ],
            )
            posts = [(item.keys, item.lead_ids) for item in work if item.reading is not None]
            batch.ask_mirror(snapshot, self.space, pipeline.playbook, posts)
            self._load_accounts(snapshot, batch, work, pipeline.playbook)
            told = [item.record.ref for item in work if item.record and _is_engagement(item)]
            batch.load_engagements(snapshot, pipeline.playbook.counted, told)
            self._load_identity(snapshot, batch, work, pipeline.playbook)
            self._load_deals(snapshot, batch, work, pipeline.playbook)
            changed = [item.record.ref for item in work if item.record and _is_change(item)]
            if changed:
                batch.load_in_flight(snapshot, self.space, changed)
            if any(_is_change(item) and _may_join(item.record) for item in work):
                batch.load_under_way(snapshot, self.space, self.clock.now())
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
        for name in {item.connection for item in _raises(batch, pipeline.playbook, {})}:
            self.store.signals.announce(f"outbox:{name}")
        for name in {wish.connection for wish in _fetches(batch.results)}:
            self.store.signals.announce(f"follow:{name}")
        for name in {item.effect.target for item in _one_shots(batch.results)}:
            self.store.signals.announce(f"effects:{name}")
        if self.on_settled:
            self.on_settled(batch.results)
        return len(taken)

    def _load_accounts(
        self, snapshot: Connection, batch: Batch, work: Sequence[Work], playbook: Playbook
    ) -> None:
        """Read the accounts that this work may touch; without the handler only those that events name."""
        named = [account_id for item in work for account_id in item.account_ids]
        if not (named or playbook.joins_accounts or any(map(_is_change, work))):
            return
        posted = [item.reading.fields for item in work if item.reading is not None]
        posted += [said_by(item.record, playbook) for item in work if item.record and not item.account_ids]
        posted += [said_by(record, playbook) for record in batch.hits.records()]
        companies = [
            RecordRef(ref.connection, ref.object, each)
            for item in work
            if item.record is not None and (item.account_ids or _is_change(item))
            for ref in (item.record.ref,)
            for each in (ref.id, *item.record.merged_ids, *_became(item.record))
        ]
        companies += [ref for item in work for ref in item.companies]
        batch.load_accounts(snapshot, self.space, playbook, posted, named, companies)

    def _load_identity(
        self, snapshot: Connection, batch: Batch, work: Sequence[Work], playbook: Playbook
    ) -> None:
        """Read what people answer, what is known of deletions, and who was forgotten: only who is named."""
        said = [item.stored.event.payload for item in work if item.stored.event.kind is EventKind.ANSWER]
        if answered := [one["proposal"] for one in said if "proposal" in one]:
            batch.proposals = proposals.load(snapshot, self.space, answered)
        changed = [item for item in work if item.record and _is_change(item) and not item.account_ids]
        gone = [item.record.ref for item in changed if item.record and _is_gone(item.record)]
        held = [one["deletion"] for one in said if "deletion" in one]
        if gone or held:
            now = work[0].stored.decided_at
            batch.load_deletions(snapshot, self.space, playbook.crms, gone, held, now)
        strangers = {key for item in changed for key in item.keys if batch.lead_id_of(key) is None}
        if strangers:
            batch.forgotten = forget.forgotten(snapshot, self.space, strangers)

    def _load_deals(
        self, snapshot: Connection, batch: Batch, work: Sequence[Work], playbook: Playbook
    ) -> None:
        """Read the deals that this work is about, and those that its people and companies take part in."""
        refs: list[RecordRef] = []
        party_ids: list[str] = []
        for item in work:
            if item.stored.event.kind is EventKind.DEAL:
                party_ids += item.lead_ids
            elif item.record is not None and is_deal(item.record, playbook):
                ref = item.record.ref
                refs += [
                    RecordRef(ref.connection, ref.object, one) for one in (ref.id, *item.record.merged_ids)
                ]
                party_ids += filter(None, map(batch.lead_id_of, item.keys))
                party_ids += filter(None, map(batch.company_holder, item.companies))
        named = [one for item in work for one in item.deal_ids]
        if refs or party_ids or named:
            batch.load_deals(snapshot, self.space, playbook, refs, named, party_ids)

    def _understand_all(self, snapshot: Connection, taken: Sequence[Taken], playbook: Playbook) -> list[Work]:
        """Stamp the events in order and read them; replays are read in the words of the old event."""
        rows_named = [(*replay.named(one.event), *forget.named(one.event)) for one in taken]
        old = inbox.load(snapshot, [row for rows in rows_named for row in rows])
        now = stamp(self.clock.now(), self._stamped_at)
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
        results = batch.results
        if inbox.mark(connection, [_mark_of(result) for result in results]) != len(results):
            raise Conflict("an event is no longer waiting")
        inbox.mark_replayed(connection, [r.stored.replays for r in results if r.stored.replays])
        accounts.save(connection, list(batch.accounts_changed.values()), now)
        currency = playbook.deals.currency if playbook.deals else ""
        deals.save(connection, list(batch.deals_changed.values()), currency, now)
        leads.save(connection, list(batch.changed.values()), batch.loaded, now)
        leads.claim(connection, self.space, batch.claimed)
        # Outbox before links, as deliveries lock them (``outbox.lock``).
        shut = self.shut()
        raises = _raises(batch, playbook, shut)
        if batch.joined:
            outbox.lock_of(connection, [join.absorbed.id for join in batch.joined], raises)
            joins.save(connection, self.space, batch.joined, now)
        raises += dealings.raises(connection, batch, playbook)  # by who takes part now
        outbox.raise_wanted(connection, self.space, raises, now)
        if one_shots := _one_shots(results):
            effects.insert(connection, self.space, one_shots, now, shut)
        links.LEADS.expect(connection, batch.loaded_revs())
        links.LEADS.remove(connection, batch.dropped_links())
        links.LEADS.save(connection, self.space, batch.changed_links())
        links.ACCOUNTS.expect(connection, batch.loaded_account_revs())
        links.ACCOUNTS.remove(connection, batch.dropped_account_links())
        links.ACCOUNTS.save(connection, self.space, batch.changed_account_links())
        links.DEALS.expect(connection, batch.loaded_deal_revs())
        links.DEALS.remove(connection, batch.dropped_deal_links())
        links.DEALS.save(connection, self.space, batch.changed_deal_links())
        seats.save(connection, self.space, batch.seats_moved)
        teammates.save(connection, self.space, batch.mates_changed.values(), batch.rosters_read, now)
        for table, rows in ledgers.rows_of(results, self.space, playbook).items():
            execute_many(connection, ledgers.INSERT[table], rows)
        engagements.save(connection, self.space, results)
        ledgers.settle_reviews(connection, ledgers.settled_reviews_of(results))
        if reviews := ledgers.reviews_of(results, self.space):
            connection.execute(insert_for(connection, tables.reviews).on_conflict_do_nothing(), reviews)
        holds.save(connection, self.space, results, now)
        proposing.save(connection, self.space, results, now)
        deletions.save(connection, self.space, results, now)
        audit.record(connection, self.space, [_audit_of(result, playbook) for result in results])
        wanted = [effect for result in results for effect in result.effects]
        again = [one.effect for one in wanted if isinstance(one, SendAgain)]
        if again:
            effects.send_again(connection, again, now)
        wishes = [*_fetches(results), *dealings.wishes(connection, self.space, batch, playbook)]
        fetches.raise_wanted(connection, self.space, wishes, now)
        inbox.insert_new(connection, dealings.told(connection, batch, results, self.space, now))
        forget.remove_test_leads(
            connection, [one.lead_id for one in wanted if isinstance(one, ForgetTestLead)]
        )
        forget.people(connection, self.space, [one for one in wanted if isinstance(one, ForgetLead)], now)
        if strangers := [one.record for one in wanted if isinstance(one, ForgetRecord)]:
            forget.records(connection, self.space, strangers, now)
        forget.remove_test_events(
            connection, [one.event for one in wanted if isinstance(one, ForgetTestEvent)]
        )

    def _set_aside(self, row: int, failure: Exception) -> int:
        """Give up on an event that cannot be saved even alone."""
        now = stamp(self.clock.now(), self._stamped_at)
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


def _needs_lead(item: Work, playbook: Playbook) -> bool:
    """Say whether the lead is looked at: a record that was made matters only where another waits for it."""
    event = item.stored.event
    if event.kind is not EventKind.DELIVERED or event.record is None:
        return True
    return event.record.connection in playbook.needed


def _mark_of(result: Result) -> Mark:
    stored = result.stored
    set_aside = result.state in SET_ASIDE
    return Mark(
        stored.id,
        result.state,
        stored.decided_at,
        stored.decided_seq,
        lead_id=result.lead_id,
        reasons=[reason_row(reason) for reason in result.reasons] if set_aside else (),
        error=result.error,
        cause=result.cause,
    )


def _audit_of(result: Result, playbook: Playbook) -> audit.Entry:
    stored = result.stored
    event = stored.event
    details = chapter(event.kind, event.source, playbook.version, result.reasons, stored.decided_seq)
    return audit.Entry(stored.decided_at, "decider", str(result.state), details, result.lead_id, stored.id)


def _one_shots(results: Sequence[Result]) -> list[effects.Raised]:
    return [
        effects.Raised(effect, result.lead_id or "", result.stored.id)
        for result in results
        for effect in result.effects
        if isinstance(effect, OneShot) and (result.lead_id or effect.kind in effects.DEEDS)
    ]


def _became(record: Record) -> tuple[str, ...]:
    return (record.became.id,) if record.became else ()


def _may_join(record: Record | None) -> bool:
    """Say whether a record tells that two were merged: their leads may be one person."""
    return record is not None and bool(record.merged_ids or record.became)


def _is_gone(record: Record) -> bool:
    return record.archived and record.became is None


def _is_change(item: Work) -> bool:
    return item.stored.event.kind is EventKind.CHANGED


def _is_engagement(item: Work) -> bool:
    return item.stored.event.kind is EventKind.ENGAGEMENT


def _fetches(results: Sequence[Result]) -> list[Wish]:
    return [
        Wish(effect.connection, effect.object, effect.remote_id, effect.history, effect.wait)
        for result in results
        for effect in result.effects
        if isinstance(effect, Fetch)
    ]


ANSWERS = (EventKind.DELIVERED, EventKind.FOUND, EventKind.GONE, EventKind.CHANGED, EventKind.DEAL)


def _raises(batch: Batch, playbook: Playbook, shut: Mapping[str, str]) -> list[Raise]:
    """Return what is wanted of the CRMs after this batch.

    Who turns out to be in a CRM, by the match pass or because they were born there, is told to other
    connections behind everything else; as long as that CRM is only observed (``shut``), it waits for a
    plan and a go-live of those connections.
    """
    found = []
    for result in batch.results:
        event = result.stored.event
        is_match = is_of_match_pass(event) or _is_first_seen(result)
        for effect in result.effects:
            if not isinstance(effect, WriteBack):
                continue
            is_person = effect.kind is EntityKind.LEAD
            whose = _whose(result, effect.kind)
            if whose:
                needs = playbook.crms[effect.connection].needs if is_person else ()
                priority = _priority(result, effect, batch) if is_person else Priority.COMPANIES
                is_parked = False
                if "mend" in event.payload and event.kind is EventKind.REPLAY:
                    priority = Priority.RECONCILE
                if is_match and effect.connection != event.source:
                    priority = Priority.RECONCILE
                    is_parked = event.source in shut and effect.connection not in shut
                found.append(
                    Raise(
                        effect.connection,
                        effect.object,
                        whose,
                        needs,
                        priority,
                        effect.kind,
                        is_parked,
                        is_answer=event.kind in ANSWERS,
                    )
                )
    return found


def _whose(result: Result, kind: EntityKind) -> str | None:
    """Return the id of the lead, account or deal that a row of this kind is about."""
    match kind:
        case EntityKind.ACCOUNT:
            return result.account_id
        case EntityKind.DEAL | EntityKind.PARTIES:
            return result.deal_id
        case _:
            return result.lead_id


def _is_first_seen(result: Result) -> bool:
    """Say whether a change made the lead's first link to the CRM that tells of it, or told of a new deal."""
    event, lead, before = result.stored.event, result.lead, result.before
    if event.kind is EventKind.DEAL:
        return not event.payload.get("is_news")
    if result.deal_id:
        return any(isinstance(one, DealMoved) and one.previous is None for one in result.effects)
    if event.kind is not EventKind.CHANGED or lead is None or event.source not in lead.links:
        return False
    return before is None or event.source not in before.links


def _priority(result: Result, effect: WriteBack, batch: Batch) -> Priority:
    """Speed-to-lead is for those whom the CRM does not have yet."""
    lead = result.lead or batch.lead(result.lead_id or "")
    return Priority.PEOPLE if effect.connection in lead.links else Priority.SPEED_TO_LEAD
