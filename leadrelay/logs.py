"""Structured logs: one JSON event a line, ids instead of personal data."""

from __future__ import annotations

import logging
import sys

import structlog


def configure(level: str, *, for_people: bool = False) -> None:
    """Send our logs to standard error; ``for_people`` writes plain lines instead of JSON."""
    number = getattr(logging, level.upper())
    logging.basicConfig(stream=sys.stderr, level=max(number, logging.WARNING), format="%(name)s: %(message)s")
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
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
