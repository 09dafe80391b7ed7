"""Jobs: each on its own interval, and none that fails stops itself or another."""

from __future__ import annotations

import threading

from scheduler import jobs
from scheduler.jobs import Job


def test_jobs_run_at_start_and_again_and_a_failure_stops_nothing():
    runs: list[int] = []
    third, other = threading.Event(), threading.Event()

    def fails() -> None:
        runs.append(1)
        if len(runs) == 3:
            third.set()
        raise RuntimeError("a bug")

    scheduler = jobs.start(
        [
            Job("fails", 0.02, fails, at_start=True),
            Job("other", 0.02, other.set),
            Job("rare", 3600, third.set),
        ]
    )
    try:
        assert third.wait(10)
        assert other.wait(10)
    finally:
        scheduler.shutdown(wait=True)
    assert len(runs) >= 3


def test_a_job_never_runs_beside_itself():
    running, most, seen, enough = [0], [0], [0], threading.Event()
    lock = threading.Lock()

    def slow() -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        threading.Event().wait(0.05)
        with lock:
            running[0] -= 1
            seen[0] += 1
        if seen[0] == 3:
            enough.set()

    scheduler = jobs.start([Job("slow", 0.01, slow)])
    try:
        assert enough.wait(10)
    finally:
        scheduler.shutdown(wait=True)
    assert most[0] == 1
