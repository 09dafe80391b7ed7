"""The daemon as a process of its own: started, killed, started again on the same port."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import requests

from mappings.starter import write_starter
from sync.database import open_store
from tests.journeys.crms import Crm
from tests.journeys.house import Books, environment
from tests.waiting import PATIENCE, eventually

PORTS = range(20_000, 32_000)  # below those that the system gives to connections going out

# Each start is a fork of a server that has everything imported: a start costs little, so many kills fit.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["leadrelay.cli", "leadrelay.wiring"])


class Process:
    """`leadrelay serve` with settings of its own."""

    def __init__(self, database_url: str, folder: Path, crms: Mapping[str, Crm], **environ: str) -> None:
        self.database_url = database_url
        self.playbook = folder / "playbook"
        self.log = folder / "daemon.log"
        self.port = _free_port()
        self.environ = environment(database_url, self.playbook, crms) | environ
        self.environ |= {"LEADRELAY_PORT": str(self.port)}
        self._process: Any = None
        write_starter(self.playbook)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it; it is not up yet."""
        self._process = FORKS.Process(target=_serve, args=(self.environ, str(self.log)))
        self._process.start()

    def wait_until_up(self) -> None:
        """Return when it answers; fail at once when it has ended instead."""
        eventually(self._is_up, "an answer of the daemon")

    def _is_up(self) -> bool:
        assert self._process.is_alive(), self.log.read_text(encoding="utf-8")[-4_000:]
        try:
            return requests.get(f"{self.url}/healthz", timeout=60).ok
        except requests.RequestException:
            return False

    def kill(self) -> None:
        """End it between any two instructions: no signal handler runs, nothing is flushed."""
        if self._process is not None:
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

    @contextlib.contextmanager
    def books(self) -> Iterator[Books]:
        """Open its store for a look; nobody else holds the file open while the daemon is down."""
        store = open_store(self.database_url)
        try:
            yield Books(store)
        finally:
            store.close()


def _serve(environ: Mapping[str, str], log: str) -> None:
    """Be `leadrelay serve` in a process of its own."""
    from leadrelay.__main__ import main

    with open(log, "ab") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    os.environ.update(environ)
    sys.argv = ["leadrelay", "serve"]
    main()


def _free_port() -> int:
    for port in random.SystemRandom().sample(PORTS, 100):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no port is free")
