"""Runs the fake vendors in one process on waitress, the CRMs over TLS as well, and a mail server beside."""

from __future__ import annotations

import logging
import os
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import waitress
from flask import Flask
from waitress import wasyncore

from sandbox.app import vendor_of
from sandbox.channels import Channel
from sandbox.clock import Clock
from sandbox.keeping import Keeper
from sandbox.messaging.service import Messaging
from sandbox.messaging.smtp import MailServer
from sandbox.registry import VENDORS
from sandbox.tls import channels

PORTS = {"hubspot": 8901, "salesforce": 8902, "messaging": 8903, "smtp": 8925}
TLS_ABOVE = 10  # 8911 speaks TLS for 8901
OVER_TLS = ("hubspot", "salesforce")
THREADS = 32  # a fault that waits holds a thread; the others go on


class Server:
    """One app on one port, served by threads of this process until it is stopped.

    With a ``tls`` context it is served over TLS as well, on a second port, by the same threads. With a
    ``folder`` its account is read from there, and kept there.
    """

    def __init__(
        self,
        app: Flask,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        tls_port: int = 0,
        folder: Path | None = None,
    ) -> None:
        self.app, self.tls_url = app, ""
        self._keeper = Keeper(vendor_of(app), folder) if folder else None
        self.is_new = self._keeper is None or not self._keeper.load()
        self._sockets: dict[int, Any] = {}
        self._waitress = self._listen(host, port, "http")
        self.url = f"http://{host}:{self._waitress.effective_port}"
        if tls is not None:
            try:
                secure = self._listen(host, tls_port, "https", self._waitress.task_dispatcher)
            except OSError:
                self._close()
                raise
            secure.channel_class = channels(tls)
            self.tls_url = f"https://{host}:{secure.effective_port}"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=f"sandbox {self.url}", daemon=True)

    def _listen(self, host: str, port: int, scheme: str, workers: Any = None) -> Any:
        server = waitress.create_server(
            self.app, self._sockets, _dispatcher=workers, host=host, port=port, url_scheme=scheme,
            threads=THREADS, connection_limit=1000, asyncore_use_poll=True,
            clear_untrusted_proxy_headers=False, log_socket_errors=False, ident="",
        )  # fmt: skip
        server.channel_class = Channel
        # Hold the headers back until the body leaves with them; waitress itself sets TCP_NODELAY.
        server.adj.send_bytes = 1 << 16
        return server

    def start(self) -> Server:
        """Begin to answer."""
        # More calls than threads, and answers that break off, are no news here.
        for name in ("waitress.queue", "waitress"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self._thread.start()
        if self._keeper:
            self._keeper.start()
        return self

    def stop(self) -> None:
        """Close the ports and every connection, and keep the account; calls that wait are cut off."""
        vendor_of(self.app).closed.set()
        self._stopping.set()
        self._waitress.pull_trigger()
        self._thread.join()
        self._close()
        if self._keeper:
            self._keeper.stop()

    def _close(self) -> None:
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


def tls_ports(environ: Mapping[str, str] = os.environ) -> dict[str, int]:
    """The port over TLS of each CRM: ten above the plain one, or LEADRELAY_SANDBOX_<VENDOR>_TLS_PORT."""
    return {
        name: int(environ.get(f"LEADRELAY_SANDBOX_{name.upper()}_TLS_PORT", port + TLS_ABOVE))
        for name, port in ports(environ).items()
        if name in OVER_TLS
    }


def tls_hosts(environ: Mapping[str, str] = os.environ) -> list[str]:
    """The names beside localhost that the certificate is for: LEADRELAY_SANDBOX_TLS_HOSTS, with commas."""
    return [
        name.strip() for name in environ.get("LEADRELAY_SANDBOX_TLS_HOSTS", "").split(",") if name.strip()
    ]


def serve(
    *,
    host: str = "127.0.0.1",
    on: Mapping[str, int] | None = None,
    tls: ssl.SSLContext | None = None,
    tls_on: Mapping[str, int] | None = None,
    folder: Path | None = None,
    prepare: Callable[[str, Server], None] | None = None,
) -> dict[str, Server | MailServer]:
    """Start every vendor on its port, all at one clock, and return at once; stop each to end them.

    With a ``tls`` context the CRMs also answer over TLS, on the ports of ``tls_on``; with a ``folder`` the
    accounts are kept there. ``smtp`` among the ports is the mail server, which belongs to ``messaging`` and
    starts first: whoever gets an answer from the vendors can send mail. ``prepare`` is called with each
    vendor before it answers or saves anything: early calls wait, and an end in the middle leaves nothing.
    Raises ``NotKept`` for a folder that is no good, OSError for a port in use.
    """
    clock, wanted = Clock(), dict(ports() if on is None else on)
    secure = tls_ports() if tls_on is None else tls_on
    servers = {
        name: Server(
            VENDORS[name](clock),
            host=host,
            port=port,
            tls=tls if name in OVER_TLS else None,
            tls_port=secure.get(name, 0),
            folder=folder,
        )
        for name, port in wanted.items()
        if name != "smtp"
    }
    if prepare is not None:
        for name, server in servers.items():
            prepare(name, server)
    started: dict[str, Server | MailServer] = {}
    if "smtp" in wanted:
        service = vendor_of(servers["messaging"].app)
        assert isinstance(service, Messaging)
        started["smtp"] = MailServer(service, host=host, port=wanted["smtp"]).start()
    return started | {name: server.start() for name, server in servers.items()}


@contextmanager
def running(app: Flask) -> Iterator[str]:
    """Serve an app on a free port while the block runs; yields its address."""
    server = Server(app).start()
    try:
        yield server.url
    finally:
        server.stop()
