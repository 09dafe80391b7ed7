"""This process among the others on its store: it says that it lives, and clears up behind the dead."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from leadrelay.alerts.looks import Following
from leadrelay.roles import Role, Work
from leadrelay.settings import SPACE
from model.errors import StoreBusy
from model.times import EPOCH, Clock, from_text, to_text
from scheduler.jobs import Job
from scheduler.seats import Seats
from sync import fetches, outbox, processes
from sync.asking import asks
from sync.database import Store
from sync.edges import effects
from sync.processes import BEAT_EVERY, DEAD_AFTER, Process

log = structlog.get_logger("leadrelay.processes")

CHIEF = "schedule"  # the seat of who does what one does for all
LIVE_EVERY = 1.0  # seconds: a third of a seat's term at most
UNHEARD = 5.0  # seconds without a look for signs of life after which silence is no proof: the store was away
LAST_WAIT = 5.0  # seconds for the last sign of life on the way out

Facts = Mapping[str, Any]
DOERS = {
    Work.DECIDE: "decides",
    Work.DELIVER: "delivers",
    Work.FOLLOW: "follows the CRMs",
    Work.SCHEDULE: "schedules",
}


class Processes:
    """What a process must know and say where it is not the only one; on one process there is none of it."""

    def __init__(self, store: Store, clock: Clock, role: Role) -> None:
        self._store, self._clock, self.role = store, clock, role
        self.mark = secrets.token_hex(4)  # the leases of its deliveries begin with it
        self.name = f"{socket.gethostname()}:{os.getpid()}:{self.mark}"
        self.seats = Seats(store, clock, SPACE, self.name)
        self.facts: Callable[[], Facts] = dict
        self._began_at, self._beaten_at = clock.now(), float("-inf")
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._live, name="signs-of-life", daemon=True)
        self._known: Sequence[Process] = ()
        self._heard: dict[str, tuple[object, float]] = {}  # of others: the last sign of life, and since when
        self._listened_at = float("-inf")

    def start(self) -> None:
        """Say that this process lives, and go on saying so; the thread waits for nothing but the store."""
        self.beat()
        self._thread.start()

    def _live(self) -> None:
        while not self._leaving.wait(LIVE_EVERY):
            try:
                self.seats.keep()
                if time.monotonic() - self._beaten_at >= BEAT_EVERY:
                    self.beat()
            except (StoreBusy, SQLAlchemyError) as error:
                log.warning("processes.unheard", reason=type(error).__name__)
            except Exception:  # whatever it is, the next sign of life is due soon
                log.exception("processes.failed")

    def beat(self) -> None:
        """Say that this process lives, and hear who else does. Raises ``StoreBusy``."""
        now, self._beaten_at = self._clock.now(), time.monotonic()
        works = tuple(sorted(self.role.works))
        ours = Process(self.name, self.role.name, works, self._began_at, now, dict(self.facts()))
        self._store.write(partial(processes.beat, space=SPACE, one=ours))
        with self._store.snapshot() as snapshot:
            self._known = processes.load(snapshot, SPACE)

    def leave(self) -> None:
        """Give up the seats and go off the list, so that nobody waits for us: nothing is in hand any more."""
        self._leaving.set()
        if self._thread.is_alive():
            self._thread.join(LAST_WAIT)
        self.seats.release_all()
        self._store.write(partial(processes.leave, space=SPACE, name=self.name))

    def for_all(self, job: Job) -> Job:
        """Let a job run where this process is the one that does it for all."""
        seat = self.seats.at(CHIEF)
        return replace(job, run=lambda: job.run() if seat.take() else None)

    @property
    def is_chief(self) -> bool:
        """Say whether this process does what one does for all."""
        return self.seats.at(CHIEF).is_ours

    def told(self) -> list[dict[str, Any]]:
        """Return all processes for people, those that were killed an hour ago at most too."""
        now = self._clock.now()
        return [as_told(one, now) for one in self._known]

    def living(self) -> list[Process]:
        """Return those that live, this one among them, as last heard."""
        now = self._clock.now()
        return [one for one in self._known if one.lives(now)]

    def missing(self) -> list[str]:
        """Return which parts of the work nobody does, in words."""
        return missing({work for one in self.living() for work in one.works})

    def summary(self) -> dict[str, Any]:
        """Return how many of each role live, and which part of the work nobody does."""
        roles = [one.role for one in self.living()]
        return {
            "processes": {role: roles.count(role) for role in sorted({*roles})},
            "missing": self.missing(),
        }

    def others(self) -> list[Process]:
        """Return the others that live, as last heard."""
        return [one for one in self.living() if one.name != self.name]

    def bury(self) -> None:
        """Free what dead processes had in hand, so that it goes on before their leases run out.

        Dead is who gave no new sign of life while we looked for ``DEAD_AFTER``: whatever the
        clocks of machines say, and though the store was away for all of us.
        """
        at = time.monotonic()
        with self._store.snapshot() as snapshot:
            known = processes.load(snapshot, SPACE)
        heard, self._heard = self._heard, {}
        if at - self._listened_at > UNHEARD:
            heard = {}
        self._listened_at = at
        for one in known:
            sign, since = heard.get(one.name, (None, at))
            self._heard[one.name] = (one.beat_at, since if sign == one.beat_at else at)
            if at - self._heard[one.name][1] >= DEAD_AFTER.total_seconds():
                self._free(one)
        self._store.write(partial(processes.forget, space=SPACE, now=self._clock.now()))

    def _free(self, dead: Process) -> None:
        mark = dead.name.rpartition(":")[2]

        def free(connection: Connection) -> int:
            kinds = (outbox, effects, fetches, asks)
            return sum(kind.release_leases(connection, SPACE, mark) for kind in kinds)

        if freed := self._store.write(free):
            log.warning("process.dead", process=dead.name, role=dead.role, freed=freed)


def missing(done: Collection[str]) -> list[str]:
    """Return which parts of the work nobody does, in words; ``done`` are those that somebody does."""
    return [f"no process {words}" for work, words in DOERS.items() if work not in done]


def as_told(one: Process, now: datetime) -> dict[str, Any]:
    """Return a process for people: who it is, what it does, whether it lives."""
    return {
        "name": one.name,
        "role": one.role,
        "works": list(one.works),
        "since": to_text(one.began_at),
        "lives": one.lives(now),
        "heard_seconds_ago": round(max(0.0, (now - one.beat_at).total_seconds()), 1),
        "deciding": bool(one.facts.get("deciding")),
        "trouble": one.facts.get("trouble"),
    }


def delivered_at(ours: Mapping[str, datetime], others: Sequence[Process]) -> dict[str, datetime]:
    """Return when each connection last answered a write, whoever made it."""
    found = dict(ours)
    for one in others:
        for name, at in one.facts.get("delivered_at", {}).items():
            found[name] = max(found.get(name, EPOCH), from_text(at))
    return found


def followed(ours: Mapping[str, Following], others: Sequence[Process]) -> dict[str, Following]:
    """Return whose changes are followed, with what keeps whoever follows them from it."""
    found = dict(ours)
    for one in others:
        for name, failure in one.facts.get("following", {}).items():
            if failure and name in found:
                found[name] = replace(found[name], failure=failure)
    return found


def combined(ours: Facts, others: Sequence[Process]) -> dict[str, Any]:
    """Return our facts with what only others know: who decides, what is called, which alarms stand."""
    facts = dict(ours)
    theirs = [one.facts for one in others]
    facts["deciding"] = any(one.get("deciding") for one in (ours, *theirs))
    alarms = [alarm for one in (ours, *theirs) for alarm in one.get("alarms", ())]
    facts["alarms"] = list({(one["kind"], one["subject"]): one for one in alarms}.values())
    facts["connections"] = {
        name: {**one, "calls": one["calls"] + sum(_calls(each, name) for each in theirs)}
        for name, one in ours["connections"].items()
    }
    facts["unusable"] = {k: why for one in (*theirs, ours) for k, why in one.get("unusable", {}).items()}
    facts["unset"] = sorted({said for one in (ours, *theirs) for said in one.get("unset", ())})
    for kind in ("polls", "following"):
        facts[kind] = {k: why for one in (ours, *theirs) for k, why in one.get(kind, {}).items()}
    read = [(k, at) for one in (ours, *theirs) for k, at in one.get("polled_at", {}).items() if at]
    facts["polled_at"] = {k: max(at for name, at in read if name == k) for k, _ in read}
    return facts


def _calls(facts: Facts, name: str) -> int:
    found: int = facts.get("connections", {}).get(name, {}).get("calls", 0)
    return found
