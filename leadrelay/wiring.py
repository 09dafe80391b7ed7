"""Settings -> store, connectors, pipeline, HTTP app, loops and jobs: the daemon."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import structlog
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from dashboard import api, pages
from dashboard.house import House
from leadrelay.accounts import Accounts
from leadrelay.alerts.channels import channels
from leadrelay.alerts.looks import KINDS, InProcess, Looks
from leadrelay.alerts.teller import Teller
from leadrelay.alerts.watch import Watch, little_room
from leadrelay.budgets import BudgetDesk
from leadrelay.clock import SystemClock
from leadrelay.connected import Connected, connect
from leadrelay.connections import Known
from leadrelay.control import ControlFile
from leadrelay.desk import Desk
from leadrelay.golive.opening import Openings
from leadrelay.messengers import Messengers
from leadrelay.metrics import Metrics
from leadrelay.playbooks import PlaybookHolder
from leadrelay.settings import SPACE, Settings, local_url, prefix_of
from mappings.playbook import CrmMap
from model.errors import LeadRelayError
from model.event import Event, RecordRef
from model.priority import Priority
from model.times import Clock, to_text
from scheduler import jobs, loops, poll
from scheduler.backfills import BackfillLoop
from scheduler.release import ReleaseJob
from scheduler.retention import RetentionJob
from sync import access, effects, inbox, migrate, mirror, outbox
from sync.backfill import Backfill
from sync.budgets import MemoryBudget, keeper
from sync.budgets.forecast import Forecast
from sync.claiming import Target
from sync.database import Store, exclusive_at, open_store
from sync.decider import TERM, Decider
from sync.errands import Outlet
from sync.inbox import Receipt
from sync.leases import Lease
from sync.matchpass import MatchPass
from sync.room import Room
from webhooks import control
from webhooks.server import Check, Server, create_app, serve

ROSTER_EVERY = 5  # seconds between two looks whether a connection's owners are to be read again
CONNECTIONS_EVERY = 2  # seconds between two looks at what other processes have changed of connections
ORPHANS_EVERY = 10  # seconds between two looks for what waits for a record that will never be

log = structlog.get_logger("leadrelay")


class Daemon:
    """Everything that runs in one process; ``start`` and ``stop`` in the right order."""

    def __init__(self, settings: Settings) -> None:
        """Load the playbook and open the store; nothing listens or calls yet.

        Raises ``PlaybookError`` with every problem of the playbook, ``LeadRelayError`` when
        another daemon uses the store's file.
        """
        self.settings = settings
        self.clock: Clock = SystemClock()
        self.holder = PlaybookHolder(settings.playbook)
        self._exits = contextlib.ExitStack()
        self._exits.enter_context(exclusive_at(settings.database_url))
        migrate.upgrade(settings.database_url)
        self.store: Store = open_store(settings.database_url)
        self._exits.callback(self.store.close)
        self.room = Room.of_store(self.store.path, settings.min_free_bytes)
        self.metrics = Metrics()
        self.connected: dict[str, Connected] = {}
        self._budgets = BudgetDesk(self.store, self.clock, SPACE)
        self._marks: dict[str, object] = {}
        self._unusable: dict[str, str] = {}
        self._accounts = Accounts(self.clock)
        self._release = ReleaseJob(
            self.store, self.clock, self.holder.playbook, space=SPACE, on_live=self._take_at_once
        )
        self._changing = threading.Lock()  # connections are taken in and given up one at a time
        self._alone = self.store.dialect == "sqlite"
        self._term = min(TERM, timedelta(seconds=settings.lease_seconds))  # of the decider's lease
        self._seat = self._decider_seat()
        self._retention = RetentionJob(
            self.store,
            self.clock,
            lambda: self.holder.playbook().keep,
            lambda: self._seat.is_seated,
            space=SPACE,
        )
        self._delivered_at: dict[str, datetime] = {}  # by connection: when it last answered a write
        self.watch = self._alerts()
        self._dispatchers: dict[str, loops.Dispatcher] = {}
        self._unsure: set[str] = set()  # connections whose mode is not known yet
        self._messengers = Messengers(self._outlet, self.store, settings)
        self._polls: dict[str, poll.RosterPoll] = {}
        self._backfills: dict[str, BackfillLoop] = {}
        self._is_started = self._is_stopping = False
        self.take_connections()
        self._messengers.take_channels(self.holder.playbook())
        self._control = ControlFile.for_store(self.store.path)
        self._server: Server | None = None

    @property
    def port(self) -> int:
        """The port HTTP is served on."""
        if self._server is None:
            raise RuntimeError("the daemon has not started")
        return self._server.port

    def start(self) -> None:
        """Recover what a killed process left, then start loops, jobs and at last HTTP."""
        if self._alone:
            freed = self.store.write(partial(outbox.release_leases, space=SPACE))
            freed += self.store.write(partial(effects.release_leases, space=SPACE))
            if freed:
                log.info("outbox.leases_released", changes=freed)
        self.metrics.show_alarms(self._alarms_by_kind, self.room.free)
        self.metrics.watch(self.store, self.clock, SPACE, self.holder.playbook().crms, self._forecasts)
        self._warn()
        self._server = self._listen()
        self._exits.callback(self._stop_work)
        self._seat.loop.start()
        with self._changing:
            self._is_started = True
            for worker in self._workers():
                worker.start()
        self._messengers.start()
        self._scheduler = jobs.start(self._jobs())
        self._server.start()
        self._exits.callback(self._server.stop)
        self._control.write(local_url(self.settings.host, self.port))
        self._exits.callback(self._control.remove)
        modes = {name: "write" if one.writes else "observe" for name, one in self.connected.items()}
        log.info("daemon.started", port=self.port, playbook=self.holder.playbook().version, connections=modes)

    def stop(self) -> None:
        """Take no more requests, finish what is in hand, close the store."""
        self._exits.close()
        log.info("daemon.stopped")

    def _stop_work(self) -> None:
        with self._changing:
            self._is_stopping = True
            for one in self.connected.values():
                one.budget.close()
            workers = self._workers()
            for loop in (self._seat.loop, *(one.loop for one in workers)):
                loop.wind_down()  # all at once: none takes on new work while another finishes
        self._retention.stop()
        self._messengers.wind_down()
        self._scheduler.shutdown(wait=True)
        self._messengers.stop()
        for worker in workers:
            worker.stop()
        for name, one in self.connected.items():
            self._budgets.keep(name, one.budget)
        self._seat.loop.stop()
        self._seat.release()

    def _workers(self) -> list[BackfillLoop | loops.Dispatcher]:
        return [*self._backfills.values(), *self._dispatchers.values()]

    def take_connections(self) -> None:
        """Take in what was connected, changed or disconnected since the last look."""
        with self.store.snapshot() as snapshot:
            known = Known.read(self.settings, snapshot, SPACE)
        self._confirm_accounts(known)
        with self._changing:
            if self._is_stopping:
                return
            for crm in self.holder.playbook().crms.values():
                mark = known.mark(crm)
                if crm.connection not in self._marks or mark != self._marks[crm.connection]:
                    is_new = crm.connection not in self._marks
                    self._marks[crm.connection] = mark
                    self._take(known, crm, is_new=is_new)

    def _take_at_once(self) -> None:
        """Take in what has just changed, beside whoever changed it: what stops may have to finish first."""
        threading.Thread(target=self._take_told, name="take-connections", daemon=True).start()

    def _take_told(self) -> None:
        try:
            self.take_connections()
        except Exception:  # the job takes in what is left
            log.exception("connections.failed")

    def _observe_at_once(self, name: str) -> None:
        """Claim nothing more for a connection, whatever holds up that it is taken in anew."""
        dispatcher = self._dispatchers.get(name)
        if dispatcher is not None:
            dispatcher.loop.wind_down()
        self._messengers.wind_down_connection(name)
        if name in self._marks:
            self._marks[name] = "it was led back"  # taken in anew, even if it goes live again before that
        self._take_at_once()

    def _confirm_accounts(self, known: Known) -> None:
        """Ask whose the environment's credentials are, where ``go-live`` was for them; once it runs."""
        for crm in self.holder.playbook().crms.values() if self._is_started else ():
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
            one = connect(known, crm, kept)
        except LeadRelayError as error:
            self._unusable[name] = str(error)
            log.error("connection.unusable", connection=name, reason=str(error))
            return
        self._unusable.pop(name, None)
        if one is None and not is_new:
            mirror.forget(self.store, SPACE, name)
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

    def _let_go(self, name: str) -> None:
        """Stop all that works for a connection, and keep what its day of calls has seen."""
        before, dispatcher = self.connected.pop(name, None), self._dispatchers.pop(name, None)
        self._polls.pop(name, None)
        filler = self._backfills.pop(name, None)
        if before is not None:
            before.budget.close()
        for one in (dispatcher, filler):
            if one is not None:
                one.loop.wind_down()  # all at once: none takes on new work while another finishes
        self._messengers.wind_down_connection(name)
        self._messengers.drop(name)
        if filler is not None:
            filler.stop()
        if dispatcher is not None:
            dispatcher.stop()
        if before is not None:
            self._budgets.keep(name, before.budget)

    def _set_to_work(self, one: Connected) -> None:
        """Set up all that works for a connection; it is seen once that runs."""
        name = one.crm.connection
        self._polls[name] = poll.RosterPoll(one.at(Priority.PEOPLE), self.store, self.clock)
        if one.writes:
            dispatcher = self._dispatcher(one)
            if self._is_started:
                dispatcher.start()
            self._dispatchers[name] = dispatcher
        filler = self._backfill(one)
        if self._is_started:
            filler.start()
        self._backfills[name] = filler
        self.connected[name] = one
        if one.writes:  # they look up which connections are written to
            self._messengers.add_connection(name, one.at(Priority.TASKS), one.budget.ready_in)

    def _decider_seat(self) -> loops.DeciderSeat:
        def build(lease: Lease) -> Decider:
            settled = self.metrics.settled
            return Decider(
                self.store, self.clock, lease, self.holder.pipeline, SPACE, self._term, settled, self.shut
            )

        name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        return loops.DeciderSeat(
            self.store, self.clock, name, build, space=SPACE, alone=self._alone, term=self._term
        )

    def _dispatcher(self, one: Connected) -> loops.Dispatcher:
        name = one.crm.connection
        target = Target(
            connector=one.connector,
            store=self.store,
            clock=self.clock,
            playbook=self.holder.playbook,
            ready_in=one.budget.ready_in,
            space=SPACE,
            lease_term=timedelta(seconds=self.settings.lease_seconds),
            observe=partial(self._delivered, name),
            connector_at=one.at,
        )
        nudge = self.store.signals.event(f"outbox:{name}")
        return loops.Dispatcher(target, nudge, lanes=self.settings.lanes)

    def _outlet(self, name: str) -> Outlet:
        """Build what sending one-shot effects needs, without the channel or the connector itself."""
        return Outlet(
            name=name,
            store=self.store,
            clock=self.clock,
            playbook=self.holder.playbook,
            writing=lambda: [other for other, one in list(self.connected.items()) if one.writes],
            readers=lambda: {other: one.connector for other, one in list(self.connected.items())},
            unreachable=lambda: {*self._unusable, *self._unsure},
            address=self._address,
            space=SPACE,
            lease_term=timedelta(seconds=self.settings.lease_seconds),
            observe=partial(self.metrics.effect, name),
        )

    def _address(self, ref: RecordRef) -> tuple[str, str] | None:
        one = self.connected.get(ref.connection)
        return one.pages.of(ref) if one else None

    def shut(self) -> dict[str, str]:
        """Say of connections and channels why no task or message is sent there, now or later."""
        found = self._messengers.missing()
        for name in self.holder.playbook().crms:
            one = self.connected.get(name)
            if name in self._unsure:
                continue  # it is being taken in, or its account asked for: what is wanted meanwhile waits
            if one is not None and not one.writes:
                found[name] = f"{name} is only observed"
            elif one is None and name not in self._unusable:
                found[name] = f"{name} is not connected"
        return found

    def _backfill(self, one: Connected) -> BackfillLoop:
        store, clock, playbook, name = self.store, self.clock, self.holder.playbook, one.crm.connection
        filler = Backfill(one.at(Priority.BACKFILL), store, clock, playbook, SPACE)
        match = MatchPass(name, store, clock, playbook, SPACE)
        return BackfillLoop(filler, match, store.signals.event(f"backfill:{name}"))

    def _delivered(self, name: str, outcome: str, seconds: float) -> None:
        self.metrics.delivered(name, outcome, seconds)
        if outcome not in ("postponed", "refused"):
            self._delivered_at[name] = self.clock.now()

    def _alerts(self) -> Watch:
        teller = Teller(
            self.store,
            channels(self.settings),
            f"on {socket.gethostname()}",
            space=SPACE,
            observe=self.metrics.alert_message,
        )
        looks = Looks(lambda: [name for name, one in list(self.connected.items()) if one.writes])
        return Watch(
            self.store,
            self.clock,
            looks,
            teller,
            self._facts_for_alerts,
            lambda: self._seat.is_seated,
            lambda: self.holder.playbook().sources,
            space=SPACE,
        )

    def _facts_for_alerts(self, trouble: str | None) -> InProcess:
        folder = Path(self.store.path).absolute().parent
        return InProcess(
            unusable=self._unusable | self._accounts.doubts,
            unread={name: one.failure for name, one in list(self._polls.items()) if one.failure},
            delivered_at=dict(self._delivered_at),
            free_bytes=self.room.free(),
            least_free=little_room(folder, self.settings.alert_free_bytes),
            store_trouble=trouble or (self._seat.loop.failure if self._seat.loop.is_store_away else None),
        )

    def _alarms_by_kind(self) -> dict[str, int]:
        standing = [one.kind for one in self.watch.teller.standing]
        return {kind: standing.count(kind) for kind in KINDS}

    def _jobs(self) -> list[jobs.Job]:
        names = sorted(self.holder.playbook().crms)
        polls = [
            jobs.Job(f"roster-{name}", ROSTER_EVERY, partial(self._poll, name), at_start=True)
            for name in names
        ]
        return [
            *polls,
            jobs.Job("connections", CONNECTIONS_EVERY, self.take_connections),
            jobs.Job("channels", 2, self._take_channels, at_start=True),
            jobs.Job("release", 1, self._release.run, at_start=True),
            jobs.Job("renew-lease", self._term.total_seconds() / 3, self._seat.renew),
            jobs.Job("playbook", 2, self.holder.reload_if_changed),
            jobs.Job("renew-changes", self.settings.lease_seconds / 4, self._renew_changes),
            jobs.Job("budgets", 10, self._keep_budgets),
            jobs.Job("orphans", ORPHANS_EVERY, self._give_up_orphans),
            jobs.Job("hashes", 600, self._forget_hashes),
            jobs.Job("retention", 3600, self._retention.run),
            jobs.Job("alerts", 30, self.watch.run, at_start=True),
        ]

    def _poll(self, name: str) -> None:
        """Read a connection's owners, if it is connected just now."""
        one = self._polls.get(name)
        if one is not None:
            one.run()

    def _take_channels(self) -> None:
        """Take in what the playbook says of channels now, and where the pages of written connections are."""
        self._messengers.take_channels(self.holder.playbook())
        for one in list(self.connected.values()):
            if one.writes:
                one.pages.learn()

    def _renew_changes(self) -> None:
        """Keep what is delivered just now from being claimed by others."""
        for dispatcher in list(self._dispatchers.values()):
            dispatcher.renew()

    def _keep_budgets(self) -> None:
        self._budgets.run(dict(self.connected))

    def _forecasts(self) -> dict[str, Forecast]:
        return self._budgets.forecasts(dict(self.connected))

    def _give_up_orphans(self) -> None:
        """Give up what cannot be sent any more, and withhold what waits for where nothing is sent."""
        now = self.clock.now()
        with self.store.snapshot() as snapshot:  # mostly there are none, and senders need not wait for that
            found = [kind for kind in (outbox, effects) if kind.has_orphans(snapshot, SPACE)]
        for kind in found:
            self.store.write(partial(kind.give_up_orphans, space=SPACE, now=now))
        self.store.write(partial(effects.withhold, space=SPACE, shut=self.shut(), now=now))

    def _forget_hashes(self) -> None:
        self.store.write(partial(inbox.forget_hashes, now=self.clock.now()))

    def _listen(self) -> Server:
        desk = Desk(self.settings, self.store, self.clock, self._observe_at_once)
        local = control.Control(
            append=partial(inbox.append, self.store),
            clock=self.clock,
            token=self._control.token,
            facts=self.facts,
            act=self._act,
            desk=desk,
            space=SPACE,
        )
        self.openings = Openings(
            settings=self.settings,
            store=self.store,
            clock=self.clock,
            playbook=self.holder.playbook,
            budget_of=self._budget_of,
            desk=desk,
            space=SPACE,
        )
        house = House(
            store=self.store,
            clock=self.clock,
            playbook=self.holder.playbook,
            facts=self.facts,
            writing=self._writing,
            files=self.holder.files,
            problems=self.holder.problems,
            checks=self._checks(),
            record_url=self._record_url,
            openings=self.openings,
            is_open=self.settings.is_sandbox,
            public_url=self.settings.public_url,
            space=SPACE,
        )
        app = create_app(
            append=self._take_in,
            playbook=self.holder.playbook,
            secret_of=self.settings.secret,
            clock=self.clock,
            checks=self._checks(),
            registry=self.metrics.registry,
            extra=[control.blueprint(local), pages.blueprint(house), api.blueprint(house)],
        )
        return serve(app, self.settings.host, self.settings.port, self.settings.threads)

    def _take_in(self, events: Sequence[Event]) -> Sequence[Receipt]:
        """Store what senders brought, while there is room for what follows from it."""
        self.room.need()
        return inbox.append(self.store, events)

    def facts(self) -> dict[str, Any]:
        """Return what only this process knows, for ``leadrelay status`` and the pages."""
        polls, days = list(self._polls.items()), self._forecasts()
        return {
            "playbook": self.holder.playbook().version,
            "playbook_problem": self.holder.complaint(),
            "deciding": self._seat.is_seated,
            "alarms": [
                {"kind": one.kind, "subject": one.subject, "text": one.text, "since": to_text(one.since)}
                for one in self.watch.teller.standing
            ],
            "disk": {"free_bytes": self.room.free(), "takes_posts": not self.room.is_short},
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
            "unusable": self._unusable | self._accounts.doubts,
            "channels": self._messengers.modes(),
            "polls": {name: one.failure for name, one in polls},
            "polled_at": {name: one.read_at and to_text(one.read_at) for name, one in polls},
        }

    def _writing(self, snapshot: Connection) -> list[str]:
        """Return which connections leads must be in to count as delivered: those of ``leadrelay status``."""
        return Known.read(self.settings, snapshot, SPACE).writing(self.holder.playbook().crms.values())

    def _budget_of(self, name: str) -> MemoryBudget | None:
        one = self.connected.get(name)
        return one.budget if one else None

    def _act(self, name: str, given: Mapping[str, str]) -> None:
        now = self.clock.now()
        self.store.write(lambda connection: access.act(connection, name, given, now))

    def _record_url(self, connection: str, object_type: str, remote_id: str) -> str | None:
        """Return where a person looks at a record; ``None`` where its address cannot be told."""
        one = self.connected.get(connection)
        if one is None:
            return None
        if self.settings.is_sandbox and one.reach.is_loopback:
            return f"{one.reach.base_url}/browse/{quote(object_type)}/{quote(remote_id)}"
        found = one.pages.of(RecordRef(connection, object_type, remote_id))
        return found[1] if found else None

    def _checks(self) -> dict[str, Check]:
        return {"store": self._check_store, "workers": self._check_workers}

    def _check_store(self) -> str | None:
        try:
            with self.store.snapshot() as snapshot:
                at = migrate.current(snapshot)
        except SQLAlchemyError as error:
            return f"cannot be read: {type(error).__name__}"
        return None if at == migrate.head() else f"is at revision {at}, this version needs {migrate.head()}"

    def _check_workers(self) -> str | None:
        workers = [
            self._seat.loop,
            *(one.loop for one in list(self._dispatchers.values())),
            *self._messengers.loops(),
        ]
        stopped = [one.name for one in workers if not one.is_alive]
        failing = [f"{one.name}: {one.failure}" for one in workers if one.failure]
        return "; ".join([f"{name} has stopped" for name in stopped] + failing) or None

    def _warn(self) -> None:
        """Say at once what the playbook asks for and the environment lacks."""
        for source in self.holder.playbook().sources.values():
            name = source.auth.secret_env
            if name and not self.settings.secret(name):
                log.warning("source.secret_missing", source=source.name, looked_for=[name, f"{name}_FILE"])
        self._messengers.warn()
        for crm in self.holder.playbook().crms.values():
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
