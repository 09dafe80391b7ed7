"""One seeded run from its beginning to its verdict, and the command that repeats it."""

from __future__ import annotations

import os
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from flask import Flask
from structlog.testing import capture_logs

from handlers.registry import HANDLERS
from mappings.compile import load
from mappings.playbook import Playbook, Polling
from mappings.starter import write_starter
from sandbox.app import vendor_of
from sandbox.clock import Clock
from sandbox.registry import VENDORS
from sandbox.server import running
from tests.agreement.checks import problems
from tests.agreement.counts import what_happened, writes_for_nothing, writes_too_many
from tests.agreement.crms import Account
from tests.agreement.process import Process, VirtualClock
from tests.agreement.world import NOON, World
from tests.contracts.crms import CRMS, DIALECTS

STEPS = 120
EVERY = 3  # seed with companies and deals
APART = ("follow_up", "notify")
SALES = ("account", "deals")
SHOWN = 60  # last lines of a run's log that a failure shows

Vendors = Mapping[str, tuple[Flask, str]]


def seeds(usual: str) -> range:
    """Return the seeds that ``SEEDS=first:last`` names, or the usual ones."""
    first, last = map(int, os.environ.get("SEEDS", usual).split(":"))
    return range(first, last + 1)


@contextmanager
def both_crms() -> Iterator[Vendors]:
    """Run both sandboxes on one clock; yield each app with its address."""
    clock = Clock()
    with ExitStack() as stack:
        apps = {name: VENDORS[name](clock) for name in CRMS}
        yield {name: (app, stack.enter_context(running(app))) for name, app in apps.items()}


def playbook_in(folder: Path) -> Playbook:
    """Return the starter without tasks and messages, looked at often enough for a run of some minutes."""
    write_starter(folder)
    loaded = load(folder, tuple(HANDLERS))
    fast = Polling(timedelta(seconds=20), timedelta(seconds=15), timedelta(minutes=5), timedelta(minutes=15))
    left: dict[str, Any] = {"polling": fast, "tasks": None, "needs": (), "adopt_when": None}
    return replace(
        loaded,
        pipeline=tuple(one for one in loaded.pipeline if one not in APART),
        crms={name: replace(crm, **left) for name, crm in loaded.crms.items()},
    )


def people_alone(playbook: Playbook) -> Playbook:
    """Leave companies and deals out."""
    return replace(
        playbook,
        pipeline=tuple(one for one in playbook.pipeline if one not in SALES),
        crms={name: replace(crm, account=None, deal=None) for name, crm in playbook.crms.items()},
        deals=None,
    )


@dataclass
class Runs:
    """Runs one after the other over the same sandboxes, each with an empty store.

    In every third one there are companies and deals, too; in the others only people, and more happens to each
    of them: a run with all takes twice the time.
    """

    vendors: Vendors
    playbook: Playbook
    empty: Path  # a migrated SQLite file
    folder: Path
    happened: Counter[str] = field(default_factory=Counter)  # acts and faults of all runs
    _ready: Mapping[bool, tuple[Playbook, bytes]] = field(
        init=False
    )  # whether deals are sold -> where it begins

    def __post_init__(self) -> None:
        playbooks = {True: self.playbook, False: people_alone(self.playbook)}
        self._ready = {sells: (one, self._taken_in(one)) for sells, one in playbooks.items()}

    def _taken_in(self, playbook: Playbook) -> bytes:
        """Return the store of a house that has taken in two CRMs in which there is nobody yet."""
        path = self.folder / "ready.db"
        path.write_bytes(self.empty.read_bytes())
        accounts, urls, clock = self._reset()
        process = Process(f"sqlite:///{path}", accounts, urls, VirtualClock(clock), playbook, lambda: None)
        process.take_in()
        process.store.close()
        return path.read_bytes()

    def fail(self, some: Iterable[int], *, webhooks: bool) -> list[str]:
        """Run seeds; return what is to be said of those that ended wrong, each with how to repeat it."""
        with capture_logs():  # nobody reads them, and to write them out takes a tenth of the time
            return [text for seed in some if (text := self._failure(seed, webhooks))]

    def _failure(self, seed: int, webhooks: bool) -> str:
        world, found = self._run(seed, webhooks)
        self.happened += what_happened(world)
        return _told(world, found) if found else ""

    def begin(self, seed: int, webhooks: bool) -> World:
        """Return the world of a run in which nothing has happened yet."""
        path = self.folder / f"{seed}.db"
        playbook, begins = self._ready[seed % EVERY == 0]
        path.write_bytes(begins)
        accounts, urls, clock = self._reset()
        return World(f"sqlite:///{path}", accounts, urls, clock, playbook, seed, webhooks)

    def end(self, world: World) -> None:
        """Leave nothing of a run behind."""
        world.store.close()
        for one in self.folder.glob(f"{world.seed}.db*"):
            one.unlink()

    def _run(self, seed: int, webhooks: bool) -> tuple[World, list[str]]:
        """Let a run happen and come to rest; return all that is wrong then."""
        world = self.begin(seed, webhooks)
        try:
            for _ in range(Random(seed).randint(STEPS // 2, STEPS)):
                world.act()
            world.come_to_rest()
            return world, [*problems(world), *writes_for_nothing(world), *writes_too_many(world)]
        except Exception:  # noqa: BLE001 - whatever breaks a run, its seed is told and the others go on
            return world, [traceback.format_exc()]
        finally:
            self.end(world)

    def _reset(self) -> tuple[dict[str, Account], dict[str, str], Clock]:
        """Let the CRMs be as new, at noon; return their accounts, their addresses, and their clock."""
        for name, (app, _) in self.vendors.items():
            vendor = vendor_of(app)
            vendor.reset()
            vendor.faults.set({"limits": dict(DIALECTS[name].no_limits)})
        clock = vendor_of(self.vendors["hubspot"][0]).clock
        clock.set(NOON, frozen=True)
        accounts = {name: Account(name, app) for name, (app, _) in self.vendors.items()}
        return accounts, {name: address for name, (_, address) in self.vendors.items()}, clock


def _told(world: World, found: list[str]) -> str:
    which = "with" if world.webhooks else "without"
    again = f"make test ARGS='tests/agreement -k {which}_webhooks' SEEDS={world.seed}:{world.seed}"
    lines = [f"seed {world.seed} {which} webhooks:", *found, "It ended with:", *world.log[-SHOWN:]]
    return "\n".join([*lines, f"To repeat: {again}"])
