"""Several processes on one store, each of which can be killed: webs, workers, a scheduler."""

from __future__ import annotations

import itertools
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mappings.starter import write_starter
from sync import cursors, processes
from sync.database import open_store
from sync.processes import Process
from sync.tables import leases
from tests.crash.process import FORKS, _free_port
from tests.journeys.house import SPACE, Books, environment
from tests.waiting import PATIENCE, eventually

ROLES = ("web", "web", "worker", "worker", "worker", "scheduler")


class Member:
    """One process of the town."""

    def __init__(self, role: str, environ: Mapping[str, str], log: Path) -> None:
        self.role, self.environ, self.log = role, dict(environ), log
        self._process: Any = None
        if role == "web":
            self.port = _free_port()
            self.environ["LEADRELAY_PORT"] = str(self.port)

    @property
    def url(self) -> str:
        """Where a web process answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The number of the process."""
        found: int = self._process.pid
        return found

    def start(self) -> None:
        """Start it; it is not up yet."""
        self._process = FORKS.Process(target=_run, args=(self.role, self.environ, str(self.log)))
        self._process.start()

    def kill(self) -> None:
        """End it between any two instructions."""
        self._process.kill()
        self._process.join()

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def exit_code(self) -> int:
        """Wait for its end."""
        self._process.join(PATIENCE)
        code: int = self._process.exitcode
        return code

    def words(self) -> str:
        """The end of what it has logged."""
        return self.log.read_text(encoding="utf-8")[-4_000:] if self.log.exists() else ""

    def is_alive(self) -> bool:
        """Say whether it runs."""
        return self._process is not None and self._process.is_alive()


class Town(Books):
    """All processes, their store and their door: ``url`` is each web's in turn."""

    def __init__(
        self, database_url: str, broker_url: str, folder: Path, crms: Mapping[str, Any], **environ: str
    ) -> None:
        super().__init__(open_store(database_url))
        self.playbook = folder / "playbook"
        write_starter(self.playbook)
        self.environ = environment(database_url, self.playbook, crms)
        del self.environ["LEADRELAY_PORT"]  # of the webs alone
        self.environ |= {"LEADRELAY_BROKER_URL": broker_url, "LEADRELAY_LOG_LEVEL": "info", **environ}
        names = [f"{role}-{number}" for number, role in enumerate(ROLES)]
        self.members = {
            name: Member(role, self.environ, folder / f"{name}.log")
            for name, role in zip(names, ROLES, strict=True)
        }
        self._turn = itertools.cycle([one for one in self.members.values() if one.role == "web"])
        self._lock = threading.Lock()

    def start(self) -> Town:
        """Start all, and wait until they know the CRMs' people."""
        for one in self.members.values():
            one.start()
        eventually(self.is_up, "all processes")
        return self

    def is_up(self) -> bool:
        """Say whether every process has said that it lives; fail at once where one has ended."""
        for name, one in self.members.items():
            assert one.is_alive(), f"{name} has ended:\n{one.words()}"
        pids = {int(one.name.split(":")[1]) for one in self.living()}
        return pids >= {one.pid for one in self.members.values()} and self._is_reachable()

    def _is_reachable(self) -> bool:
        try:
            return all(requests.get(f"{one.url}/healthz", timeout=60).ok for one in self.webs())
        except requests.RequestException:
            return False

    def webs(self) -> list[Member]:
        """The processes that take posts."""
        return [one for one in self.members.values() if one.role == "web"]

    def url(self) -> str:
        """The address of the next web."""
        with self._lock:
            return next(self._turn).url

    def living(self) -> list[Process]:
        """The processes that have lately said that they live."""
        known = self.read(lambda snapshot: processes.load(snapshot, SPACE))
        return [one for one in known if one.lives(self.clock.now())]

    def matched(self) -> set[str]:
        """The connections whose mirror is whole, and has been compared with the leads."""
        found = self.read(lambda snapshot: cursors.load(snapshot, SPACE))
        return {one.connection for one in found if one.job == cursors.MATCH and not one.is_walking}

    def holder(self, lease: str) -> Member | None:
        """The process that holds a lease now."""

        def look(snapshot: Connection) -> str:
            found = snapshot.execute(sa.select(leases.c.holder).filter_by(name=lease)).scalar()
            return found or ""

        name = self.read(look)
        pid = int(name.split(":")[1]) if name else None
        return next((one for one in self.members.values() if one.is_alive() and one.pid == pid), None)

    def close(self) -> None:
        """End all that still runs."""
        for one in self.members.values():
            if one.is_alive():
                one.kill()
        self.store.close()


def _run(role: str, environ: Mapping[str, str], log: str) -> None:
    """Be `leadrelay <role>` in a process of its own."""
    from leadrelay.__main__ import main

    with open(log, "ab") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    os.environ.update(environ)
    sys.argv = ["leadrelay", role]
    main()
