"""Structured logs: one JSON event a line, ids instead of personal data."""

from __future__ import annotations

import logging
import sys
import threading
from typing import TextIO

import structlog


class Patient:
    """A stream that a full disk, or a reader that has gone, cannot turn into an error of who writes.

    What it cannot write is counted, and the count is written as soon as writing works again.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._lost = 0

    def write(self, text: str) -> int:
        """Write, or count what is lost."""
        with self._lock:
            try:
                if self._lost:
                    self._stream.write(
                        f'{{"event": "logs.lost", "level": "warning", "writes": {self._lost}}}\n'
                    )
                    self._stream.flush()
                    self._lost = 0
                self._stream.write(text)
                self._stream.flush()
            except (OSError, ValueError):  # no room, no reader, or closed on the way out
                self._lost += 1
        return len(text)

    def flush(self) -> None:
        """Do nothing: every write is flushed."""

    def isatty(self) -> bool:
        """Say whether a person reads along."""
        return self._stream.isatty()


def configure(level: str, *, for_people: bool = False) -> None:
    """Send our logs to standard error; ``for_people`` writes plain lines instead of JSON."""
    number = getattr(logging, level.upper())
    stream = Patient(sys.stderr)
    logging.basicConfig(stream=stream, level=max(number, logging.WARNING), format="%(name)s: %(message)s")
    renderer = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if for_people
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(stream),  # type: ignore[arg-type]  # as much of a file as it needs
        cache_logger_on_first_use=True,
    )
