"""Structured logs: one JSON event a line, ids instead of personal data."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, TextIO

import structlog

from model.faults import traceback_of, without_people


class Patient:
    """A stream that a full disk, or a reader that has gone, cannot turn into an error of who writes.

    What it cannot write is counted, and the count is written as soon as writing works again.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        # Past the buffer: it would keep what failed, and fail with it again at the next line.
        self._raw: io.RawIOBase | None = getattr(getattr(stream, "buffer", None), "raw", None)
        self._lock = threading.Lock()
        self._lost = 0
        self._is_torn = False  # a line broke off half way

    def write(self, text: str) -> int:
        """Write, or count what is lost."""
        with self._lock:
            try:
                if self._lost:
                    line = {"event": "logs.lost", "level": "warning", "writes": self._lost}
                    self._put(("\n" if self._is_torn else "") + json.dumps(line) + "\n")
                    self._lost, self._is_torn = 0, False
                self._put(text)
            except (OSError, ValueError):  # no room, no reader, or closed on the way out
                self._lost += 1
        return len(text)

    def _put(self, text: str) -> None:
        if self._raw is None:
            self._stream.write(text)
            self._stream.flush()
            return
        data = text.encode("utf-8", "backslashreplace")
        while data:
            written = self._raw.write(data)
            data = data[written or 0 :]
            self._is_torn = bool(data)

    def flush(self) -> None:
        """Do nothing: every write is flushed."""

    def isatty(self) -> bool:
        """Say whether a person reads along."""
        return self._stream.isatty()


class _Formatter(logging.Formatter):
    """Libraries' own lines, without people and the values of exceptions."""

    def format(self, record: logging.LogRecord) -> str:
        return without_people(super().format(record))

    def formatException(self, ei: Any) -> str:
        return traceback_of(ei[1]) if ei[1] is not None else ""


def _with_traceback(_logger: Any, _name: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Write the exception at hand, with where it happened, but without values."""
    given = line.pop("exc_info", None)
    if not given:
        return line
    error = given if isinstance(given, BaseException) else sys.exc_info()[1]
    if isinstance(given, tuple):
        error = given[1]
    if error is not None:
        line["exception"] = traceback_of(error)
    return line


def _without_people(_logger: Any, _name: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take e-mail addresses and phone numbers out of what a CRM or a library said."""
    for name, value in line.items():
        if isinstance(value, str) and name not in ("event", "timestamp"):
            line[name] = without_people(value)
    return line


def _tell_the_unforeseen() -> None:
    """Log what no code of ours caught, in the same form."""
    log = structlog.get_logger("leadrelay")

    def of_process(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
        log.critical("process.failed", exc_info=error)

    def of_thread(given: threading.ExceptHookArgs) -> None:
        if given.exc_value is not None and not isinstance(given.exc_value, SystemExit):
            name = given.thread.name if given.thread else ""
            log.critical("thread.failed", thread=name, exc_info=given.exc_value)

    sys.excepthook, threading.excepthook = of_process, of_thread


def keep_apart() -> None:
    """Send the log of a command that sets up none to standard error: what it prints may be JSON."""
    if not structlog.is_configured():
        structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


def configure(level: str, *, for_people: bool = False) -> None:
    """Send our logs to standard error; ``for_people`` writes plain lines instead of JSON."""
    number = getattr(logging, level.upper())
    stream = Patient(sys.stderr)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Formatter("%(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING))
    _tell_the_unforeseen()
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
            _with_traceback,
            _without_people,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(stream),  # type: ignore[arg-type]  # as much of a file as it needs
        cache_logger_on_first_use=True,
    )
