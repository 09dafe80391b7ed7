"""The connected accounts at work: taken in, changed and given up while the daemon runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

import structlog

from leadrelay.accounts import Accounts
from leadrelay.alerts.looks import Following
from leadrelay.budgets import BudgetDesk
from leadrelay.connected import Connected, connect
from leadrelay.connections import Known
from leadrelay.crew import Crew, Crews, Worker
from leadrelay.grants import GrantsOfStore
from leadrelay.mailing import consent_links
from leadrelay.messengers import Messengers
from leadrelay.metrics import Metrics
from leadrelay.processes import Processes
from leadrelay.roles import SERVE, Work
from leadrelay.settings import SPACE, Settings, prefix_of
from mappings.playbook import CrmMap, Playbook
from model.errors import LeadRelayError
from model.event import RecordRef
from model.priority import Priority
from model.times import Clock, to_text
from scheduler import loops
from sync import mirror
from sync.budgets import MemoryBudget, keeper
from sync.budgets.forecast import Forecast
from sync.budgets.levels import StoredLevels
from sync.database import WHILE_IT_RESTARTS, Store
from sync.edges.errands import Outlet
from sync.reading.backfill import wanted
from sync.reconciling import books

log = structlog.get_logger("leadrelay")


class Fleet:
    """What works for each connection of the playbook, and the channels beside it.

    A connection is set to work when environment or store set it up, made anew when that
    changes, and let go when it is disconnected; one at a time.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Clock,
        playbook: Callable[[], Playbook],
        metrics: Metrics,
        processes: Processes | None = None,
    ) -> None:
        """Take in what is set up now; nothing calls yet. ``processes``: this one among others."""
        self.settings, self.store, self.clock = settings, store, clock
        self.playbook, self.metrics = playbook, metrics
        self.connected: dict[str, Connected] = {}
        self.delivered_at: dict[str, datetime] = {}  # by connection: when it last answered a write
        self._seats = processes.seats if processes else None
        self._mark = processes.mark if processes else ""
        self._role = processes.role if processes else SERVE
        seats = self._seats if self._role.does(Work.DELIVER) else None
        self.messengers = Messengers(
            self._outlet, store, settings, seats=seats, sends=self._role.does(Work.DELIVER)
        )
        self._budgets = BudgetDesk(store, clock, SPACE)
        self._accounts = Accounts(clock)
        self.grants = GrantsOfStore(settings, store, clock, self.take_at_once)
        self._marks: dict[str, object] = {}
        self._unusable: dict[str, str] = {}
        self._unsure: set[str] = set()  # connections whose mode is not known yet
        self._crews: dict[str, Crew] = {}
        self._building = Crews(
            settings,
            store,
            clock,
            playbook,
            self._role,
            self._seats,
            self._mark,
            self.writing,
            self._delivered,
        )
        self._changing = threading.Lock()  # connections are taken in and given up one at a time
        self._is_started = self._is_stopping = False
        self.take_connections()
        self.messengers.take_channels(playbook())

    def start(self) -> None:
        """Let all of them work."""
        with self._changing:
            self._is_started = True
            for worker in self._workers():
                worker.start()
        self.messengers.start()

    def wind_down(self) -> None:
        """Take on nothing new; returns at once."""
        with self._changing:
            self._is_stopping = True
            for one in self.connected.values():
                one.budget.close()
            for worker in self._workers():
                worker.loop.wind_down()  # all at once: none takes on new work while another finishes
        self.messengers.wind_down()

    def stop(self) -> None:
        """Let what is in hand finish, and keep what each day of calls has seen."""
        self.messengers.stop()
        for worker in self._workers():
            worker.stop()
        for name, one in self.connected.items():
            self._budgets.keep(name, one.budget)

    def _workers(self) -> list[Worker]:
        return [worker for crew in list(self._crews.values()) for worker in crew.workers]

    def take_connections(self) -> None:
        """Take in what was connected, changed or disconnected since the last look."""
        with self.store.snapshot() as snapshot:
            known = Known.read(self.settings, snapshot, SPACE, self.grants)
        self._confirm_accounts(known)
        with self._changing:
            if self._is_stopping:
                return
            for crm in self.playbook().crms.values():
                mark = known.mark(crm)
                if crm.connection not in self._marks or mark != self._marks[crm.connection]:
                    is_new = crm.connection not in self._marks
                    self._marks[crm.connection] = mark
                    self._take(known, crm, is_new=is_new)

    def take_at_once(self, patience: float = 0.0) -> None:
        """Take in what has just changed, beside whoever changed it: what stops may have to finish first.

        Returns once that is done, after ``patience`` seconds at the latest.
        """
        taking = threading.Thread(target=self._take_told, name="take-connections", daemon=True)
        taking.start()
        taking.join(patience)

    def _take_told(self) -> None:
        try:
            self.take_connections()
        except Exception:  # the job takes in what is left
            log.exception("connections.failed")

    def observe_at_once(self, name: str) -> None:
        """Claim nothing more for a connection, whatever holds up that it is taken in anew."""
        crew = self._crews.get(name)
        if crew is not None and crew.dispatcher is not None:
            crew.dispatcher.loop.wind_down()
        self.messengers.wind_down_connection(name)
        if name in self._marks:
            self._marks[name] = "it was led back"  # taken in anew, even if it goes live again before that
        self.take_at_once()

    def _confirm_accounts(self, known: Known) -> None:
        """Ask whose the environment's credentials are, where ``go-live`` was for them; once it runs."""
        for crm in self.playbook().crms.values() if self._is_started else ():
            one = self.connected.get(crm.connection)
            if one is None:
                self._accounts.forget(crm.connection)  # why it is not connected is told by itself
            elif self._accounts.confirm(known, crm, one.budget):
                self._marks[crm.connection] = "its account was asked for"  # taken in anew, to be written to

    def _take(self, known: Known, crm: CrmMap, *, is_new: bool) -> None:
        """Make one connection anew in the place of what it was; intake goes on where that fails."""
        name = crm.connection
        self._unsure.add(name)  # while it is made anew nothing is withheld for good
        self._let_go(name)
        with self.store.snapshot() as snapshot:
            kept = keeper.load(snapshot, SPACE).get(name)
        try:
            shared = StoredLevels(self.store, SPACE, name) if self._seats else None
            one = connect(known, crm, kept, shared)
        except LeadRelayError as error:
            self._unusable[name] = str(error)
            log.error("connection.unusable", connection=name, reason=str(error))
            return
        self._unusable.pop(name, None)
        # At the start credentials may only be missing from the environment: what was read stays then.
        if one is None and (not is_new or self._is_half_forgotten(name)):
            mirror.forget(self.store, SPACE, name)
            self.store.write(partial(books.forget, space=SPACE, name=name))
        is_sure = True
        if one is not None:
            is_confirmed = self._accounts.is_confirmed(known, crm)
            is_sure = is_confirmed or not one.writes
            one = replace(one, writes=one.writes and is_confirmed)
            self._set_to_work(one)
        if is_sure:
            self._unsure.discard(name)
        if not is_new:
            mode = "none" if one is None else "write" if one.writes else "observe"
            log.info("connection.changed", connection=name, mode=mode)

    def _is_half_forgotten(self, name: str) -> bool:
        with self.store.snapshot() as snapshot:
            return mirror.is_half_forgotten(snapshot, SPACE, name)

    def _let_go(self, name: str) -> None:
        """Stop all that works for a connection, and keep what its day of calls has seen."""
        before, crew = self.connected.pop(name, None), self._crews.pop(name, None)
        workers = crew.workers if crew is not None else []
        if before is not None:
            before.budget.close()
        for one in workers:
            one.loop.wind_down()  # all at once: none takes on new work while another finishes
        self.messengers.wind_down_connection(name)
        self.messengers.drop(name)
        for one in workers:
            one.stop()
        if before is not None:
            self._budgets.keep(name, before.budget)

    def _set_to_work(self, one: Connected) -> None:
        """Set up all that works for a connection; it is seen once that runs."""
        name = one.crm.connection
        crew = self._building.of(one)
        for worker in crew.workers if self._is_started else ():
            worker.start()
        self._crews[name] = crew
        self.connected[name] = one
        if one.writes:  # they look up which connections are written to
            self.messengers.add_connection(name, one.at(Priority.TASKS), one.budget.ready_in)

    def _outlet(self, name: str) -> Outlet:
        """Build what sending one-shot effects needs, without the channel or the connector itself."""
        return Outlet(
            name=name,
            store=self.store,
            clock=self.clock,
            playbook=self.playbook,
            writing=self.writing,
            readers=lambda: {other: one.connector for other, one in list(self.connected.items())},
            unreachable=lambda: {*self._unusable, *self._unsure},
            address=self._address,
            links=consent_links(self.settings),
            space=SPACE,
            lease_term=timedelta(seconds=self.settings.lease_seconds),
            observe=partial(self.metrics.effect, name),
            mark=self._mark,
            waits=WHILE_IT_RESTARTS,
        )

    def _address(self, ref: RecordRef) -> tuple[str, str] | None:
        one = self.connected.get(ref.connection)
        return one.pages.of(ref) if one else None

    def shut(self) -> dict[str, str]:
        """Say of connections and channels why no task or message is sent there, now or later."""
        found = self.messengers.missing()
        for name in self.playbook().crms:
            one = self.connected.get(name)
            if name in self._unsure:
                continue  # it is being taken in, or its account asked for: what is wanted meanwhile waits
            if one is not None and not one.writes:
                found[name] = f"{name} is only observed"
            elif one is None and name not in self._unusable:
                found[name] = f"{name} is not connected"
        return found

    def _delivered(self, name: str, outcome: str, seconds: float) -> None:
        self.metrics.delivered(name, outcome, seconds)
        if outcome not in ("postponed", "refused"):
            self.delivered_at[name] = self.clock.now()

    def read_owners(self, name: str) -> None:
        """Read a connection's owners, if it is connected just now."""
        crew = self._crews.get(name)
        if crew is not None:
            crew.poll.run()

    def take_channels(self) -> None:
        """Take in what the playbook says of channels now, and where the pages of written connections are."""
        self.messengers.take_channels(self.playbook())
        for one in list(self.connected.values()):
            if one.writes:
                one.pages.learn()

    def renew_changes(self) -> None:
        """Keep what is delivered just now from being claimed by others."""
        for crew in list(self._crews.values()):
            if crew.dispatcher is not None:
                crew.dispatcher.renew()

    def keep_budgets(self) -> None:
        """Keep what was called, and say where a day runs short."""
        self._budgets.run(dict(self.connected))

    def forecasts(self) -> dict[str, Forecast]:
        """Say where the day of each connection is heading."""
        return self._budgets.forecasts(dict(self.connected))

    def budget_of(self, name: str) -> MemoryBudget | None:
        """Return the budget of a connection that is connected."""
        one = self.connected.get(name)
        return one.budget if one else None

    def record_url(self, connection: str, object_type: str, remote_id: str) -> str | None:
        """Return where a person looks at a record; ``None`` where its address cannot be told."""
        one = self.connected.get(connection)
        if one is None:
            return None
        if self.settings.is_sandbox and one.reach.is_loopback:
            return f"{one.reach.base_url}/browse/{quote(object_type)}/{quote(remote_id)}"
        found = one.pages.of(RecordRef(connection, object_type, remote_id))
        return found[1] if found else None

    @property
    def doubts(self) -> dict[str, str]:
        """Why connections cannot be used, or are only observed though ``go-live`` was for them."""
        return self._unusable | self._accounts.doubts

    @property
    def unread(self) -> dict[str, str]:
        """Why the owners of connections could not be read."""
        return {name: crew.poll.failure for name, crew in list(self._crews.items()) if crew.poll.failure}

    def following(self) -> dict[str, Following]:
        """Say of each connection whose changes are followed, and what keeps that from being done."""
        crms, found = self.playbook().crms, {}
        for name, one in list(self.connected.items()):
            if name in crms:
                objects, crew = tuple(wanted(one.connector, self.playbook())), self._crews.get(name)
                failure = crew.follower.loop.failure if crew and crew.follower else None
                found[name] = Following(objects, crms[name].polling.every, failure)
        return found

    def writing(self) -> list[str]:
        """Return the connections that are written to."""
        return [name for name, one in list(self.connected.items()) if one.writes]

    def facts(self) -> dict[str, Any]:
        """Return what only this process knows of connections and channels."""
        crews, days = list(self._crews.items()), self.forecasts()
        return {
            "connections": {
                name: {
                    "mode": "write" if one.writes else "observe",
                    "calls": one.budget.calls,
                    "address": one.reach.base_url,
                    "method": one.reach.credentials.method,
                    "origin": one.reach.origin,
                    "is_sandbox": self.settings.writes_to_address(one.reach.base_url),
                    "budget": one.budget.figures(),
                    "day": days[name].as_dict() if name in days else None,
                }
                for name, one in list(self.connected.items())
            },
            "unusable": self.doubts,
            "channels": self.messengers.modes(),
            "polls": {name: crew.poll.failure for name, crew in crews},
            "following": {name: crew.follower.loop.failure for name, crew in crews if crew.follower},
            "polled_at": {name: (at := crew.poll.read_at) and to_text(at) for name, crew in crews},
            "delivered_at": {name: to_text(at) for name, at in dict(self.delivered_at).items()},
        }

    def loops_of(self, what: str) -> list[loops.Loop]:
        """Return the loops that a signal wakes."""
        nudge = self.store.signals.event(what)
        fillers = [crew.backfill.loop for crew in list(self._crews.values()) if crew.backfill]
        return [one for one in (*self.loops(), *fillers) if one.heeds(nudge)]

    def loops(self) -> list[loops.Loop]:
        """Return the loops of those who deliver, send, and follow what changes; those that must live."""
        crews = list(self._crews.values())
        senders = [crew.dispatcher.loop for crew in crews if crew.dispatcher]
        followers = [crew.follower.loop for crew in crews if crew.follower]
        return [*senders, *self.messengers.loops(), *followers]

    def warn(self) -> None:
        """Say at once which channels and connections the playbook names and nobody set up."""
        self.messengers.warn()
        for crm in self.playbook().crms.values():
            if crm.connection not in self.connected and not self._marks.get(crm.connection):
                prefix = prefix_of(crm.connection)
                looked = [
                    f"{prefix}_BASE_URL",
                    f"{prefix}_TOKEN",
                    f"{prefix}_TOKEN_FILE",
                    f"{prefix}_CLIENT_ID",
                ]
                fix = f"leadrelay connect {crm.connection}"
                log.warning("connection.not_set_up", connection=crm.connection, looked_for=looked, fix=fix)
