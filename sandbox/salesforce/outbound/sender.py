"""Sends outbound messages over HTTP, in a thread of its own that starts with the first rule."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

LOOK_EVERY_S = 0.1  # the clock may be moved at any time


class Sender:
    """The thread that empties the org's outbox."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to send, if that has not begun."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, name="outbound messages", daemon=True)
            self._thread.start()
        self._wake.set()

    def wake(self) -> None:
        """Look now."""
        self._wake.set()

    def _loop(self) -> None:
        while not self._org.closed.is_set():
            self._wake.wait(LOOK_EVERY_S if self._org.outbox.waiting else 1.0)
            self._wake.clear()
            if self._org.outbox.waiting:
                self._org.outbox.deliver()


def post(url: str, body: bytes, timeout_s: float) -> tuple[int, bytes]:
    """Send an envelope; no proxy comes in between."""
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""', "User-Agent": "SFDC-Outbound"}
    request = urllib.request.Request(url, body, headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout_s) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b""
