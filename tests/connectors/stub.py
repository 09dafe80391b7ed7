"""A server that answers what a test says and remembers what it was asked."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Said:
    """One answer; ``body`` is sent as JSON unless it is bytes. ``status`` 0 closes the connection."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    after: float = 0.0


@dataclass
class Stub:
    """Answers in the order given; the last answer stays. A function is asked for each request."""

    url: str = ""
    answers: list[Said | Callable[[Asked], Said]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def will_say(self, *answers: Said | Callable[[Asked], Said]) -> None:
        """Set the answers to come."""
        self.answers = list(answers)

    def answer(self, asked: Asked) -> Said:
        """Take note of a request and choose its answer."""
        with self.lock:
            self.asked.append(asked)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(asked) if callable(answer) else answer


@contextmanager
def running_stub() -> Iterator[Stub]:
    """Serve a stub on a free port."""
    stub = Stub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_one_request(self) -> None:
            """Read one request, answer as the stub says."""
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            is_form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
            body = dict(parse_qsl(raw.decode())) if is_form else json.loads(raw) if raw else None
            said = stub.answer(Asked(self.command, self.path, headers, body))
            time.sleep(said.after)
            if said.status == 0:
                self.close_connection = True
                return
            payload = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
            if said.body is None:
                payload = b""
            with suppress(OSError):  # the client has left
                self.send(said, payload)

        def send(self, said: Said, payload: bytes) -> None:
            """Write an answer."""
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
