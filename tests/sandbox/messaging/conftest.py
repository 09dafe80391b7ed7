"""The messaging sandbox on a real port, with its mail server, new for each test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from sandbox.app import vendor_of
from sandbox.clock import Clock
from sandbox.messaging import create_app
from sandbox.messaging.service import Messaging
from sandbox.messaging.smtp import MailServer
from sandbox.server import running

LEADS = "/services/T0SANDBOX1/B0LEADS001/sandboxleadssecret000001"


@dataclass(frozen=True, slots=True)
class Office:
    """The address of the sandbox, and its control endpoints."""

    url: str
    smtp_port: int

    def get(self, path: str) -> Any:
        answer = requests.get(f"{self.url}/__sandbox/{path}", timeout=60)
        assert answer.ok, answer.text
        return answer.json()

    def post(self, path: str, **body: Any) -> Any:
        answer = requests.post(f"{self.url}/__sandbox/{path}", json=body, timeout=60)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def messages(self, query: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"messages{query}")["messages"]
        return found

    def send(self, path: str = LEADS, **call: Any) -> requests.Response:
        return requests.post(self.url + path, timeout=60, **call)

    def freeze(self) -> None:
        self.post("clock", now="2026-11-21T09:00:00Z", frozen=True)


@pytest.fixture
def office() -> Iterator[Office]:
    """A new messaging sandbox."""
    app = create_app(Clock())
    service = vendor_of(app)
    assert isinstance(service, Messaging)
    mail = MailServer(service).start()
    try:
        with running(app) as url:
            yield Office(url, mail.port)
    finally:
        mail.stop()
