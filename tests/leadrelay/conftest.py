"""The command line as a person uses it: alone, on an empty store, and beside a running daemon."""

from __future__ import annotations

import contextlib
import os
import random
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy.engine import Connection
from structlog.testing import capture_logs
from typer.testing import CliRunner

from leadrelay import settings
from leadrelay.cli import app
from leadrelay.wiring import Daemon
from mappings.starter import write_starter
from sync import cursors, migrate, teammates
from sync.database import open_store
from tests.journeys.crms import Crm, running_crms
from tests.journeys.house import Books, environment
from tests.waiting import eventually

PORTS = range(32_000 - 4_000, 32_000)  # below those that the system gives to connections going out


@dataclass(frozen=True)
class Answer:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Answer]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start from an environment that sets nothing, and leave nothing of `leadrelay run` in it."""
    for name in _settings():
        monkeypatch.delenv(name)
    yield
    for name in _settings():
        del os.environ[name]


def _settings() -> list[str]:
    return [
        name for name in os.environ if name.startswith("LEADRELAY_") and not name.startswith("LEADRELAY_TEST")
    ]


def run(*words: str, **environ: str) -> Answer:
    """Run a command in this process."""
    result = CliRunner().invoke(app, words, env=environ, catch_exceptions=False)
    return Answer(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def leadrelay() -> Command:
    """Run a command: ``leadrelay("check", LEADRELAY_PLAYBOOK=…)``."""
    return run


@pytest.fixture
def playbook(tmp_path: Path) -> Path:
    """The starter, in a folder of its own."""
    folder = tmp_path / "playbook"
    write_starter(folder)
    return folder


@pytest.fixture
def empty_store(tmp_path: Path) -> str:
    """The URL of a store in which nothing is."""
    url = f"sqlite:///{tmp_path / 'leadrelay.db'}"
    migrate.upgrade(url)
    return url


class House(Books):
    """A running daemon with the starter playbook and all its secrets, and the store beside it."""

    def __init__(self, folder: Path, crms: Mapping[str, Crm]) -> None:
        url = f"sqlite:///{folder / 'leadrelay.db'}"
        self.crms, self.playbook = crms, folder / "playbook"
        write_starter(self.playbook)
        self.environ = environment(url, self.playbook, crms) | {
            "LEADRELAY_SOURCE_PARTNER_SECRET": "partner-secret",
            "LEADRELAY_SOURCE_AUTOMATION_SECRET": "whsec_c2VjcmV0LW9mLXRoZS10ZXN0cw==",
        }
        self.daemon = Daemon(settings.load(self.environ))
        self.daemon.start()
        super().__init__(open_store(url))
        eventually(lambda: len(self.read(rosters_read)) == len(crms), "the owners of both CRMs")
        eventually(lambda: len(self.read(mirrored)) == len(crms), "the mirrors of both CRMs")

    def close(self) -> None:
        """Leave nothing behind."""
        self.daemon.stop()
        self.store.close()

    def post(self, **fields: str) -> dict[str, Any]:
        """Post to the website's source as a form does."""
        url = f"http://127.0.0.1:{self.daemon.port}/in/website"
        answer = requests.post(url, data=fields, timeout=30)
        assert answer.status_code == 202, answer.text
        taken: dict[str, Any] = answer.json()
        return taken

    def edit(self, file: str, old: str, new: str) -> None:
        """Change a file of the playbook and have it taken in."""
        path = self.playbook / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{file} does not say {old!r}"
        path.write_text(text.replace(old, new), encoding="utf-8")
        version = self.daemon.holder.playbook().version
        self.daemon.holder.look()
        eventually(lambda: self.daemon.holder.playbook().version != version, "the change in force")


def rosters_read(snapshot: Connection) -> frozenset[str]:
    """Return the connections whose owners are known."""
    return teammates.known_rosters(snapshot, "main")


def mirrored(snapshot: Connection) -> set[str]:
    """Return the connections whose mirror is whole, and has been compared with the leads."""
    walks = cursors.load(snapshot, "main")
    return {one.connection for one in walks if one.job == cursors.MATCH and not one.is_walking}


def event_in(house: House, state: str) -> int:
    """Return the row of the event that ended in this state."""
    return next(row["id"] for row in house.set_aside() if row["state"] == state)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A daemon that writes to both sandbox CRMs, shared by the tests of a file."""
    folder = tmp_path_factory.mktemp("house")
    with running_crms() as crms, capture_logs():  # the daemon's lines are not the commands'
        for crm in crms.values():
            crm.reset()
        shared = House(folder, crms)
        try:
            yield shared
        finally:
            shared.close()


@pytest.fixture
def beside(house: House) -> Command:
    """Run a command in the environment of the running daemon."""

    def command(*words: str, **environ: str) -> Answer:
        return run(*words, **{**house.environ, **environ})

    return command


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on."""
    found: list[int] = []
    for port in random.SystemRandom().sample(PORTS, 200):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("too few ports are free")
