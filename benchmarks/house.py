"""Starts what is measured, each part a process on loopback, and reads what it used of the machine."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import requests

from benchmarks import playbooks
from benchmarks.crms import Crm, wait_for
from benchmarks.load import Plan, send
from benchmarks.posts import email

HOUSE = Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
SANDBOX_PORTS = ("hubspot", "salesforce", "hubspot_tls", "salesforce_tls", "messaging", "smtp")
STRANGER = 9_000_000  # the person who tries the way before anything is measured


@dataclass(frozen=True, slots=True)
class Process:
    """A running part."""

    popen: subprocess.Popen[bytes]
    port: int

    def cpu_seconds(self) -> float:
        """Return the processor time it has used."""
        fields = Path(f"/proc/{self.popen.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_mb(self) -> float:
        """Return the most memory it ever held."""
        status = Path(f"/proc/{self.popen.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


@contextmanager
def process(command: list[str], port: int, environ: Mapping[str, str] | None = None) -> Iterator[Process]:
    """Run ``python -m …`` while the block runs, from the moment it listens on ``port``."""
    with tempfile.TemporaryFile() as log:
        popen = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=HOUSE,
            env={**os.environ, **(environ or {})},
            stdout=log,
            stderr=log,
        )
        try:
            _wait_for_port(popen, port, log)
            yield Process(popen, port)
        finally:
            popen.terminate()
            try:
                popen.wait(timeout=30)
            except subprocess.TimeoutExpired:
                popen.kill()
                popen.wait()


def _wait_for_port(popen: subprocess.Popen[bytes], port: int, log: IO[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and popen.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    log.seek(0)
    raise RuntimeError(f"nothing listens on port {port}; it said:\n{log.read().decode()[-2000:]}")


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class House:
    """The CRMs that are up, and what can be started beside them."""

    hubspot: Crm
    salesforce: Crm
    messaging: Crm
    folder: Path

    @property
    def crms(self) -> tuple[Crm, Crm]:
        """Both."""
        return self.hubspot, self.salesforce

    @property
    def vendors(self) -> dict[str, Crm]:
        """Both, and the messaging services."""
        return {one.name: one for one in (*self.crms, self.messaging)}

    def renew(self, *, limited: bool) -> None:
        """Empty both CRMs and the channels."""
        for crm in self.vendors.values():
            crm.reset(limited=limited)

    def playbook(self, *, limited: bool, full: bool = False, poll: str = "") -> Path:
        """Return the starter playbook: the person alone or the full job, with or without the CRMs' limits."""
        name = f"{'full' if full else 'person'}-{'limited' if limited else 'free'}{poll}"
        return playbooks.write(self.folder / name, limited=limited, full=full, poll=poll)

    def environ(self, database_url: str, playbook: Path) -> dict[str, str]:
        """Return what connects a store and a playbook with both CRMs."""
        return {
            "LEADRELAY_DATABASE_URL": database_url,
            "LEADRELAY_PLAYBOOK": str(playbook),
            "LEADRELAY_SANDBOX": "true",
            "LEADRELAY_HUBSPOT_BASE_URL": self.hubspot.url,
            "LEADRELAY_HUBSPOT_TOKEN": "sandbox-token",
            "LEADRELAY_SALESFORCE_BASE_URL": self.salesforce.url,
            "LEADRELAY_SALESFORCE_TOKEN": "00Dsandbox!sandbox-token",
        }

    @contextmanager
    def daemon(
        self,
        *,
        limited: bool,
        full: bool = False,
        slack: bool = False,
        poll: str = "",
        more: Mapping[str, str] | None = None,
    ) -> Iterator[Process]:
        """Run the daemon with an empty store on disk, both CRMs connected and one lead through it.

        ``poll`` is the time between two looks at what has changed, if not the starter's; ``more`` are
        further variables.
        """
        self.renew(limited=limited)
        port = free_port()
        with tempfile.TemporaryDirectory(dir=self.folder) as home:
            playbook = self.playbook(limited=limited, full=full, poll=poll)
            environ = self.environ(f"sqlite:///{home}/leadrelay.db", playbook)
            environ |= {"LEADRELAY_PORT": str(port), **(more or {})}
            if slack:
                environ["LEADRELAY_SLACK_WEBHOOK_URL"] = self.messaging.hook()
            with process(["leadrelay", "serve"], port, environ) as daemon:
                self.try_out(port)
                yield daemon

    @contextmanager
    def script(self, *, limited: bool) -> Iterator[Process]:
        """Run the obvious script against empty CRMs."""
        self.renew(limited=limited)
        port = free_port()
        urls = [self.hubspot.url, self.salesforce.url]
        with process(["benchmarks.script", str(port), *urls], port) as script:
            self.try_out(port)
            yield script

    @contextmanager
    def bare(self, *, receives: bool = False, stores: bool = False) -> Iterator[Process]:
        """Run the HTTP server alone: doing nothing, or receiving as the daemon does, or storing as well."""
        port = free_port()
        with tempfile.TemporaryDirectory(dir=self.folder) as home:
            more = [str(self.playbook(limited=True))] if receives or stores else []
            more += [f"{home}/bare.db"] if stores else []
            with process(["benchmarks.bare", str(port), *more], port) as bare:
                send(Plan(port, STRANGER, 1))
                yield bare

    def try_out(self, port: int) -> None:
        """Send one lead all the way, so that nothing is measured that happens once."""
        [sent] = send(Plan(port, STRANGER, 1))
        if any(not found for found in wait_for(self.crms, {email(STRANGER): sent.at}, 20)):
            answer = requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5)
            raise RuntimeError(f"no lead came through: {answer.status_code} {answer.text}")


@contextmanager
def open_house() -> Iterator[House]:
    """Run the sandbox CRMs while the block runs."""
    ports = {name: free_port() for name in SANDBOX_PORTS}  # another sandbox may hold the usual ones
    environ = {f"LEADRELAY_SANDBOX_{name.upper()}_PORT": str(port) for name, port in ports.items()}
    with (
        tempfile.TemporaryDirectory(prefix="leadrelay-bench-") as folder,
        process(["sandbox"], ports["salesforce"], environ) as sandbox,
    ):
        names = ("hubspot", "salesforce", "messaging")
        crms = {name: Crm(name, f"http://127.0.0.1:{ports[name]}") for name in names}
        while not all(crm.is_up() for crm in crms.values()):
            if sandbox.popen.poll() is not None:
                raise RuntimeError(f"the sandbox ended with {sandbox.popen.returncode}")
            time.sleep(0.05)
        yield House(crms["hubspot"], crms["salesforce"], crms["messaging"], Path(folder))
