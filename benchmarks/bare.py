"""The daemon's HTTP server without the daemon: what of an acknowledgement is HTTP, what is the store.

python -m benchmarks.bare PORT                 reads a post and answers 202, nothing else
python -m benchmarks.bare PORT PLAYBOOK        the receiver, which forgets what it got
python -m benchmarks.bare PORT PLAYBOOK STORE  the receiver with its store, nobody deciding
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from flask import Flask, Response, jsonify, request
from prometheus_client import CollectorRegistry

from leadrelay.clock import SystemClock
from leadrelay.playbooks import PlaybookHolder
from model.event import Event
from sync import inbox, migrate
from sync.database import open_store
from sync.inbox import Receipt
from webhooks.forms import Append
from webhooks.server import create_app, serve


def nothing() -> Flask:
    """Build the app that does nothing."""
    app = Flask("nothing", static_folder=None)

    @app.post("/in/<name>")
    def receive(name: str) -> Response:
        request.get_data()
        answer = jsonify(event=name, duplicate=False)
        answer.status_code = 202
        return answer

    return app


def receiver(playbook: str, file: str = "") -> Flask:
    """Build the app that takes posts as the daemon does, and stores them if there is a file."""
    return create_app(
        append=_storing(f"sqlite:///{file}") if file else _forget,
        playbook=PlaybookHolder(Path(playbook)).playbook,
        secret_of=lambda _name: None,
        clock=SystemClock(),
        checks={},
        registry=CollectorRegistry(),
    )


def _forget(events: Sequence[Event]) -> Sequence[Receipt]:
    return [Receipt(event.event_id, duplicate=False) for event in events]


def _storing(url: str) -> Append:
    migrate.upgrade(url)
    return partial(inbox.append, open_store(url))


if __name__ == "__main__":
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    server = serve(receiver(*sys.argv[2:]) if sys.argv[2:] else nothing(), "127.0.0.1", int(sys.argv[1]))
    server.start()
    stopped.wait()
    server.stop()
