"""leadrelay's parts over one store and two accounts, stepped by hand; it may die and begin anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from connectors.registry import CONNECTORS
from handlers.registry import build
from leadrelay.connections import options_of
from mappings.playbook import Playbook
from sandbox.clock import Clock as SandboxClock
from scheduler import poll
from sync import leases, tables
from sync.database import Store, open_store
from sync.deciding.decider import TERM, Decider
from sync.deciding.pipeline import Pipeline
from sync.delivery.deliverer import deliver_batch
from sync.delivery.target import Target
from sync.edges import errands, telling
from sync.edges.errands import Outlet
from sync.reading.backfill import Backfill
from sync.reading.dealpass import DealPass
from sync.reading.fetching import Fetcher
from sync.reading.matchpass import MatchPass
from sync.reading.polling import Poll
from sync.reading.recycling import RecycleBin
from tests.agreement.crms import Account, Watched
from tests.connectors.endpoints import an_endpoint
from tests.contracts.crms import DIALECTS

LINKS = ((tables.links, "lead_id"), (tables.account_links, "account_id"), (tables.deal_links, "deal_id"))
KNOWN = sa.select(  # another row once anything is new of anybody, of a company or of a deal
    *(
        sa.select(sa.func.sum(kept.c.version)).scalar_subquery()
        for kept in (tables.leads, tables.accounts, tables.deals)
    ),
    *(sa.select(sa.func.count()).select_from(links).scalar_subquery() for links, _ in LINKS),
)
HOLDERS = sa.union_all(
    *(
        sa.select(links.c.connection, links.c.object, links.c.remote_id, links.c[holder].label("holder"))
        for links, holder in LINKS
    )
)


class Crash(BaseException):
    """The process dies here: nothing of it may catch this."""


class VirtualClock:
    """leadrelay's time is the vendors'."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now()


class FailingStore:
    """A store at which the process may die: just before a commit, or just after it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.dies_in: int | None = None  # writes until then
        self.after = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def write(self, work: Callable[..., Any]) -> Any:
        if self.dies_in is None:
            return self._store.write(work)
        self.dies_in -= 1
        if self.dies_in > 0:
            return self._store.write(work)
        self.dies_in = None
        if self.after:
            self._store.write(work)
        raise Crash


@dataclass
class Process:
    """One process, without its threads and doors."""

    url: str
    accounts: Mapping[str, Account]
    urls: Mapping[str, str]
    clock: VirtualClock
    playbook: Playbook
    on_news: Callable[[], None]  # told where a decision brought anything new about anybody
    store: FailingStore = field(init=False)
    _starts: int = 0
    _known: Any = None

    def __post_init__(self) -> None:
        self._start()

    def _start(self) -> None:
        """Begin as a process does that finds the store as it is."""
        self._starts += 1
        self.store = FailingStore(open_store(self.url))
        holder = f"run-{self._starts}"
        lease = leases.acquire(self.store, "decider:main", holder, self.clock.now(), TERM, alone=True)
        assert lease is not None
        pipeline = Pipeline(self.playbook, build(self.playbook))
        self._decider = Decider(self.store, self.clock, lease, lambda: pipeline)
        self._targets, self._fetchers, self._polls, self._bins, self._outlets = {}, {}, {}, {}, {}
        for name, account in self.accounts.items():
            options = options_of(self.playbook.crms[name])
            endpoint = an_endpoint(self.urls[name], DIALECTS[name].token, **options)
            connector: Any = Watched(CONNECTORS[name](name, endpoint), account.seen)
            given = (connector, self.store, self.clock, lambda: self.playbook)
            self._targets[name] = Target(*given)
            self._fetchers[name] = Fetcher(*given)
            self._polls[name] = Poll(*given)
            self._bins[name] = RecycleBin(*given)
            self._outlets[name] = self._outlet(name, connector)

    def _outlet(self, name: str, connector: Any) -> Outlet:
        return Outlet(
            name=name,
            store=self.store,
            clock=self.clock,
            playbook=lambda: self.playbook,
            writing=lambda: list(self._targets),
            readers=lambda: {one: target.connector for one, target in self._targets.items()},
            address=lambda _ref: None,
            connector=connector,
        )

    def crash(self) -> None:
        """Die, and begin anew over what the store holds."""
        self.store.close()
        self._start()

    def take_in(self) -> None:
        """Read who owns records on each CRM, then all that is there, as is done before deals are made."""
        for target in self._targets.values():
            poll.roster(target.connector, self.store, self.clock)
        self.decide()
        for target in self._targets.values():
            given = (self.store, self.clock, target.playbook)
            passes = (MatchPass(target.name, *given), DealPass(target.name, *given))
            for job in (Backfill(target.connector, *given), *passes):
                while job.step() is not None:
                    self.decide()

    def follow_all(self) -> None:
        """Take the first position of every object."""
        for one in self._polls.values():
            while not one.step().wait:
                pass

    def decide(self) -> int:
        """Decide all that waits."""
        total = 0
        while did := self.decide_some():
            total += did
        return total

    def decide_some(self, limit: int = 200) -> int:
        """Decide a batch."""
        did = self._decider.decide_batch(limit)
        with self.store.snapshot() as snapshot:
            known = snapshot.execute(KNOWN).one()
        if known != self._known:
            self._known = known
            self.on_news()
        return did

    def holders(self) -> dict[tuple[str, str, str], str]:
        """Return whose each linked record is: (connection, object, id) -> id of the lead, account or deal."""
        with self.store.snapshot() as snapshot:
            rows = snapshot.execute(HOLDERS).all()
        return {(row.connection, row.object, row.remote_id): row.holder for row in rows}

    def deliver(self, name: str) -> int:
        """Deliver what is due on a connection; return how many rows there were."""
        return deliver_batch(self._targets[name])

    def carry(self, name: str) -> int:
        """Do the merges and deletions that are due on a connection; return how many there were."""
        claimed = errands.claim(self._outlets[name])
        if claimed is None:
            return 0
        telling.finish(self._outlets[name], claimed)
        return len(claimed.errands)

    def fetch(self, name: str) -> int:
        """Read the next records that are wanted; return how many were."""
        return self._fetchers[name].step()

    def poll(self, name: str) -> bool:
        """Read the next page of what has changed; say whether any was due."""
        return not self._polls[name].step().wait

    def moves(self) -> bool:
        """Let every loop do all it can; say whether any of them had something to do."""
        moved = self.decide()
        for name in self.accounts:
            while self.poll(name):
                pass
            while self._bins[name].step() is not None:
                pass
            moved += self.decide()
            while did := self.fetch(name):
                moved += did
            while did := self.deliver(name) + self.carry(name):
                moved += did
            moved += self.decide()
        return bool(moved)
