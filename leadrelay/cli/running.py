"""Commands that run something until they are told to stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from leadrelay import demo, logs
from leadrelay.cli.common import FOUND_PROBLEMS, WRONG_USAGE, console, errors, fail, load_settings
from leadrelay.settings import Settings
from leadrelay.wiring import Daemon
from mappings.problems import PlaybookError
from model.errors import LeadRelayError


def serve() -> None:
    """Run everything in this process: HTTP, decider, delivery, jobs. SIGTERM drains and ends it."""
    settings = load_settings()
    logs.configure(settings.log_level)
    daemon = _build(settings)
    stopped = _stop_signal()
    daemon.start()
    stopped.wait()
    daemon.stop()


def sandbox() -> None:
    """Run the sandbox CRMs alone: HubSpot on 8901, Salesforce on 8902."""
    from sandbox.__main__ import main

    main()


def run(
    folder: Annotated[Path, typer.Option(help="Where store and playbook are kept.")] = Path("data/demo"),
    rate: Annotated[float, typer.Option(help="Leads a second of the demo traffic.")] = 0.5,
    leads: Annotated[int, typer.Option(help="Stop sending after this many; 0 goes on.")] = 0,
) -> None:
    """Run the daemon against the bundled sandbox CRMs with a stream of realistic leads."""
    environ = demo.environment(folder)
    os.environ.update({name: value for name, value in environ.items() if name not in os.environ})
    demo.prepare(folder)
    settings = load_settings()
    logs.configure("warning", for_people=True)
    stopped = _stop_signal()
    crms = subprocess.Popen([sys.executable, "-m", "sandbox"], stdout=subprocess.DEVNULL)
    try:
        demo.wait_for_sandbox(settings, crms)
        daemon = _build(settings)
        daemon.start()
        try:
            demo.show_addresses(settings, daemon.port, folder)
            traffic = demo.Traffic(settings, daemon.port, rate, leads, stopped)
            traffic.start()
            stopped.wait()
        finally:
            daemon.stop()
    except LeadRelayError as error:
        fail(str(error))
    finally:
        crms.terminate()
        crms.wait(timeout=10)
    console.print("Stopped. Store and playbook are kept in", str(folder), markup=False)


def _build(settings: Settings) -> Daemon:
    if not settings.playbook.is_dir():
        fail(
            f"There is no playbook at {settings.playbook}. Write the starter with "
            f"`leadrelay init {settings.playbook}`, or set LEADRELAY_PLAYBOOK.",
            WRONG_USAGE,
        )
    try:
        return Daemon(settings)
    except PlaybookError as error:
        for problem in error.problems:
            errors.print(str(problem), markup=False)
        fail(f"{len(error.problems)} problems found; nothing was started.", FOUND_PROBLEMS)
    except LeadRelayError as error:
        fail(str(error))


def _stop_signal() -> threading.Event:
    """Return an event that SIGTERM and Ctrl-C set; a second one ends the process at once."""
    stopped = threading.Event()

    def _stop(number: int, _frame: object) -> None:
        if stopped.is_set():
            os._exit(128 + number)
        stopped.set()

    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    return stopped
