"""Those who work for one connection: who reads its owners, delivers, fills its mirror and follows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from leadrelay.connected import Connected
from leadrelay.roles import Role, Work
from leadrelay.settings import SPACE, Settings
from mappings.playbook import Playbook
from model.priority import Priority
from model.times import Clock
from scheduler.backfills import BackfillLoop
from scheduler.following import FollowLoop
from scheduler.loops import Dispatcher
from scheduler.poll import RosterPoll
from scheduler.seats import Seats
from sync.database import WHILE_IT_RESTARTS, Store
from sync.delivery.target import Target
from sync.reading.backfill import Backfill
from sync.reading.dealpass import DealPass
from sync.reading.engagement_polling import EngagementBin, EngagementPoll
from sync.reading.fetching import Fetcher
from sync.reading.matchpass import MatchPass
from sync.reading.polling import Poll
from sync.reading.recycling import RecycleBin
from sync.reconciling.running import Reconciler
from sync.reconciling.side import Side

Worker = BackfillLoop | FollowLoop | Dispatcher


@dataclass(frozen=True, slots=True)
class Crew:
    """The workers of one connection; a process has those whose work it does."""

    poll: RosterPoll
    dispatcher: Dispatcher | None = None  # none: only observed
    backfill: BackfillLoop | None = None
    follower: FollowLoop | None = None

    @property
    def readers(self) -> list[BackfillLoop | FollowLoop]:
        """Those who read much of the CRM."""
        return [one for one in (self.backfill, self.follower) if one is not None]

    @property
    def workers(self) -> list[Worker]:
        """All that run in threads of their own; those who read stop first."""
        return [*self.readers, *([self.dispatcher] if self.dispatcher is not None else [])]


@dataclass(frozen=True, slots=True)
class Crews:
    """Puts crews together."""

    settings: Settings
    store: Store
    clock: Clock
    playbook: Callable[[], Playbook]
    role: Role
    seats: Seats | None  # none: this is the only process
    mark: str  # of this process, with which its leases begin
    writing: Callable[[], Sequence[str]]  # the connections that are written to
    observe: Callable[[str, str, float], None]  # connection, outcome, seconds since it was wanted

    def of(self, one: Connected) -> Crew:
        """Return those who work for a connection in this process; nobody has begun."""
        delivers, follows = one.writes and self.role.does(Work.DELIVER), self.role.does(Work.FOLLOW)
        return Crew(
            poll=RosterPoll(one.at(Priority.PEOPLE), self.store, self.clock),
            dispatcher=self._dispatcher(one) if delivers else None,
            backfill=self._backfill(one) if follows else None,
            follower=self._follower(one) if follows else None,
        )

    def _dispatcher(self, one: Connected) -> Dispatcher:
        name = one.crm.connection
        target = Target(
            connector=one.connector,
            store=self.store,
            clock=self.clock,
            playbook=self.playbook,
            ready_in=one.budget.ready_in,
            space=SPACE,
            lease_term=timedelta(seconds=self.settings.lease_seconds),
            observe=partial(self.observe, name),
            connector_at=one.at,
            mark=self.mark,
            waits=WHILE_IT_RESTARTS,
        )
        nudge = self.store.signals.event(f"outbox:{name}")
        return Dispatcher(target, nudge, lanes=self.settings.lanes)

    def _backfill(self, one: Connected) -> BackfillLoop:
        store, clock, playbook, name = self.store, self.clock, self.playbook, one.crm.connection
        filler = Backfill(one.at(Priority.BACKFILL), store, clock, playbook, SPACE)
        match = MatchPass(name, store, clock, playbook, SPACE)
        deals = DealPass(name, store, clock, playbook, SPACE)
        side = Side(one.at(Priority.BACKFILL), store, clock, playbook, lambda: name in self.writing(), SPACE)
        nudge = store.signals.event(f"backfill:{name}")
        seat = self.seats.at(f"backfill:{name}") if self.seats else None
        return BackfillLoop(filler, (match, deals), Reconciler(side), nudge, seat)

    def _follower(self, one: Connected) -> FollowLoop:
        store, clock, playbook, name = self.store, self.clock, self.playbook, one.crm.connection
        term = timedelta(seconds=self.settings.lease_seconds)
        fetcher = Fetcher(one.at(Priority.PEOPLE), store, clock, playbook, SPACE, term, self.mark)
        reader, late = one.at(Priority.RECONCILE), one.at(Priority.BACKFILL)
        polls = [kind(reader, store, clock, playbook, SPACE) for kind in (Poll, EngagementPoll)]
        bins = [kind(late, store, clock, playbook, SPACE) for kind in (RecycleBin, EngagementBin)]
        seat = self.seats.at(f"poll:{name}") if self.seats else None
        return FollowLoop(fetcher, polls, bins, store.signals.event(f"follow:{name}"), seat)
