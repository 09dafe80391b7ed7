"""Connections as waitress serves them, but for one thing: an answer without a body leaves them open."""

from __future__ import annotations

from waitress.channel import HTTPChannel
from waitress.task import WSGITask


class Task(WSGITask):
    """One call.

    Waitress closes a connection after an answer without a Content-Length, also after 204 and 304, which
    cannot have one: a client that updates record after record would greet anew for each, also over TLS.
    """

    _stays_open = False

    def build_response_header(self) -> bytes:
        """The head of the answer."""
        asked = self.request.headers.get("CONNECTION", "").lower()
        self._stays_open = not self.has_body and self.version == "1.1" and asked != "close"
        try:
            head: bytes = super().build_response_header()
        finally:
            self._stays_open = False
        return head

    def set_close_on_finish(self) -> None:
        """Close the connection after this answer."""
        if not self._stays_open:
            super().set_close_on_finish()


class Channel(HTTPChannel):
    """One connection."""

    task_class = Task
