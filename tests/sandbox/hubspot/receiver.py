"""A receiver of webhooks: keeps what it gets, and answers as a test wants."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """What arrived: the bodies, their events and their headers, in the order of arrival."""

    url: str = ""
    status: int = 200
    wait_s: float = 0
    calls: list[tuple[dict[str, str], str]] = field(default_factory=list)

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events of all calls."""
        return [event for _, body in self.calls for event in json.loads(body)]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Receive on a free port while the block runs."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            receiver.calls.append((dict(self.headers), body))
            time.sleep(receiver.wait_s)
            self.send_response(receiver.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/hooks/hubspot"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
