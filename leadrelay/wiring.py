"""Settings -> store, connectors, pipeline, HTTP app, loops and jobs: the daemon."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from connectors.inspection import Inspector
from leadrelay import asking, processes
from leadrelay.alerts.channels import channels
from leadrelay.alerts.looks import KINDS, InProcess, Looks
from leadrelay.alerts.teller import Teller
from leadrelay.alerts.watch import Watch, little_room
from leadrelay.chores import Chores
from leadrelay.clock import SystemClock
from leadrelay.control import ControlFile
from leadrelay.fleet import Fleet
from leadrelay.lacking import lacking
from leadrelay.line import Line
from leadrelay.metrics import Metrics
from leadrelay.playbooks import PlaybookHolder
from leadrelay.processes import Processes
from leadrelay.reception import Reception
from leadrelay.roles import SERVE, Role, Work
from leadrelay.settings import SPACE, Settings, local_url
from leadrelay.unset import unset, unsigned
from mappings.problems import PlaybookError
from model.errors import LeadRelayError
from model.priority import Priority
from model.times import Clock, to_text
from scheduler import jobs, loops
from scheduler.asking import AskLoop
from sync import fetches, migrate, outbox
from sync.asking import asks
from sync.database import Store, exclusive_at, may_be_there, open_store
from sync.deciding.decider import TERM, Decider
from sync.edges import effects
from sync.keeping.room import Room
from sync.leases import Lease
from sync.processes import BEAT_EVERY
from webhooks.server import Server

CONNECTIONS_EVERY = 2  # seconds between two looks at what other processes have changed of connections

log = structlog.get_logger("leadrelay")


class Daemon:
    """Everything that runs in one process; ``start`` and ``stop`` in the right order.

    Scaled out it does the works of its role, and ``processes`` is it among the others; on one
    process there is nothing of that.
    """

    def __init__(self, settings: Settings, role: Role = SERVE) -> None:
        """Load the playbook and open the store; nothing listens or calls yet.

        Raises ``PlaybookError`` with every problem of the playbook, ``LeadRelayError`` when
        another daemon uses the store's file, or a role lacks what it needs.
        """
        self.settings, self.role = settings, role
        if role is not SERVE and not settings.is_scaled_out:
            raise LeadRelayError(
                f"`leadrelay {role.name}` is one of several processes: set LEADRELAY_BROKER_URL (RabbitMQ) "
                "and LEADRELAY_DATABASE_URL (PostgreSQL), or run all in one with `leadrelay serve`."
            )
        self.clock: Clock = SystemClock()
        self.holder = PlaybookHolder(settings.playbook)
        if self.holder.problem is not None and not may_be_there(settings.database_url):
            raise self.holder.problem
        self._exits = contextlib.ExitStack()
        self._exits.enter_context(exclusive_at(settings.database_url))
        migrate.upgrade(settings.database_url)
        self.store: Store = open_store(settings.database_url)
        self._exits.callback(self.store.close)
        self.room = Room.of_store(self.store.path, settings.min_free_bytes)
        self.metrics = Metrics()
        self._alone = self.store.dialect == "sqlite"
        self.processes = Processes(self.store, self.clock, role) if settings.is_scaled_out else None
        # Of the decider's lease: a stand-by need not wait for long, one that restarts waits for nobody.
        longest = self.processes.seats.term if self.processes else TERM
        self._term = min(longest, timedelta(seconds=settings.lease_seconds))
        try:
            self.holder.join(
                self.store,
                self.clock,
                SPACE,
                self._watches_folder,
                edits_count=settings.watches_playbook,
            )
        except PlaybookError:
            self._exits.close()
            raise
        self.fleet = Fleet(
            settings, self.store, self.clock, self.holder.playbook, self.metrics, self.processes
        )
        self.holder.lacks = lambda found, running: lacking(found, running, self._inspector_of)
        self._asker = self._asks_providers()
        self._seat = self._decider_seat()
        self._chores = Chores(
            self.store, self.clock, self.holder, self.fleet, self._is_chief, lambda: not self._is_stopping
        )
        self._is_stopping = False
        self.watch = self._alerts()
        self._control = ControlFile.for_store(self.store.path)
        self._line = Line(settings.broker_url, self._seat, self._loops_of) if self.processes else None
        self._reception = Reception(
            settings=settings,
            store=self.store,
            clock=self.clock,
            holder=self.holder,
            fleet=self.fleet,
            metrics=self.metrics,
            room=self.room,
            facts=self.facts,
            checks={"store": self._check_store, "workers": self._check_workers},
            token=self._control.token,
            told=self._told,
        )
        self.openings = self._reception.openings
        self._server: Server | None = None
        if self.processes is not None:
            self.processes.facts = self._own_facts

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
            freed += self.store.write(partial(fetches.release_leases, space=SPACE))
            freed += self.store.write(partial(asks.release_leases, space=SPACE))
            if freed:
                log.info("outbox.leases_released", changes=freed)
        if self.processes is None:
            self.holder.look()  # handed in before anything else: what decides the first post is known
        self.metrics.show_alarms(self._alarms_by_kind, self.room.free)
        crms = self.holder.playbook().crms
        self.metrics.watch(self.store, self.clock, SPACE, crms, self.fleet.forecasts)
        self._warn()
        self._server = self._listen()
        self._exits.callback(self._stop_work)
        if self.processes is not None:
            self.processes.start()
        if self._line is not None:
            self.store.signals.relay = self._line.ring
            self._line.start(works=self.role.does(Work.DECIDE))
        if self.role.does(Work.DECIDE):
            self._seat.loop.start()
        self.fleet.start()
        if self._asker is not None:
            self._asker.start()
        self._scheduler = jobs.start(self._jobs())
        if self._server is not None:
            self._server.start()
            self._exits.callback(self._server.stop)
            self._control.write(local_url(self.settings.host, self.port))
            self._exits.callback(self._control.remove)
        modes = {name: one["mode"] for name, one in self.fleet.facts()["connections"].items()}
        log.info(
            "daemon.started",
            role=self.role.name,
            port=self._server.port if self._server else None,
            playbook=self.holder.playbook().version,
            connections=modes,
        )

    def stop(self) -> None:
        """Take no more requests, finish what is in hand, close the store."""
        self._exits.close()
        log.info("daemon.stopped")

    def _stop_work(self) -> None:
        self._is_stopping = True
        self._seat.loop.wind_down()
        self.fleet.wind_down()
        if self._asker is not None:
            self._asker.loop.wind_down()
        if self._line is not None:
            self._line.stop_hearing()
        self._chores.stop()
        self._scheduler.shutdown(wait=True)
        self.fleet.stop()
        if self._asker is not None:
            self._asker.stop()
        if self.role.does(Work.DECIDE):
            self._seat.loop.stop()
        self._seat.release()
        if self.processes is not None:
            self.processes.leave()
        if self._line is not None:
            self._line.stop()

    def _listen(self) -> Server | None:
        """Serve all over HTTP; of a role that receives nothing what operators watch, if a port is named."""
        if self.role.does(Work.RECEIVE):
            return self._reception.listen()
        if self.settings.environ.get("LEADRELAY_PORT"):
            return self._reception.listen_for_operators()
        return None

    def _inspector_of(self, name: str) -> Inspector | None:
        """Return who asks an account for its fields; ``None`` where nothing is written, or refused."""
        one = self.fleet.connected.get(name)
        return one.inspector(Priority.PEOPLE) if one and one.writes else None

    def _asks_providers(self) -> AskLoop | None:
        """Return who asks the playbook's providers, where that is this process's work."""
        if not self.role.does(Work.DELIVER):
            return None
        mark = self.processes.mark if self.processes else ""
        return asking.asker(self.settings, self.store, self.clock, self.holder.playbook, self.metrics, mark)

    def _loops_of(self, what: str) -> list[loops.Loop]:
        """Return the loops that a signal wakes."""
        ours = [self._asker.loop] if self._asker is not None else []
        nudge = self.store.signals.event(what)
        return [*self.fleet.loops_of(what), *(one for one in ours if one.heeds(nudge))]

    def _is_chief(self) -> bool:
        """Say whether this process does what one does for all; where none is scaled out, who decides."""
        if self.processes is None:
            return self._seat.is_seated
        return self.processes.is_chief

    def _watches_folder(self) -> bool:
        """Say whether this process looks at the playbook's folder, of all that share the work."""
        return self.processes is None or self.processes.is_chief

    def _decider_seat(self) -> loops.DeciderSeat:
        def build(lease: Lease) -> Decider:
            settled = self.metrics.settled
            return Decider(
                self.store,
                self.clock,
                lease,
                self.holder.pipeline,
                SPACE,
                self._term,
                settled,
                self.fleet.shut,
                turned=self.holder.follow,
            )

        name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        if self.processes is not None:
            name = self.processes.name
        return loops.DeciderSeat(
            self.store, self.clock, name, build, space=SPACE, alone=self._alone, term=self._term
        )

    def _alerts(self) -> Watch:
        teller = Teller(
            self.store,
            channels(self.settings),
            f"on {socket.gethostname()}",
            space=SPACE,
            observe=self.metrics.alert_message,
        )
        looks = Looks(self.fleet.writing)
        return Watch(
            self.store,
            self.clock,
            looks,
            teller,
            self._facts_for_alerts,
            self._is_chief,
            lambda: self.holder.playbook().sources,
            space=SPACE,
        )

    def _facts_for_alerts(self, trouble: str | None) -> InProcess:
        folder = Path(self.store.path).absolute().parent
        others = self.processes.others() if self.processes else []
        return InProcess(
            unusable=self.fleet.doubts,
            unread=self.fleet.unread,
            delivered_at=processes.delivered_at(self.fleet.delivered_at, others),
            free_bytes=self.room.free(),
            least_free=little_room(folder, self.settings.alert_free_bytes),
            store_trouble=trouble or (self._seat.loop.failure if self._seat.loop.is_store_away else None),
            following=processes.followed(self.fleet.following(), others),
            bearable={
                name: one.reconcile.alarm_above
                for name, one in self.holder.playbook().crms.items()
                if name in self.fleet.connected
            },
        )

    def _alarms_by_kind(self) -> dict[str, int]:
        standing = [one.kind for one in self.watch.teller.standing]
        return {kind: standing.count(kind) for kind in KINDS}

    def _jobs(self) -> list[jobs.Job]:
        does, found = self.role.does, [*self._jobs_of_all()]
        if does(Work.DECIDE):
            found.append(jobs.Job("renew-lease", self._term.total_seconds() / 3, self._seat.renew))
        if does(Work.DELIVER):
            found.append(jobs.Job("renew-changes", self.settings.lease_seconds / 4, self.fleet.renew_changes))
        if does(Work.SCHEDULE):
            shared = self.processes
            found += [shared.for_all(one) if shared else one for one in self._jobs_for_all()]
        return found

    def _jobs_of_all(self) -> Iterator[jobs.Job]:
        """Yield what each process does for itself."""
        yield jobs.Job("connections", CONNECTIONS_EVERY, self.fleet.take_connections)
        yield jobs.Job("channels", 2, self.fleet.take_channels, at_start=True)
        yield jobs.Job("playbook", 2, self.holder.look)
        yield jobs.Job("budgets", 10, self.fleet.keep_budgets)

    def _jobs_for_all(self) -> Iterator[jobs.Job]:
        """Yield what one process does for all of them."""
        yield from self._chores.jobs()
        yield jobs.Job("alerts", 30, self.watch.run, at_start=True)
        if self.processes is not None:
            yield jobs.Job("bury", BEAT_EVERY, self.processes.bury)

    def facts(self) -> dict[str, Any]:
        """Return what only processes know, for ``leadrelay status`` and the pages."""
        ours = self._own_facts()
        if self.processes is None:
            return ours
        facts = processes.combined(ours, self.processes.others())
        return facts | {"processes": self.processes.told(), "missing": self.processes.missing()}

    def _told(self) -> dict[str, Any]:
        """Return what /readyz says of the other processes: it takes no web process out of its work."""
        return self.processes.summary() if self.processes else {}

    def _own_facts(self) -> dict[str, Any]:
        return {
            "playbook": self.holder.playbook().version,
            "playbook_number": self.holder.playbook().number,
            "playbook_problem": self.holder.complaint(),
            "playbook_aside": self.holder.aside(),
            "unset": self._unset(),
            "deciding": self._seat.is_seated,
            "trouble": self._check_workers(),
            "alarms": [
                {"kind": one.kind, "subject": one.subject, "text": one.text, "since": to_text(one.since)}
                for one in self.watch.teller.standing
            ],
            "disk": {"free_bytes": self.room.free(), "takes_posts": not self.room.is_short},
            **self.fleet.facts(),
        }

    def _unset(self) -> list[str]:
        """Say what this process lacks of the environment for its work."""
        receives, delivers = self.role.does(Work.RECEIVE), self.role.does(Work.DELIVER)
        found = unset(self.settings, self.holder.playbook(), receives=receives, delivers=delivers)
        return [one.fact for one in found]

    def _check_store(self) -> str | None:
        try:
            with self.store.snapshot() as snapshot:
                at = migrate.current(snapshot)
        except SQLAlchemyError as error:
            return f"cannot be read: {type(error).__name__}"
        return None if at == migrate.head() else f"is at revision {at}, this version needs {migrate.head()}"

    def _check_workers(self) -> str | None:
        workers = [*([self._seat.loop] if self.role.does(Work.DECIDE) else []), *self.fleet.loops()]
        workers += [self._asker.loop] if self._asker is not None else []
        stopped = [one.name for one in workers if not one.is_alive]
        failing = [f"{one.name}: {one.failure}" for one in workers if one.failure]
        return "; ".join([f"{name} has stopped" for name in stopped] + failing) or None

    def _warn(self) -> None:
        """Say at once what the playbook asks for and the environment lacks."""
        for source in unsigned(self.settings, self.holder.playbook()):
            name = source.auth.secret_env
            log.warning("source.secret_missing", source=source.name, looked_for=[name, f"{name}_FILE"])
        asking.warn(self.settings, self.holder.playbook())
        self.fleet.warn()
