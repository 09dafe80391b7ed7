"""Commands that run something until they are told to stop.

Daemon, sandbox and vendors' clients load slowly: they are imported where they are run, so
that all other commands start in half the time.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from leadrelay import garbage, logs
from leadrelay.cli.common import (
    FOUND_PROBLEMS,
    WRONG_USAGE,
    console,
    counted,
    errors,
    fail,
    keep_to_ourselves,
    load_settings,
    unusable,
)
from leadrelay.roles import SCHEDULER, SERVE, WEB, WORKER, Role
from leadrelay.settings import Settings
from mappings.problems import PlaybookError
from model.errors import LeadRelayError

if TYPE_CHECKING:
    from leadrelay.wiring import Daemon

STOP_SECONDS = 35.0  # a call in flight may take its 30; whoever stops us kills us some time later


def serve() -> None:
    """Run everything in this process: HTTP, decider, delivery, jobs. SIGTERM drains and ends it."""
    _run_role(SERVE)


def web() -> None:
    """Scaled out: take posts and webhooks, show the pages. As many as you like."""
    _run_role(WEB)


def worker() -> None:
    """Scaled out: deliver, follow the CRMs, stand by as decider. As many as you like."""
    _run_role(WORKER)


def scheduler() -> None:
    """Scaled out: what the clock starts, once for all. One; a second one stands by."""
    _run_role(SCHEDULER)


def _run_role(role: Role) -> None:
    settings = load_settings()
    logs.configure(settings.log_level)
    keep_to_ourselves()
    daemon = _build(settings, role)
    stopped = _stop_signal()
    try:
        _start(daemon, settings)
        stopped.wait()
    finally:
        with _ends_in_time():
            daemon.stop()


def sandbox(
    folder: Annotated[
        Path | None, typer.Option(help="Keep the accounts here; without it they live in memory.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Fill new accounts with so many people.", min=0)] = 0,
) -> None:
    """Run the sandbox alone: HubSpot 8901, Salesforce 8902 (TLS: 8911, 8912), messages 8903, SMTP 8925."""
    from leadrelay import demo
    from sandbox.__main__ import run as run_sandbox

    try:
        demo.check_ports(demo.sandbox_ports() | demo.sandbox_tls_ports())
    except LeadRelayError as error:
        fail(str(error))
    run_sandbox(folder=folder, seed=seed)


def run(
    folder: Annotated[Path, typer.Option(help="Where store and playbook are kept.")] = Path("data/demo"),
    rate: Annotated[float, typer.Option(help="Leads a second of the demo traffic.")] = 0.5,
    leads: Annotated[int, typer.Option(help="Stop sending after this many; 0 goes on.")] = 0,
) -> None:
    """Run the daemon against the bundled sandbox CRMs with a stream of realistic leads."""
    from leadrelay import demo, demo_crms

    try:
        ports = demo.sandbox_ports()
        own = demo.take_environment(folder, ports)
        settings = load_settings()
        demo.check_ports(ports | demo.sandbox_tls_ports() | {"daemon": settings.port})
        keep_to_ourselves()
        demo.prepare(folder)
    except LeadRelayError as error:
        fail(str(error))
    logs.configure("warning", for_people=True)
    stopped = _stop_signal()
    crms = subprocess.Popen(
        [sys.executable, "-m", "leadrelay.bundled"],
        stdin=subprocess.PIPE,  # it ends when this end closes, whatever becomes of us
        stdout=subprocess.DEVNULL,
        process_group=0,  # Ctrl-C is for us alone: calls in flight finish before the CRMs go
    )
    try:
        demo.wait_for_sandbox(ports, crms)
        daemon = _build(settings)
        try:
            demo_crms.connect(settings, daemon.store, ports)
            daemon.fleet.take_connections()
            _start(daemon, settings)
            demo_crms.tell_callbacks(daemon.port, ports)
            demo.show_addresses(settings, daemon.port, folder, ports, own)
            demo.Traffic(settings, daemon.port, rate, leads, stopped).start()
            stopped.wait()
        finally:
            with _ends_in_time():
                daemon.stop()
    except LeadRelayError as error:
        fail(str(error))
    finally:
        crms.terminate()
        crms.wait(timeout=10)
    console.print(
        f"Stopped. Playbook and store are kept in {folder}; the next run begins with an empty store.",
        markup=False,
    )


def _build(settings: Settings, role: Role = SERVE) -> Daemon:
    if not settings.playbook.is_dir():
        fail(
            f"There is no playbook at {settings.playbook}. Write the starter with "
            f"`leadrelay init {settings.playbook}`, or set LEADRELAY_PLAYBOOK.",
            WRONG_USAGE,
        )
    from leadrelay.wiring import Daemon

    try:
        return Daemon(settings, role)
    except PlaybookError as error:
        for problem in error.problems:
            errors.print(str(problem), markup=False)
        fail(f"{counted(len(error.problems), 'problem')} found; nothing was started.", FOUND_PROBLEMS)
    except LeadRelayError as error:
        fail(str(error))
    except SQLAlchemyError as error:
        fail(unusable(settings, error))


def _start(daemon: Daemon, settings: Settings) -> None:
    try:
        daemon.start()
        garbage.rest()
    except OSError as error:
        fail(
            f"Port {settings.port} on {settings.host} cannot be used: {os.strerror(error.errno or 0)}. "
            "Set LEADRELAY_PORT, or stop what listens there."
        )
    except LeadRelayError as error:
        fail(str(error))


def _stop_signal() -> threading.Event:
    """Return an event that SIGTERM and Ctrl-C set; a second one ends the process at once.

    The signal reaches a thread through a socket: a handler that sets an event may interrupt
    the very thread that holds the event's lock, and a signal given to another thread than
    the main one does not wake the main one.
    """
    stopped = threading.Event()
    numbers, wakeup = socket.socketpair()
    wakeup.setblocking(False)
    signal.set_wakeup_fd(wakeup.fileno(), warn_on_full_buffer=False)

    def heed() -> None:
        with numbers, wakeup:
            while number := numbers.recv(1):
                if stopped.is_set():
                    os._exit(128 + number[0])
                stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)
    threading.Thread(target=heed, name="signals", daemon=True).start()
    return stopped


@contextlib.contextmanager
def _ends_in_time() -> Iterator[None]:
    """Say where every thread stands and end the process if stopping takes too long: a kill loses nothing."""
    faulthandler.dump_traceback_later(STOP_SECONDS, exit=True, file=2)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
