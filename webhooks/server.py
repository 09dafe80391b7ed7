"""The HTTP side of the process: every receiver in one Flask app, and waitress to serve it."""

from __future__ import annotations

import json
import logging
import select
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import waitress
from flask import Blueprint, Flask, Response, jsonify
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.task import ErrorTask, WSGITask

from mappings.playbook import Playbook
from model.times import Clock
from webhooks import forms, hubspot, salesforce
from webhooks.answers import answer_errors, refusal
from webhooks.callers import Hooks
from webhooks.forms import Append
from webhooks.signatures import SecretOf

Check = Callable[[], str | None]
"""Looks at one part of the process: ``None`` when it is fine, else the reason why not."""

Told = Callable[[], Mapping[str, Any]]
"""What /readyz says beside its checks; it makes no process unready."""

LARGEST_BODY = 8 * 1024 * 1024  # bytes; a source's own max_bytes is checked once the source is known
LARGEST_HEADERS = 32 * 1024
BACKLOG = 1024
IDLE_SECONDS = 0.1  # a connection this quiet has nothing on its way to us
PATIENCE_SECONDS = 10.0


def create_app(
    *,
    append: Append,
    playbook: Callable[[], Playbook],
    secret_of: SecretOf,
    clock: Clock,
    checks: Mapping[str, Check],
    registry: CollectorRegistry,
    told: Told = dict,
    hooks: Hooks | None = None,
    extra: Sequence[Blueprint] = (),
) -> Flask:
    """Build the app with every receiver and the addresses that operators watch."""
    app = create_watch(checks, registry, told)
    receivers = [forms.blueprint(append, playbook, secret_of, clock)]
    if hooks is not None:
        receivers += [
            hubspot.blueprint(append, hooks.callers, secret_of, clock, hooks.public_url),
            salesforce.blueprint(append, hooks.callers, secret_of, clock, hooks.long_id),
        ]
    for routes in (*receivers, *extra):
        app.register_blueprint(routes)
    return app


def create_watch(checks: Mapping[str, Check], registry: CollectorRegistry, told: Told = dict) -> Flask:
    """Build an app with the addresses that operators watch: all of a process that receives nothing."""
    app = Flask("leadrelay", static_folder=None)
    answer_errors(app)

    @app.get("/healthz")
    def healthz() -> Response:
        """Say that the process is up."""
        return jsonify(status="ok")

    @app.get("/readyz")
    def readyz() -> Response:
        """Say whether each part can do its work, and why not."""
        found = {name: check() for name, check in checks.items()}
        ready = not any(found.values())
        answer = jsonify(
            status="ready" if ready else "not ready",
            checks={name: reason or "ok" for name, reason in found.items()},
            **told(),
        )
        answer.status_code = 200 if ready else 503
        return answer

    @app.get("/metrics")
    def metrics() -> Response:
        """Return the figures in Prometheus' text format."""
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return app


def serve(app: Flask, host: str, port: int, threads: int = 16) -> Server:
    """Bind the address (an ``OSError`` says if it is taken) and return the server, not yet started."""
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a line a request when all threads are busy
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    wsgi = waitress.create_server(
        app,
        sockets=[listener],
        threads=threads,
        ident=None,
        backlog=BACKLOG,
        channel_timeout=30,
        asyncore_use_poll=True,
        max_request_body_size=LARGEST_BODY,
        max_request_header_size=LARGEST_HEADERS,
        clear_untrusted_proxy_headers=False,  # nothing trusts them; an unsigned source refuses them
    )
    return Server(wsgi, listener)


class Server:
    """A running HTTP server; ``stop`` lets requests in flight finish."""

    def __init__(self, wsgi: Any, listener: socket.socket) -> None:
        self.port: int = listener.getsockname()[1]
        self._wsgi = wsgi
        self._wsgi.channel_class = _Channel
        self._wsgi.draining = False
        self._loop = threading.Thread(target=wsgi.run, name="http", daemon=True)

    def start(self) -> None:
        """Serve from a thread of its own; connections made since ``serve`` are answered too."""
        self._loop.start()

    def stop(self, patience: float = PATIENCE_SECONDS) -> None:
        """Take no new connection, finish the requests in flight, return after ``patience`` at the latest."""
        if self._wsgi.draining:
            return
        deadline = time.monotonic() + patience
        self._wsgi.draining = True
        if not self._loop.is_alive():  # never started
            self._wsgi.task_dispatcher.shutdown()
            self._close()
            self._wsgi.trigger.close()
            return
        self._in_loop(self._close_listener)
        while self._wsgi.active_channels and time.monotonic() < deadline:
            self._in_loop(self._close_idle)
            time.sleep(0.02)
        self._wsgi.task_dispatcher.shutdown(timeout=max(0.1, deadline - time.monotonic()))
        if self._wsgi.task_dispatcher.threads:
            return  # a stuck thread would write into the trigger's file descriptor after it is used anew
        self._in_loop(self._close)
        self._loop.join(timeout=1)
        if not self._loop.is_alive():
            self._wsgi.trigger.close()

    def _in_loop(self, act: Callable[[], None]) -> None:
        self._wsgi.trigger.pull_trigger(act)  # only the loop's thread may touch sockets

    def _close_listener(self) -> None:
        for _ in range(BACKLOG):  # whoever connected before the stop is served
            if not select.select([self._wsgi.socket], [], [], 0)[0]:
                break
            self._wsgi.handle_accept()
        wasyncore.dispatcher.close(self._wsgi)

    def _close_idle(self) -> None:
        cutoff = time.time() - IDLE_SECONDS
        for channel in list(self._wsgi.active_channels.values()):
            is_idle = not channel.requests and channel.request is None and channel.last_activity < cutoff
            if is_idle and not _has_bytes(channel.socket):
                channel.close_when_flushed = True

    def _close(self) -> None:
        """Close all connections. The loop ends when it has nothing to wait for.

        It may run this before ``_in_loop`` has written to the trigger's pipe (it was awake
        already), so the pipe is closed by whoever waits for the loop's end.
        """
        self._wsgi.trigger.del_channel()
        wasyncore.close_all(self._wsgi._map, ignore_all=True)


def _has_bytes(connection: socket.socket) -> bool:
    """Say whether a request has begun to arrive that a busy loop has not read yet."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


class _Task(WSGITask):
    """A request whose answer tells the sender to come back on a new connection while we drain."""

    def build_response_header(self) -> bytes:
        if self.channel.server.draining:
            self.set_close_on_finish()
        return super().build_response_header()


class _ErrorTask(ErrorTask):
    """The answer to what waitress itself refuses, in our form."""

    def execute(self) -> None:
        error = self.request.error
        body = json.dumps(refusal(error.code)).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", "application/json"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):
    task_class = _Task
    error_task_class = _ErrorTask
