"""Runs the fake vendors, each on its own port, in one process: on waitress, and a mail server beside."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import waitress
from flask import Flask
from waitress import wasyncore

from sandbox.app import vendor_of
from sandbox.clock import Clock
from sandbox.messaging.service import Messaging
from sandbox.messaging.smtp import MailServer
from sandbox.registry import VENDORS

PORTS = {"hubspot": 8901, "salesforce": 8902, "messaging": 8903, "smtp": 8925}
THREADS = 32  # a fault that waits holds a thread; the others go on


class Server:
    """One app on one port, served by threads of this process until it is stopped."""

    def __init__(self, app: Flask, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.app = app
        self._sockets: dict[int, Any] = {}
        self._waitress = waitress.create_server(
            app, self._sockets, host=host, port=port, threads=THREADS,
            connection_limit=1000, asyncore_use_poll=True, clear_untrusted_proxy_headers=False, ident="",
        )  # fmt: skip
        # Hold the headers back until the body leaves with them; waitress itself sets TCP_NODELAY.
        self._waitress.adj.send_bytes = 1 << 16
        self.url = f"http://{host}:{self._waitress.effective_port}"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=f"sandbox {self.url}", daemon=True)

    def start(self) -> Server:
        """Begin to answer."""
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # more calls than threads is no news here
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close the port and every connection; calls that wait in a fault are cut off."""
        vendor_of(self.app).closed.set()
        self._stopping.set()
        self._waitress.pull_trigger()
        self._thread.join()
        self._waitress.task_dispatcher.shutdown(timeout=1)
        wasyncore.close_all(self._sockets)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            wasyncore.loop(timeout=1, use_poll=True, map=self._sockets, count=1)


def ports(environ: Mapping[str, str] = os.environ) -> dict[str, int]:
    """The port of each vendor and of the mail server: the usual one, or LEADRELAY_SANDBOX_<NAME>_PORT."""
    return {
        name: int(environ.get(f"LEADRELAY_SANDBOX_{name.upper()}_PORT", usual))
        for name, usual in PORTS.items()
    }


def serve(*, host: str = "127.0.0.1", on: Mapping[str, int] | None = None) -> dict[str, Server | MailServer]:
    """Start every vendor on its port, all at one clock, and return at once; stop each to end them.

    ``smtp`` among the ports is the mail server, which belongs to ``messaging`` and starts first: whoever gets
    an answer from the vendors can send mail.
    """
    clock, wanted = Clock(), dict(ports() if on is None else on)
    apps = {name: VENDORS[name](clock) for name in wanted if name != "smtp"}
    started: dict[str, Server | MailServer] = {}
    if "smtp" in wanted:
        service = vendor_of(apps["messaging"])
        assert isinstance(service, Messaging)
        started["smtp"] = MailServer(service, host=host, port=wanted["smtp"]).start()
    return started | {name: Server(app, host=host, port=wanted[name]).start() for name, app in apps.items()}


@contextmanager
def running(app: Flask) -> Iterator[str]:
    """Serve an app on a free port while the block runs; yields its address."""
    server = Server(app).start()
    try:
        yield server.url
    finally:
        server.stop()
