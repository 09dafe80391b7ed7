"""A RabbitMQ node of the tests' own: private, on loopback, gone when they end."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import socket
import subprocess
import time
import uuid
from pathlib import Path

from tests.waiting import PATIENCE

BINARIES = Path("/usr/lib/rabbitmq/bin")  # Debian's; those on the path only start the system's node
WITHOUT = "install RabbitMQ (Debian: apt-get install rabbitmq-server)"


def is_installed() -> bool:
    """Say whether there is a RabbitMQ on this machine."""
    return (BINARIES / "rabbitmq-server").exists() and shutil.which("epmd") is not None


class Broker:
    """One node with its files in ``home``; it can be killed and started again on the same port."""

    def __init__(self, home: Path) -> None:
        home.mkdir()
        self.port, dist, epmd = _free_ports(3)
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        plugins = home / "plugins"
        plugins.write_text("[].\n", encoding="utf-8")
        settings = home / "rabbitmq.conf"
        settings.write_text(
            "vm_memory_high_watermark.absolute = 1GB\nlog.console = false\n", encoding="utf-8"
        )
        self._log = home / "out"
        self._environ = (
            os.environ
            | {
                "HOME": str(home),  # the cookie lies there
                "ERL_EPMD_PORT": str(epmd),
                "ERL_EPMD_ADDRESS": "127.0.0.1",
                "RABBITMQ_CONF_ENV_FILE": "/dev/null",
                "RABBITMQ_CONFIG_FILE": str(settings.with_suffix("")),
                "RABBITMQ_NODENAME": f"leadrelay-{uuid.uuid4().hex[:8]}@localhost",
                "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
                "RABBITMQ_NODE_PORT": str(self.port),
                "RABBITMQ_DIST_PORT": str(dist),
                "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
                "RABBITMQ_LOG_BASE": str(home / "log"),
                "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
                "ERL_CRASH_DUMP": str(home / "erl_crash.dump"),  # else where the tests were called from
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
            }
        )
        # Ours to end: the node would start one that stays.
        self._names = subprocess.Popen(["epmd"], env=self._environ, stdin=subprocess.DEVNULL)
        self._node: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the node and wait until it takes connections."""
        with self._log.open("ab") as out:
            self._node = subprocess.Popen(
                [str(BINARIES / "rabbitmq-server")],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self._node.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(
                    f"RabbitMQ did not start:\n{self._log.read_text(encoding='utf-8')[-4_000:]}"
                )
            time.sleep(0.1)

    def kill(self) -> None:
        """End the node between any two instructions."""
        if self._node is not None:
            os.killpg(self._node.pid, 9)  # the script and the node that it started: a session of its own
            self._node.wait()
            self._node = None

    def close(self) -> None:
        """End everything that was started here."""
        self.kill()
        self._names.kill()
        self._names.wait()

    def _answers(self) -> bool:
        """Say whether it speaks AMQP: the port may be open before."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"AMQP\x00\x00\x09\x01")
                return connection.recv(1) == b"\x01"
        except OSError:
            return False


def _free_ports(count: int) -> list[int]:
    """Return ports below those that the system gives to connections going out."""
    found: list[int] = []
    for port in random.SystemRandom().sample(range(20_000, 32_000), 200):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("no port is free")
