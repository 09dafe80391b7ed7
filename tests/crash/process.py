"""The daemon as a process of its own: started, killed, started again on the same port."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import requests

from mappings.starter import write_starter
from sync.database import open_store
from tests.journeys.crms import Crm
from tests.journeys.house import Books, environment, eventually

PORTS = range(20_000, 32_000)  # below those that the system gives to connections going out


class Process:
    """`leadrelay serve` with settings of its own."""

    def __init__(self, database_url: str, folder: Path, crms: Mapping[str, Crm], **environ: str) -> None:
        self.database_url = database_url
        self.playbook = folder / "playbook"
        self.log = folder / "daemon.log"
        self.port = _free_port()
        self._settings = environment(database_url, self.playbook, crms) | environ
        self._settings |= {"LEADRELAY_PORT": str(self.port)}
        self._process: subprocess.Popen[bytes] | None = None
        write_starter(self.playbook)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it; it is not up yet."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("LEADRELAY_")}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "leadrelay", "serve"],
                env=own | self._settings,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_up(self) -> None:
        """Return when it answers; fail at once when it has ended instead."""
        eventually(self._is_up, "an answer of the daemon")

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text(encoding="utf-8")[-4_000:]
        try:
            return requests.get(f"{self.url}/healthz", timeout=5).ok
        except requests.ConnectionError:
            return False

    def kill(self) -> None:
        """End it between any two instructions: no signal handler runs, nothing is flushed."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)

    def terminate(self) -> None:
        """Ask it to end."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def exit_code(self) -> int:
        """Wait for its end."""
        assert self._process is not None
        return self._process.wait(timeout=40)

    @contextlib.contextmanager
    def books(self) -> Iterator[Books]:
        """Open its store for a look; nobody else holds the file open while the daemon is down."""
        store = open_store(self.database_url)
        try:
            yield Books(store)
        finally:
            store.close()


def _free_port() -> int:
    for port in random.SystemRandom().sample(PORTS, 100):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no port is free")
