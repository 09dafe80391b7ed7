"""What the clock starts: the table of name, seconds between two runs, and function."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

log = structlog.get_logger("leadrelay.jobs")


@dataclass(frozen=True, slots=True)
class Job:
    """A plain, idempotent function and how often it runs; ``at_start`` runs it once at once."""

    name: str
    seconds: float
    run: Callable[[], object]
    at_start: bool = False


def start(jobs: Sequence[Job]) -> BackgroundScheduler:
    """Start a scheduler with these jobs in memory; a run that is late is made up once."""
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler = BackgroundScheduler(
        timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    )
    for job in jobs:
        # One that runs at the start is no job of its own: a stop that clears the jobs could meet its removal.
        first = {"next_run_time": datetime.now(UTC)} if job.at_start else {}
        scheduler.add_job(_guard(job), "interval", seconds=job.seconds, id=job.name, **first)
    scheduler.start()
    return scheduler


def _guard(job: Job) -> Callable[[], None]:
    def run() -> None:
        try:
            job.run()
        except Exception:  # whatever one run meets, it is told, and the next run comes
            log.exception("job.failed", job=job.name)

    return run
